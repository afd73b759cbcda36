/// Reading values as loosely as fastjson casts them: numbers stand for texts and texts for numbers.
extension JSONValue {
  /// The member of that name, the last one when it stands twice; nil when there is none or this is no object. Linear.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key.isKey(name) }?.value
  }

  private func isKey(_ name: String) -> Bool {
    switch self {
    case .string(let key): key == name
    case .integer(let number): String(number) == name
    default: false
    }
  }

  /// The elements of a list; nil for anything else.
  public var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members of an object; nil for anything else.
  public var members: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// Whether this is `null`.
  public var isNull: Bool { self == .null }

  /// A whole number of 64 bits: a number (its fraction cut off), a text of digits or a boolean; nil for anything else
  /// and when it does not fit.
  public var int64: Int64? {
    switch self {
    case .integer(let number): number
    case .number(let number): Int64(exactly: number.rounded(.towardZero))
    case .string(let text): Int64(text)
    case .bool(let flag): flag ? 1 : 0
    case .null, .array, .object: nil
    }
  }

  /// A whole number of 32 bits, as ``int64``.
  public var int32: Int32? { int64.flatMap { Int32(exactly: $0) } }

  /// A number with a fraction, never an infinite one; a text of digits counts.
  public var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    // Swift reads `nan` and `inf` too.
    case .string(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
    case .null, .bool, .array, .object: nil
    }
  }

  /// A boolean: `true` and `false`, 1 and 0, and their texts in any case, and `Y`, `T`, `N`, `F`.
  public var bool: Bool? {
    switch self {
    case .bool(let flag): flag
    case .integer(let number): number == 1
    case .string(let text):
      switch text.lowercased() {
      case "true", "1", "y", "t": true
      case "false", "0", "n", "f": false
      default: nil
      }
    case .null, .number, .array, .object: nil
    }
  }

  /// A text; numbers and booleans as they are written. Nil for null, lists and objects.
  public var text: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): String(number)
    case .number(let number): JSONWriter.javaText(number)
    case .bool(let flag): flag ? "true" : "false"
    case .null, .array, .object: nil
    }
  }
}

/// Building values.
extension JSONValue {
  /// A whole number.
  public init(_ number: some FixedWidthInteger) { self = .integer(Int64(clamping: number)) }

  /// A text, or null.
  public init(_ text: String?) { self = text.map { .string($0) } ?? .null }

  /// A list of texts.
  public init(_ texts: some Sequence<String>) { self = .array(texts.map { .string($0) }) }

  /// An object of named members in the given order; members that are null are left out, as Java leaves them out.
  public init(members: KeyValuePairs<String, JSONValue>) {
    self = .object(members.filter { !$0.value.isNull }.map { JSONMember($0.key, $0.value) })
  }

  /// The texts of a list, those elements left out that are none.
  public var texts: [String]? { elements?.compactMap(\.text) }

  /// The member's text, which must be there.
  public func requiredText(_ name: String) throws(DecodeError) -> String {
    guard let text = self[name]?.text else {
      throw DecodeError(field: name, offset: 0, reason: "missing or no text")
    }
    return text
  }

  /// The member's number when it is there; a member that is no number of 32 bits is an error.
  public func int32(_ name: String, default standard: Int32) throws(DecodeError) -> Int32 {
    guard let member = self[name], !member.isNull else { return standard }
    guard let number = member.int32 else { throw DecodeError(field: name, offset: 0, reason: "no number of 32 bits") }
    return number
  }

  /// The member's number when it is there; a member that is no number of 64 bits is an error.
  public func int64(_ name: String, default standard: Int64) throws(DecodeError) -> Int64 {
    guard let member = self[name], !member.isNull else { return standard }
    guard let number = member.int64 else { throw DecodeError(field: name, offset: 0, reason: "no number of 64 bits") }
    return number
  }

  /// The member's truth value when it is there and can be one.
  public func bool(_ name: String, default standard: Bool) -> Bool { self[name]?.bool ?? standard }
}
