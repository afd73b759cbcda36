extension ByteWriter {
  /// Appends a text as fastjson escapes it between quotes.
  public mutating func write(jsonEscaped text: String) {
    var text = text
    text.withUTF8 { source in
      unsafe write(jsonEscaped: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(source)))
    }
  }

  /// Appends UTF-8 bytes as fastjson escapes them between quotes: quote and backslash, control characters below U+0020
  /// and in U+007F...U+009F, the separators U+2028 and U+2029. Everything else stays.
  public mutating func write(jsonEscaped text: RawSpan) {
    var plain = 0
    var position = 0
    while position < text.byteCount {
      let byte = text.byte(at: position)
      if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        position += 1
        continue
      }
      guard let (unit, length) = Self.special(text, at: position) else {
        position += 1
        continue
      }
      write(text.extracting(plain..<position))
      writeEscape(unit)
      position += length
      plain = position
    }
    write(text.extracting(plain..<position))
  }

  /// The UTF-16 unit to escape at a position and how many bytes it takes; nil when it needs no escape.
  private static func special(_ text: RawSpan, at position: Int) -> (unit: UInt16, length: Int)? {
    let byte = text.byte(at: position)
    if byte < 0x80 { return (UInt16(byte), 1) }
    let left = text.byteCount - position
    if byte == 0xC2, left >= 2 {
      let next = text.byte(at: position + 1)
      return (0x80..<0xA0).contains(next) ? (UInt16(next), 2) : nil
    }
    if byte == 0xE2, left >= 3, text.byte(at: position + 1) == 0x80, text.byte(at: position + 2) & 0xFE == 0xA8 {
      return (0x2000 | UInt16(text.byte(at: position + 2) & 0x3F), 3)
    }
    return nil
  }

  /// Appends one UTF-16 unit as an escape.
  mutating func writeEscape(_ unit: UInt16) {
    switch unit {
    case 0x22: write("\\\"")
    case 0x5C: write("\\\\")
    case 0x08: write("\\b")
    case 0x09: write("\\t")
    case 0x0A: write("\\n")
    case 0x0C: write("\\f")
    case 0x0D: write("\\r")
    default:
      write("\\u")
      for place in 0..<4 {
        let digit = UInt8(truncatingIfNeeded: unit >> (12 - 4 * place) & 0xF)
        write(digit < 10 ? digit + 48 : digit + 55)
      }
    }
  }
}
