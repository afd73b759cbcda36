/// A JSON document of the kind that fastjson reads and writes: keys of objects need not be strings, and their order is
/// kept.
///
/// It is for the cold side: bodies of administering requests and configuration files. Headers of hot requests are
/// scanned without it.
public indirect enum JSONValue: Hashable, Sendable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A number without fraction and exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// Members in the order written; a key may stand twice, then the later one counts.
  case object([JSONMember])
}

/// One member of a JSON object.
public struct JSONMember: Hashable, Sendable {
  /// The key: a string in standard JSON, an integer or an object in fastjson's.
  public var key: JSONValue
  /// What the key stands for.
  public var value: JSONValue

  /// Pairs a key with a value.
  public init(_ key: JSONValue, _ value: JSONValue) {
    self.key = key
    self.value = value
  }

  /// Pairs a text key with a value.
  public init(_ key: String, _ value: JSONValue) {
    self.key = .string(key)
    self.value = value
  }
}
