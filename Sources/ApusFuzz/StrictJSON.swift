/// JSON read by the letter of RFC 8259, without any code of the parsers that it is held against. Every value knows the
/// bytes that it stands in.
struct StrictJSON {
  /// A value.
  struct Value {
    var range: Range<Int>
    var kind: Kind
  }

  /// What a value is. A number is its text.
  indirect enum Kind {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([Value])
    case object([Member])
  }

  /// A member of an object.
  struct Member {
    var key: String
    var keyRange: Range<Int>
    var value: Value
  }

  private static let depthLimit = 24

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  /// The document that the bytes are; nil when they are none, or one that nests deeper than 24 levels.
  static func parse(_ bytes: [UInt8]) -> Value? {
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    var parser = StrictJSON(bytes: bytes)
    parser.skipBlanks()
    guard let value = parser.value() else { return nil }
    parser.skipBlanks()
    return parser.position == bytes.count ? value : nil
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = current, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
  }

  private mutating func take(_ text: String) -> Bool {
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func value() -> Value? {
    let start = position
    let kind: Kind?
    switch current {
    case UInt8(ascii: "{"): kind = nested { $0.members() }
    case UInt8(ascii: "["): kind = nested { $0.elements() }
    case UInt8(ascii: "\""): kind = string().map { .string($0) }
    case UInt8(ascii: "t"): kind = take("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): kind = take("false") ? .bool(false) : nil
    case UInt8(ascii: "n"): kind = take("null") ? .null : nil
    default: kind = number()
    }
    return kind.map { Value(range: start..<position, kind: $0) }
  }

  private mutating func nested(_ read: (inout StrictJSON) -> Kind?) -> Kind? {
    guard depth < Self.depthLimit else { return nil }
    depth += 1
    defer { depth -= 1 }
    position += 1
    return read(&self)
  }

  private mutating func members() -> Kind? {
    var members: [Member] = []
    skipBlanks()
    if take("}") { return .object([]) }
    while true {
      skipBlanks()
      let start = position
      guard current == UInt8(ascii: "\""), let key = string() else { return nil }
      let range = start..<position
      skipBlanks()
      guard take(":") else { return nil }
      skipBlanks()
      guard let value = value() else { return nil }
      members.append(Member(key: key, keyRange: range, value: value))
      skipBlanks()
      if take("}") { return .object(members) }
      guard take(",") else { return nil }
    }
  }

  private mutating func elements() -> Kind? {
    var elements: [Value] = []
    skipBlanks()
    if take("]") { return .array([]) }
    while true {
      skipBlanks()
      guard let value = value() else { return nil }
      elements.append(value)
      skipBlanks()
      if take("]") { return .array(elements) }
      guard take(",") else { return nil }
    }
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    return position - start
  }

  private mutating func number() -> Kind? {
    let start = position
    _ = take("-")
    let hasZero = current == UInt8(ascii: "0")
    let count = digits()
    guard count > 0, count == 1 || !hasZero else { return nil }
    if take(".") { guard digits() > 0 else { return nil } }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard digits() > 0 else { return nil }
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func string() -> String? {
    position += 1
    var units: [UInt16] = []
    while let byte = current, byte != UInt8(ascii: "\""), byte >= 0x20 {
      if byte == UInt8(ascii: "\\") {
        guard let unit = escape() else { return nil }
        units.append(unit)
      } else {
        let start = position
        while let byte = current, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        units += Array(String(decoding: bytes[start..<position], as: UTF8.self).utf16)
      }
    }
    guard take("\"") else { return nil }
    // Halves of pairs that stand alone are no text.
    return String(validating: units, as: UTF16.self)
  }

  private mutating func escape() -> UInt16? {
    guard position + 1 < bytes.count else { return nil }
    position += 2
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return 0x22
    case UInt8(ascii: "\\"): return 0x5C
    case UInt8(ascii: "/"): return 0x2F
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "u"):
      guard position + 4 <= bytes.count else { return nil }
      let digits = bytes[position..<position + 4]
      position += 4
      guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
      return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    default: return nil
    }
  }
}
