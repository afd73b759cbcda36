/// Reads a JSON text as leniently as fastjson 1.2 does, so that what Java brokers and foreign clients write is
/// understood: unquoted, integer and object keys, single quotes, repeated and trailing commas, comments, the suffixes
/// `L S B F D` of numbers, raw control characters in strings, `undefined` and `NaN` (both null), any whitespace around
/// the document.
///
/// Linear in the size of the input, nesting bounded, never traps. Bytes that are not UTF-8 become U+FFFD.
public struct JSONParser: ~Escapable {
  /// What a document may not exceed.
  public struct Limits: Hashable, Sendable {
    /// How deep arrays and objects may nest.
    public var depth: Int
    /// How long the text may be, in bytes.
    public var bytes: Int

    /// Sets the limits; 64 levels and 64 MiB unless told.
    public init(depth: Int = 64, bytes: Int = 64 << 20) {
      self.depth = depth
      self.bytes = bytes
    }
  }

  private let input: RawSpan
  private let limits: Limits
  private var offset = 0
  private var depth = 0

  @_lifetime(copy input)
  private init(_ input: RawSpan, _ limits: Limits) {
    self.input = input
    self.limits = limits
  }

  /// The document that `input` holds. An error names the byte that could not be read.
  public static func parse(_ input: RawSpan, limits: Limits = Limits()) throws(DecodeError) -> JSONValue {
    guard input.byteCount <= limits.bytes else {
      throw DecodeError(field: "JSON", offset: limits.bytes, reason: "longer than \(limits.bytes) bytes")
    }
    var parser = JSONParser(input, limits)
    let value = try parser.value()
    try parser.skipBlanks()
    guard parser.offset == input.byteCount else { throw parser.error("text after the document") }
    return value
  }

  /// The document that a text holds.
  public static func parse(_ text: String, limits: Limits = Limits()) throws(DecodeError) -> JSONValue {
    let bytes = Array(text.utf8)
    return try parse(bytes.rawSpan, limits: limits)
  }

  // MARK: Bytes

  private func error(_ reason: String) -> DecodeError { DecodeError(field: "JSON", offset: offset, reason: reason) }

  /// The byte at the position, 0 at the end: no token of JSON starts with a zero byte.
  private var current: UInt8 { offset < input.byteCount ? input.byte(at: offset) : 0 }

  private func peek(_ distance: Int) -> UInt8 {
    offset + distance < input.byteCount ? input.byte(at: offset + distance) : 0
  }

  private mutating func skipBlanks() throws(DecodeError) {
    while offset < input.byteCount {
      switch current {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0B, 0x0C: offset += 1
      case UInt8(ascii: "/"): try skipComment()
      default: return
      }
    }
  }

  private mutating func skipComment() throws(DecodeError) {
    switch peek(1) {
    case UInt8(ascii: "/"):
      while offset < input.byteCount, current != UInt8(ascii: "\n") { offset += 1 }
    case UInt8(ascii: "*"):
      let start = offset
      offset += 2
      while !(current == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/")) {
        guard offset < input.byteCount else {
          offset = start
          throw error("comment without end")
        }
        offset += 1
      }
      offset += 2
    default: throw error("unexpected /")
    }
  }

  // MARK: Values

  private mutating func value() throws(DecodeError) -> JSONValue {
    try skipBlanks()
    guard offset < input.byteCount else { throw error("ends where a value should stand") }
    switch current {
    case UInt8(ascii: "{"): return try nested { parser throws(DecodeError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(DecodeError) in try parser.array() }
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: return try word()
    }
  }

  private mutating func nested(
    _ read: (inout JSONParser) throws(DecodeError) -> JSONValue
  ) throws(DecodeError) -> JSONValue {
    guard depth < limits.depth else { throw error("nested deeper than \(limits.depth) levels") }
    depth += 1
    let value = try read(&self)
    depth -= 1
    return value
  }

  private mutating func array() throws(DecodeError) -> JSONValue {
    offset += 1
    var elements: [JSONValue] = []
    while true {
      try skipCommas()
      if current == UInt8(ascii: "]") {
        offset += 1
        return .array(elements)
      }
      elements.append(try value())
      try skipBlanks()
      guard current == UInt8(ascii: ",") || current == UInt8(ascii: "]") else { throw error("expected , or ]") }
    }
  }

  private mutating func object() throws(DecodeError) -> JSONValue {
    offset += 1
    var members: [JSONMember] = []
    while true {
      try skipCommas()
      if current == UInt8(ascii: "}") {
        offset += 1
        return .object(members)
      }
      let key = try key()
      try skipBlanks()
      guard current == UInt8(ascii: ":") else { throw error("expected :") }
      offset += 1
      members.append(JSONMember(key, try value()))
      try skipBlanks()
      guard current == UInt8(ascii: ",") || current == UInt8(ascii: "}") else { throw error("expected , or }") }
    }
  }

  private mutating func skipCommas() throws(DecodeError) {
    try skipBlanks()
    while current == UInt8(ascii: ",") {
      offset += 1
      try skipBlanks()
    }
  }

  private mutating func key() throws(DecodeError) -> JSONValue {
    switch current {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "{"), UInt8(ascii: "["): return try value()
    default:
      let name = try identifier()
      return .string(name)
    }
  }

  private mutating func identifier() throws(DecodeError) -> String {
    let start = offset
    while true {
      switch current {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
        offset += 1
        continue
      default: break
      }
      break
    }
    guard offset > start else { throw error("unexpected byte \(current)") }
    return input.extracting(start..<offset).text
  }

  private mutating func word() throws(DecodeError) -> JSONValue {
    let start = offset
    switch try identifier() {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null", "undefined", "NaN": return .null
    default:
      offset = start
      throw error("unknown word")
    }
  }

  private mutating func number() throws(DecodeError) -> JSONValue {
    let start = offset
    if current == UInt8(ascii: "-") { offset += 1 }
    var isInteger = true
    var digits = 0
    scan: while true {
      switch current {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
      case UInt8(ascii: "+"), UInt8(ascii: "-"):
        let before = input.byte(at: offset - 1) | 0x20
        guard before == UInt8(ascii: "e") else { break scan }
      default: break scan
      }
      offset += 1
    }
    guard digits > 0 else { throw error("expected a digit") }
    let text = input.extracting(start..<offset).text
    switch current {
    case UInt8(ascii: "L"), UInt8(ascii: "S"), UInt8(ascii: "B"), UInt8(ascii: "F"), UInt8(ascii: "D"): offset += 1
    default: break
    }
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      offset = start
      throw error("not a number")
    }
    return .number(value)
  }

  // MARK: Strings

  private mutating func string() throws(DecodeError) -> String {
    let quote = current
    let opening = offset
    offset += 1
    let start = offset
    while offset < input.byteCount {
      let byte = current
      if byte == quote {
        let text = input.extracting(start..<offset).text
        offset += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start, quote: quote, opening: opening) }
      offset += 1
    }
    offset = opening
    throw error("string without end")
  }

  private mutating func escapedString(from start: Int, quote: UInt8, opening: Int) throws(DecodeError) -> String {
    var bytes = input.extracting(start..<offset).array
    while offset < input.byteCount {
      let byte = current
      if byte == quote {
        offset += 1
        return String(decoding: bytes, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\") {
        try escape(into: &bytes)
      } else {
        bytes.append(byte)
        offset += 1
      }
    }
    offset = opening
    throw error("string without end")
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(DecodeError) {
    let letter = peek(1)
    switch letter {
    case UInt8(ascii: "u"):
      guard let unit = hexadecimal(at: offset + 2, digits: 4) else { throw error("bad \\u escape") }
      offset += 6
      var scalar = unit
      if unit >> 10 == 0x36, current == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u"),
        let low = hexadecimal(at: offset + 2, digits: 4), low >> 10 == 0x37
      {
        scalar = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
        offset += 6
      }
      bytes.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
      return
    case UInt8(ascii: "x"):
      guard let value = hexadecimal(at: offset + 2, digits: 2) else { throw error("bad \\x escape") }
      offset += 4
      bytes.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
      return
    case UInt8(ascii: "0")...UInt8(ascii: "7"): bytes.append(letter - UInt8(ascii: "0"))
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "v"): bytes.append(0x0B)
    case UInt8(ascii: "f"), UInt8(ascii: "F"): bytes.append(0x0C)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "/"), UInt8(ascii: "\\"): bytes.append(letter)
    default: throw error("unknown escape")
    }
    offset += 2
  }

  private func hexadecimal(at start: Int, digits: Int) -> UInt32? {
    guard input.byteCount - start >= digits else { return nil }
    var value: UInt32 = 0
    for position in start..<start + digits {
      let byte = input.byte(at: position)
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
        value = value << 4 | UInt32((byte | 0x20) - 87)
      default: return nil
      }
    }
    return value
  }
}
