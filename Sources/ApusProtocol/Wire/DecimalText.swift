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
    var magnitude: UInt64 = 0
    while position < byteCount {
      let digit = unsafe unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self) &- 48
      guard digit <= 9 else { return nil }
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { return nil }
      magnitude = sum
      position &+= 1
    }
    guard isNegative else { return Value(exactly: magnitude) }
    guard magnitude <= Int64.min.magnitude else { return nil }
    return Value(exactly: 0 &- Int64(truncatingIfNeeded: magnitude))
  }

  /// What Java's `parseBoolean` makes of the bytes: true for `true` in any case, else false.
  @inlinable
  public var isTrue: Bool {
    guard byteCount == 4 else { return false }
    return byte(at: 0) | 0x20 == UInt8(ascii: "t") && byte(at: 1) | 0x20 == UInt8(ascii: "r")
      && byte(at: 2) | 0x20 == UInt8(ascii: "u") && byte(at: 3) | 0x20 == UInt8(ascii: "e")
  }
}
