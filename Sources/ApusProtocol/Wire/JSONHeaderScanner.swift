import ApusBase

/// Reads a JSON header straight into a header and a field table: no values are built, texts stay where they are unless
/// they hold escapes. Accepts any order, absent and unknown members, numbers as texts and texts as numbers, raw control
/// characters, single quotes and stray commas; nesting in unknown members is bounded.
struct JSONHeaderScanner: ~Escapable {
  private static let maxDepth = 32

  private let bytes: RawSpan
  private let end: Int
  private var offset: Int

  /// What was read so far; after an error the part before it.
  private(set) var header = CommandHeader(code: 0, language: .java, version: 0, id: RequestID(0))
  /// Whether the request's id has been read.
  private(set) var hasID = false
  private(set) var remark: TextPlace?

  /// Will read the header that stands in `range` of the frame.
  @_lifetime(copy frame)
  init(_ frame: RawSpan, _ range: Range<Int>) {
    bytes = frame
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Reads the whole header.
  @_lifetime(self: copy self)
  mutating func scan(fields: inout FieldTable, scratch: inout ByteWriter) throws(DecodeError) {
    skipBlanks()
    try expect(UInt8(ascii: "{"))
    while true {
      skipCommas()
      if current == UInt8(ascii: "}") { break }
      let name = try name(&scratch)
      switch Self.member(name.bytes(frame: bytes, scratch: scratch.bytes)) {
      case .code: header.code = try number("code", &scratch)
      case .flag: header.flag = try number("flag", &scratch)
      case .version: header.version = try number("version", &scratch)
      case .opaque:
        header.id = RequestID(try number("opaque", &scratch))
        hasID = true
      case .language: header.language = try language(&scratch)
      case .remark: remark = try text(&scratch)
      case .fields: try customFields(&fields, &scratch)
      case .other: try skipValue(depth: 0)
      }
      try expectSeparator()
    }
    offset += 1
    skipBlanks()
    guard offset == end else { throw error("text after the header") }
  }

  private enum Member { case code, flag, version, opaque, language, remark, fields, other }

  private static func member(_ name: RawSpan) -> Member {
    switch name.byteCount {
    case 4: name.equals("code") ? .code : name.equals("flag") ? .flag : .other
    case 6: name.equals("opaque") ? .opaque : name.equals("remark") ? .remark : .other
    case 7: name.equals("version") ? .version : .other
    case 8: name.equals("language") ? .language : .other
    case 9: name.equals("extFields") ? .fields : .other
    default: .other
    }
  }

  @_lifetime(self: copy self)
  private mutating func customFields(_ fields: inout FieldTable, _ scratch: inout ByteWriter) throws(DecodeError) {
    skipBlanks()
    guard current == UInt8(ascii: "{") else {
      let start = offset
      try skipValue(depth: 0)
      if offset - start == 4, bytes.extracting(start..<offset).equals("null") { return }
      throw DecodeError(field: "extFields", offset: start, reason: "not an object")
    }
    offset += 1
    fields.removeAll()
    fields.isPresent = true
    while true {
      skipCommas()
      if letterField(&fields) { continue }
      if current == UInt8(ascii: "}") { break }
      let name = try name(&scratch)
      if let value = try text(&scratch) {
        let letter = name.count == 1 ? name.bytes(frame: bytes, scratch: scratch.bytes).byte(at: 0) : nil
        guard fields.append(FieldPlace(name: name, value: value), letter: letter) else {
          throw error("more than \(FieldTable.limit) fields")
        }
      }
      try expectSeparator()
    }
    offset += 1
  }
}

// MARK: Fields of the hot requests

extension JSONHeaderScanner {
  /// Reads one field as the hot requests have them, `"a":"…"` with nothing to unescape, up to its separator. False for
  /// all others, which ``customFields`` reads the general way: a send has 13 such fields, at 40 instructions instead of
  /// 250 each.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func letterField(_ fields: inout FieldTable) -> Bool {
    guard end - offset >= 8 else { return false }
    let start = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    let letter = UInt8(truncatingIfNeeded: start >> 8)
    // `"?":"`, any byte for the letter.
    guard start & 0xFF_FFFF_00FF == 0x22_3A22_0022, letter &- UInt8(ascii: "a") < 26 else { return false }
    let name = offset + 1
    let quote = bytes.position(of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), from: offset + 5, to: end)
    guard end - quote >= 2, byte(quote) == UInt8(ascii: "\"") else { return false }
    guard byte(quote + 1) == UInt8(ascii: ",") || byte(quote + 1) == UInt8(ascii: "}") else { return false }
    let field = FieldPlace(name: TextPlace(inFrame: name..<name + 1), value: TextPlace(inFrame: name + 4..<quote))
    guard fields.append(field, letter: letter) else { return false }
    offset = quote + 1
    return true
  }
}

// MARK: Members

extension JSONHeaderScanner {
  /// A member's name and the colon after it.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func name(_ scratch: inout ByteWriter) throws(DecodeError) -> TextPlace {
    let place: TextPlace
    if current == UInt8(ascii: "\"") || current == UInt8(ascii: "'") {
      place = try string(&scratch)
    } else {
      place = try word()
    }
    skipBlanks()
    try expect(UInt8(ascii: ":"))
    return place
  }

  /// The text of a value: a string's content, the characters of a number, a boolean or a nested value; nil for null.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func text(_ scratch: inout ByteWriter) throws(DecodeError) -> TextPlace? {
    skipBlanks()
    if current == UInt8(ascii: "\"") || current == UInt8(ascii: "'") { return try string(&scratch) }
    let start = offset
    try skipValue(depth: 0)
    if offset - start == 4, bytes.extracting(start..<offset).equals("null") { return nil }
    return TextPlace(inFrame: start..<offset)
  }

  @_lifetime(self: copy self)
  private mutating func number(_ name: StaticString, _ scratch: inout ByteWriter) throws(DecodeError) -> Int32 {
    skipBlanks()
    if let plain = plainNumber() { return plain }
    let start = offset
    guard let place = try text(&scratch) else { return 0 }
    guard let value = place.bytes(frame: bytes, scratch: scratch.bytes).decimal(Int32.self) else {
      throw DecodeError(field: "\(name)", offset: start, reason: "no number of 32 bits")
    }
    return value
  }

  /// A number of a few digits, as all clients write it, up to its separator; nil for everything else.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func plainNumber() -> Int32? {
    var value: Int32 = 0
    var position = offset
    // Nine digits always fit.
    let limit = min(end - 1, offset + 9)
    while position < limit {
      let digit = byte(position) &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      value = value &* 10 &+ Int32(digit)
      position += 1
    }
    guard position > offset, position < end else { return nil }
    guard byte(position) == UInt8(ascii: ",") || byte(position) == UInt8(ascii: "}") else { return nil }
    offset = position
    return value
  }

  @_lifetime(self: copy self)
  private mutating func language(_ scratch: inout ByteWriter) throws(DecodeError) -> Language {
    guard let place = try text(&scratch) else { return .java }
    let text = place.bytes(frame: bytes, scratch: scratch.bytes)
    if let number = text.decimal(Int32.self) { return UInt8(exactly: number).map { Language(rawValue: $0) } ?? .other }
    return Language(name: text)
  }

  /// Characters that need no quotes: a number, `true`, `null`, an unquoted name.
  @_lifetime(self: copy self)
  private mutating func word() throws(DecodeError) -> TextPlace {
    let start = offset
    scan: while offset < end {
      switch byte(offset) {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"):
        offset += 1
      default: break scan
      }
    }
    guard offset > start else { throw error(offset < end ? "unexpected byte \(byte(offset))" : "ends too early") }
    return TextPlace(inFrame: start..<offset)
  }

  @_lifetime(self: copy self)
  private mutating func skipValue(depth: Int) throws(DecodeError) {
    skipBlanks()
    switch current {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): try skipString()
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth < Self.maxDepth else { throw error("nested deeper than \(Self.maxDepth) levels") }
      let closing = current + 2
      offset += 1
      while true {
        skipBlanks()
        if current == closing { break }
        if current == UInt8(ascii: ",") || current == UInt8(ascii: ":") {
          offset += 1
        } else {
          try skipValue(depth: depth + 1)
        }
      }
      offset += 1
    default: _ = try word()
    }
  }

  @_lifetime(self: copy self)
  private mutating func skipString() throws(DecodeError) {
    let quote = current
    let opening = offset
    offset += 1
    while true {
      skipPlain(until: quote)
      guard offset < end else {
        offset = opening
        throw error("text without end")
      }
      if byte(offset) == quote { break }
      offset += 2
    }
    offset += 1
  }
}

// MARK: Characters

extension JSONHeaderScanner {
  private func error(_ reason: String) -> DecodeError { DecodeError(field: "header", offset: offset, reason: reason) }

  /// The byte at a position before the end.
  @inline(__always)
  private func byte(_ position: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
  }

  /// The byte at the current position, 0 at the end: no token starts with a zero byte.
  @inline(__always)
  private var current: UInt8 { offset < end ? byte(offset) : 0 }

  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func skipBlanks() {
    while offset < end, byte(offset) <= UInt8(ascii: " ") { offset += 1 }
  }

  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func skipCommas() {
    skipBlanks()
    while current == UInt8(ascii: ",") {
      offset += 1
      skipBlanks()
    }
  }

  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func expect(_ wanted: UInt8) throws(DecodeError) {
    guard current == wanted else { throw error("expected \(Unicode.Scalar(wanted))") }
    offset += 1
  }

  @inline(__always)
  private mutating func expectSeparator() throws(DecodeError) {
    skipBlanks()
    guard current == UInt8(ascii: ",") || current == UInt8(ascii: "}") else { throw error("expected , or }") }
  }

  /// Moves to the next quote or backslash, or to the end.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func skipPlain(until quote: UInt8) {
    offset = bytes.position(of: quote, or: UInt8(ascii: "\\"), from: offset, to: end)
  }

  /// A quoted text: in place, or in the scratch memory when it holds escapes.
  @_lifetime(self: copy self)
  @inline(__always)
  private mutating func string(_ scratch: inout ByteWriter) throws(DecodeError) -> TextPlace {
    let quote = current
    let start = offset + 1
    offset = start
    skipPlain(until: quote)
    if offset < end, byte(offset) == quote {
      offset += 1
      return TextPlace(inFrame: start..<offset - 1)
    }
    return try unescaped(from: start, quote, &scratch)
  }

  /// The rest of a quoted text that began at `start`, at its first escape or at the end.
  @_lifetime(self: copy self)
  private mutating func unescaped(
    from start: Int, _ quote: UInt8, _ scratch: inout ByteWriter
  ) throws(DecodeError) -> TextPlace {
    let unescaped = scratch.count
    scratch.write(bytes.extracting(start..<offset))
    while offset < end, byte(offset) != quote {
      if let byte = shortEscape() {
        scratch.write(byte)
        offset += 6
      } else {
        try escape(&scratch)
      }
      let plain = offset
      skipPlain(until: quote)
      scratch.write(bytes.extracting(plain..<offset))
    }
    guard offset < end else {
      offset = start - 1
      throw error("text without end")
    }
    offset += 1
    return TextPlace(inScratch: unescaped..<scratch.count)
  }

  /// The ASCII character that `\u00XX` stands for, the separator of properties above all; nil for others.
  @inline(__always)
  private func shortEscape() -> UInt8? {
    guard end - offset >= 6 else { return nil }
    let start = unsafe UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
    let high = byte(offset + 4) &- UInt8(ascii: "0")
    let low = byte(offset + 5) &- UInt8(ascii: "0")
    guard start == 0x5C75_3030, high <= 7, low <= 9 else { return nil }
    return high << 4 | low
  }

  /// One escape, at its backslash.
  @_lifetime(self: copy self)
  private mutating func escape(_ scratch: inout ByteWriter) throws(DecodeError) {
    guard end - offset >= 2 else { throw error("escape without end") }
    let letter = byte(offset + 1)
    switch letter {
    case UInt8(ascii: "u"): return try unicode(&scratch)
    case UInt8(ascii: "x"):
      guard let value = hexadecimal(at: offset + 2, digits: 2) else { throw error("bad \\x escape") }
      scratch.write(scalar: value)
      offset += 4
      return
    case UInt8(ascii: "0")...UInt8(ascii: "7"): scratch.write(letter - UInt8(ascii: "0"))
    case UInt8(ascii: "n"): scratch.write(0x0A as UInt8)
    case UInt8(ascii: "r"): scratch.write(0x0D as UInt8)
    case UInt8(ascii: "t"): scratch.write(0x09 as UInt8)
    case UInt8(ascii: "b"): scratch.write(0x08 as UInt8)
    case UInt8(ascii: "v"): scratch.write(0x0B as UInt8)
    case UInt8(ascii: "f"), UInt8(ascii: "F"): scratch.write(0x0C as UInt8)
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "/"), UInt8(ascii: "\\"): scratch.write(letter)
    default: throw error("unknown escape")
    }
    offset += 2
  }

  @_lifetime(self: copy self)
  private mutating func unicode(_ scratch: inout ByteWriter) throws(DecodeError) {
    guard let unit = hexadecimal(at: offset + 2, digits: 4) else { throw error("bad \\u escape") }
    offset += 6
    guard unit >> 11 == 0x1B else { return scratch.write(scalar: unit) }
    if unit >> 10 == 0x36, end - offset >= 2, byte(offset) == UInt8(ascii: "\\"), byte(offset + 1) == UInt8(ascii: "u"),
      let low = hexadecimal(at: offset + 2, digits: 4), low >> 10 == 0x37
    {
      scratch.write(scalar: 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
      offset += 6
    } else {
      // What Java's encoder makes of half a surrogate pair.
      scratch.write(UInt8(ascii: "?"))
    }
  }

  private func hexadecimal(at start: Int, digits: Int) -> UInt32? {
    guard end - start >= digits else { return nil }
    var value: UInt32 = 0
    for position in start..<start + digits {
      let byte = byte(position)
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

extension ByteWriter {
  /// Appends the UTF-8 form of a code point that is no surrogate.
  mutating func write(scalar value: UInt32) {
    if value < 0x80 { return write(UInt8(truncatingIfNeeded: value)) }
    if value < 0x800 {
      write(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
    } else if value < 0x10000 {
      write(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
      write(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
    } else {
      write(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
      write(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
      write(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
    }
    write(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
  }
}
