import ApusBase

/// Numbers in texts as Java's `Integer.valueOf`, `Long.valueOf` and `Double.valueOf` read them; nil where those throw.
/// Allocates for long or unusual texts only.
package enum JavaNumber {
  /// An integer with an optional sign, in decimal digits of any script of the basic plane.
  package static func int32(_ text: RawSpan) -> Int32? { int64(text).flatMap { Int32(exactly: $0) } }

  /// An integer with an optional sign, in decimal digits of any script of the basic plane.
  package static func int64(_ text: RawSpan) -> Int64? {
    var index = 0
    var isNegative = false
    if text.byteCount > 0 {
      let first = text.byte(at: 0)
      isNegative = first == UInt8(ascii: "-")
      if isNegative || first == UInt8(ascii: "+") { index = 1 }
    }
    guard index < text.byteCount else { return nil }
    // Counted below zero, where there is one number more.
    var value: Int64 = 0
    while index < text.byteCount {
      let byte = text.byte(at: index)
      let digit: Int64
      if byte < 0x80 {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        digit = Int64(byte &- UInt8(ascii: "0"))
        index += 1
      } else {
        guard let other = otherDigit(text, &index) else { return nil }
        digit = other
      }
      let (scaled, overflows) = value.multipliedReportingOverflow(by: 10)
      let (next, underflows) = scaled.subtractingReportingOverflow(digit)
      guard !overflows, !underflows else { return nil }
      value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  /// A digit of two or three bytes: of another script, or of full width.
  private static func otherDigit(_ text: RawSpan, _ index: inout Int) -> Int64? {
    let first = UInt32(text.byte(at: index))
    let count = first & 0xE0 == 0xC0 ? 2 : first & 0xF0 == 0xE0 ? 3 : 0
    guard count > 0, index + count <= text.byteCount else { return nil }
    var code = count == 2 ? first & 0x1F : first & 0x0F
    for offset in 1..<count {
      let byte = UInt32(text.byte(at: index + offset))
      guard byte & 0xC0 == 0x80 else { return nil }
      code = code << 6 | byte & 0x3F
    }
    guard code >= (count == 2 ? 0x80 : 0x800), let scalar = Unicode.Scalar(code),
      scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue
    else { return nil }
    index += count
    return Int64(value)
  }

  /// A decimal or hexadecimal number with optional sign, fraction, exponent and suffix, `NaN` or `Infinity`; blanks
  /// around it do not count.
  package static func double(_ text: RawSpan) -> Double? {
    var (start, end) = (0, text.byteCount)
    while start < end, text.byte(at: start) <= 0x20 { start += 1 }
    while start < end, text.byte(at: end - 1) <= 0x20 { end -= 1 }
    guard start < end else { return nil }
    let isNegative = text.byte(at: start) == UInt8(ascii: "-")
    if isNegative || text.byte(at: start) == UInt8(ascii: "+") { start += 1 }
    guard let value = magnitude(text.extracting(start..<end)) else { return nil }
    return isNegative ? -value : value
  }

  private static func magnitude(_ text: RawSpan) -> Double? {
    guard text.byteCount > 0 else { return nil }
    if text.equals("NaN") { return .nan }
    if text.equals("Infinity") { return .infinity }
    var end = text.byteCount
    if text.byteCount > 1, text.byte(at: 0) == UInt8(ascii: "0"), text.byte(at: 1) | 0x20 == UInt8(ascii: "x") {
      return hexadecimal(text)
    }
    switch text.byte(at: end - 1) | 0x20 {
    case UInt8(ascii: "d"), UInt8(ascii: "f"): end -= 1
    default: break
    }
    return decimal(text.extracting(0..<end))
  }

  private static func decimal(_ text: RawSpan) -> Double? {
    var (mantissa, digits, fraction, index) = (UInt64(0), 0, 0, 0)
    var (hasPoint, isExact) = (false, true)
    scan: while index < text.byteCount {
      let byte = text.byte(at: index)
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        if hasPoint { fraction += 1 }
        if mantissa < 100_000_000_000_000 {
          mantissa = mantissa * 10 + UInt64(byte &- UInt8(ascii: "0"))
        } else {
          isExact = false
        }
      case UInt8(ascii: ".") where !hasPoint: hasPoint = true
      default: break scan
      }
      index += 1
    }
    guard digits > 0 else { return nil }
    var exponent = 0
    if index < text.byteCount {
      guard text.byte(at: index) | 0x20 == UInt8(ascii: "e"), let read = Self.exponent(text, from: index + 1) else {
        return nil
      }
      exponent = read
    }
    let power = exponent - fraction
    // Both are exact as doubles, so that one rounding gives the nearest one.
    if isExact, power >= -22, power <= 22 {
      return power < 0 ? Double(mantissa) / powers[-power] : Double(mantissa) * powers[power]
    }
    return read(text)
  }

  /// The digits of an exponent, to the end; far away ones come out as 100,000.
  private static func exponent(_ text: RawSpan, from start: Int) -> Int? {
    var index = start
    var isNegative = false
    if index < text.byteCount {
      isNegative = text.byte(at: index) == UInt8(ascii: "-")
      if isNegative || text.byte(at: index) == UInt8(ascii: "+") { index += 1 }
    }
    guard index < text.byteCount else { return nil }
    var value = 0
    while index < text.byteCount {
      let byte = text.byte(at: index)
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 100_000)
      index += 1
    }
    return isNegative ? -value : value
  }

  /// `0x`, hexadecimal digits with an optional point, `p` and a decimal exponent, an optional suffix.
  private static func hexadecimal(_ text: RawSpan) -> Double? {
    var (index, digits, hasPoint) = (2, 0, false)
    scan: while index < text.byteCount {
      switch text.byte(at: index) {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
        UInt8(ascii: "A")...UInt8(ascii: "F"):
        digits += 1
      case UInt8(ascii: ".") where !hasPoint: hasPoint = true
      default: break scan
      }
      index += 1
    }
    guard digits > 0, index < text.byteCount, text.byte(at: index) | 0x20 == UInt8(ascii: "p") else { return nil }
    var end = text.byteCount
    switch text.byte(at: end - 1) | 0x20 {
    case UInt8(ascii: "d"), UInt8(ascii: "f"): end -= 1
    default: break
    }
    guard index + 1 < end, exponent(text.extracting(0..<end), from: index + 1) != nil else { return nil }
    return read(text.extracting(0..<end))
  }

  /// A text whose form was checked.
  private static func read(_ text: RawSpan) -> Double? { Double(text.text) }

  private static let powers: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]
}
