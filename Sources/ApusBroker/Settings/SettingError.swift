/// A setting whose value cannot be.
package struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The key.
  package var key: String
  /// What was given.
  package var value: String
  /// What may be given.
  package var range: String

  /// One line that says all three.
  package var description: String { "setting \(key) is \(value.isEmpty ? "empty" : value) but must be \(range)" }
}
