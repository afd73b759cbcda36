/// The names of files whose content goes on in the next file: the position of the first byte, as 20 decimal digits
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/UtilAll.java,
/// `offset2FileName`).
package enum SegmentName {
  private static let digits = 20

  /// The name of the file that begins at `start`, which must not be negative.
  package static func text(_ start: Int64) -> String {
    precondition(start >= 0, "a file begins before the first byte")
    return unsafe String(unsafeUninitializedCapacity: digits) { buffer in
      var rest = start
      for index in stride(from: digits - 1, through: 0, by: -1) {
        unsafe buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      return digits
    }
  }

  /// Where the file of this name begins; nil for any other name.
  package static func start(_ name: String) -> Int64? {
    guard name.utf8.count == digits, name.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return Int64(name)
  }
}
