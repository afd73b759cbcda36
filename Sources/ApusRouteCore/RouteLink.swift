/// The connection that a broker registered over, as the route table knows it: a number that the shell can find it by.
package struct RouteLink: RawRepresentable, Hashable, Sendable {
  /// The connection's number.
  package var rawValue: UInt64

  /// Wraps a connection's number.
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}
