/// Bytes from outside that are not what they claim to be.
public struct DecodeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was being read: a field's name, `frame length`, `JSON`.
  public var field: String
  /// Where in the input the offending byte stands, counted from the start of that input.
  public var offset: Int
  /// What is wrong, as a sentence fragment.
  public var reason: String

  /// Describes bytes that could not be read.
  public init(field: String, offset: Int, reason: String) {
    self.field = field
    self.offset = offset
    self.reason = reason
  }

  /// One line naming field, offset and reason.
  public var description: String { "\(field) at byte \(offset): \(reason)" }
}
