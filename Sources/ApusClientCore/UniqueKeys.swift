package import ApusBase

/// Makes the ids that a producer gives its messages (UNIQ_KEY), quicker than by way of ``UniqueKey``, which reads them.
///
/// | Bytes | Content |
/// |---|---|
/// | 4 or 16 | the machine's address |
/// | 2 | the process id |
/// | 4 | a number that tells makers of one process apart, in Java the hash of a class loader |
/// | 4 | milliseconds since the start of the month, in the machine's time zone |
/// | 2 | a counter |
///
/// written as upper-case hexadecimal digits, big-endian.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageClientIDSetter.java
package struct UniqueKeys: Sendable {
  private let prefix: [UInt8]
  private var month: Range<WallTime>
  private var counter: UInt16 = 0
  private let monthAround: @Sendable (WallTime) -> Range<WallTime>

  /// Makes ids for a process. `address` has 4 or 16 bytes; `monthAround` tells start and end of the month of a moment.
  package init(
    address: [UInt8], processID: Int32, maker: UInt32, now: WallTime,
    monthAround: @escaping @Sendable (WallTime) -> Range<WallTime>
  ) {
    precondition(address.count == 4 || address.count == 16, "an address has 4 or 16 bytes")
    var bytes = address
    let process = UInt16(truncatingIfNeeded: processID)
    bytes += [UInt8(process >> 8), UInt8(truncatingIfNeeded: process)]
    for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: maker >> shift)) }
    var digits: [UInt8] = []
    for byte in bytes { Self.append(byte, to: &digits) }
    prefix = digits
    self.monthAround = monthAround
    month = monthAround(now)
  }

  /// The digits of the next id.
  package mutating func next(now: WallTime) -> [UInt8] {
    if !month.contains(now) { month = monthAround(now) }
    let sinceStart = UInt32(truncatingIfNeeded: now.milliseconds &- month.lowerBound.milliseconds)
    var digits: [UInt8] = []
    digits.reserveCapacity(prefix.count + 12)
    digits += prefix
    for shift in stride(from: 24, through: 0, by: -8) {
      Self.append(UInt8(truncatingIfNeeded: sinceStart >> shift), to: &digits)
    }
    Self.append(UInt8(counter >> 8), to: &digits)
    Self.append(UInt8(truncatingIfNeeded: counter), to: &digits)
    counter &+= 1
    return digits
  }

  private static func append(_ byte: UInt8, to digits: inout [UInt8]) {
    digits.append(digit(byte >> 4))
    digits.append(digit(byte & 15))
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") - 10 + value
  }
}
