import ApusBase
import ApusProtocol

/// Typed fields of a command that was copied out of its frame, refused in the same words as those read in place.
extension Command {
  /// A text that must be there.
  func text(_ name: String) throws(Refusal) -> String {
    guard let value = self[name] else { throw Refusal(.systemError, "the field \(name) is missing") }
    return value
  }

  /// A text; nil when it is missing or blank, as tools send it that mean none.
  func nonBlank(_ name: String) -> String? {
    self[name].flatMap { value in value.contains { !$0.isWhitespace } ? value : nil }
  }

  /// A number that must be there.
  func number<Value: FixedWidthInteger>(_ name: String, _ type: Value.Type = Value.self) throws(Refusal) -> Value {
    let text = try text(name)
    guard let value = Value(text) else {
      throw Refusal(
        .systemError, "the field \(name) is no number of \(Value.bitWidth) bits: \(text.prefix(64))")
    }
    return value
  }

  /// A truth value as Java reads it: true for `true` in any case; false when it is absent.
  func flag(_ name: String) -> Bool { self[name]?.lowercased() == "true" }
}
