/// What a checker found wrong. With the seed it is all that is needed to see it again.
package struct SimulationFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  package var description: String

  /// Says what is wrong.
  package init(_ description: String) { self.description = description }
}
