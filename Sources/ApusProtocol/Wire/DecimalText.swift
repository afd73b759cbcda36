public import ApusBase

extension RawSpan {
  /// The number that the bytes spell as Java's `parseLong` reads it: an optional sign and decimal digits; nil for
  /// anything else and when it does not fit.
  @inlinable
  public func decimal<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    var position = 0
    var isNegative = false
    if byteCount > 0 {
      let sign = byte(at: 0)
      isNegative = sign == UInt8(ascii: "-")
      if isNegative || sign == UInt8(ascii: "+") { position = 1 }
    }
    guard position < byteCount else { return nil }
    var value: Value = 0
    while position < byteCount {
      let digit = byte(at: position) &- 48
      guard digit <= 9 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) =
        isNegative
        ? product.subtractingReportingOverflow(Value(digit)) : product.addingReportingOverflow(Value(digit))
      guard !overflow, !carry else { return nil }
      value = sum
      position += 1
    }
    return value
  }

  /// What Java's `parseBoolean` makes of the bytes: true for `true` in any case, else false.
  @inlinable
  public var isTrue: Bool {
    guard byteCount == 4 else { return false }
    return byte(at: 0) | 0x20 == UInt8(ascii: "t") && byte(at: 1) | 0x20 == UInt8(ascii: "r")
      && byte(at: 2) | 0x20 == UInt8(ascii: "u") && byte(at: 3) | 0x20 == UInt8(ascii: "e")
  }
}
