package import ApusBase

/// The content of the file in which pending timers are kept. What is not in it is in the log: everything that was
/// delivered or stored anew before ``mark`` is taken out of it, everything before ``position`` taken in.
///
/// | Offset | Bytes | Field |
/// |---|---|---|
/// | 0 | 8 | `APUSTMR1` |
/// | 8 | 8 | mark |
/// | 16 | 8 | position |
/// | 24 | 8 | n, how many timers follow |
/// | 32 | 24 n | due in ms since 1970, offset in the log, key |
/// | 32 + 24 n | 4 | CRC-32 of everything before it |
///
/// All numbers are big-endian. RocketMQ does not know the file.
package struct TimerSnapshot: Hashable, Sendable {
  private static let magic: UInt64 = 0x4150_5553_544D_5231
  private static let headBytes = 32
  private static let timerBytes = 24

  /// Where the log ended.
  package var mark: PhysicalOffset
  /// The next entry of the timers' queue to take in.
  package var position: QueueOffset
  /// What waited.
  package var timers: [TimerWheel.Timer]

  /// Puts a snapshot together.
  package init(mark: PhysicalOffset, position: QueueOffset, timers: [TimerWheel.Timer]) {
    self.mark = mark
    self.position = position
    self.timers = timers
  }

  /// The file's content for what a wheel held.
  package static func encode(
    mark: PhysicalOffset, position: QueueOffset, timers: TimerWheel.Snapshot
  ) -> ByteWriter {
    var writer = ByteWriter(capacity: headBytes + timers.count * timerBytes + 4)
    writer.write(magic)
    writer.write(mark.rawValue)
    writer.write(position.rawValue)
    writer.write(Int64(timers.count))
    timers.forEach { timer in
      writer.write(timer.due.milliseconds)
      writer.write(timer.offset.rawValue)
      writer.write(timer.key)
    }
    let checksum = CRC32.checksum(writer.bytes)
    writer.write(checksum)
    return writer
  }

  /// Reads a file's content.
  package init(_ bytes: RawSpan) throws(DecodeError) {
    guard bytes.byteCount >= Self.headBytes + 4, bytes.loadBigEndian(at: 0, as: UInt64.self) == Self.magic else {
      throw DecodeError(field: "timers", offset: 0, reason: "does not begin as a file of timers")
    }
    let content = bytes.byteCount - 4
    guard CRC32.checksum(bytes.extracting(0..<content)) == bytes.loadBigEndian(at: content, as: UInt32.self) else {
      throw DecodeError(field: "timers", offset: content, reason: "the checksum does not match")
    }
    mark = PhysicalOffset(bytes.loadBigEndian(at: 8, as: Int64.self))
    position = QueueOffset(bytes.loadBigEndian(at: 16, as: Int64.self))
    let count = bytes.loadBigEndian(at: 24, as: Int64.self)
    guard mark >= .zero, position >= .zero, count == Int64((content - Self.headBytes) / Self.timerBytes),
      (content - Self.headBytes) % Self.timerBytes == 0
    else { throw DecodeError(field: "timers", offset: 8, reason: "marks or count cannot be") }
    timers = []
    timers.reserveCapacity(Int(count))
    for index in 0..<Int(count) {
      let start = Self.headBytes + index * Self.timerBytes
      let offset = bytes.loadBigEndian(at: start + 8, as: Int64.self)
      guard offset >= 0 else { throw DecodeError(field: "timers", offset: start, reason: "a timer without a place") }
      timers.append(
        TimerWheel.Timer(
          due: WallTime(milliseconds: bytes.loadBigEndian(at: start, as: Int64.self)),
          offset: PhysicalOffset(offset), key: bytes.loadBigEndian(at: start + 16, as: UInt64.self)))
    }
  }
}
