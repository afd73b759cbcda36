package import ApusBase

/// Where the log was known to be on the device: a file of our own beside `checkpoint`, `apus.mark`, which Java ignores.
/// Damage below it is isolated, damage above it cuts the log, and recovery reads from it on.
///
/// The file has two slots, at 0 and 2048, written in turn, so that a torn write leaves the older one.
///
/// | Offset in slot | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 8 | bytes | `APUSMARK` |
/// | 8 | 4 | i32 | version, 1 |
/// | 12 | 4 | i32 | 1: closed in order |
/// | 16 | 8 | i64 | sequence: the greater slot counts |
/// | 24 | 8 | i64 | the mark: everything before it was flushed |
/// | 32 | 8 | i64 | physical offset of the last record before the mark, −1 when there is none |
/// | 40 | 4 | u32 | CRC-32 of that record |
/// | 44 | 8 | i64 | store time of that record, ms |
/// | 52 | 8 | i64 | everything before it has its entry on the device in the queue files |
/// | 60 | 4 | u32 | CRC-32 of bytes 0…59 |
///
/// Big-endian.
package struct DurableMark: Hashable, Sendable {
  /// The name of the file in the store's root.
  package static let fileName = "apus.mark"
  /// The length of the file.
  package static let bytes = 4096
  private static let slotBytes = 2048
  private static let usedBytes = 64

  /// Counts the marks ever written.
  package var sequence: Int64
  /// Everything before it was flushed.
  package var offset: PhysicalOffset
  /// The last record before the mark; nil when there is none.
  package var lastRecord: LastRecord?
  /// Everything before it has its entry on the device in the queue files.
  package var queues: PhysicalOffset
  /// Whether the store was closed in order after this mark.
  package var isClean: Bool

  /// What the last record before the mark must look like for the mark to count.
  package struct LastRecord: Hashable, Sendable {
    /// Where it begins.
    package var offset: PhysicalOffset
    /// CRC-32 of all its bytes.
    package var crc: UInt32
    /// When it was stored.
    package var storeTime: WallTime

    /// Describes a record.
    package init(offset: PhysicalOffset, crc: UInt32, storeTime: WallTime) {
      self.offset = offset
      self.crc = crc
      self.storeTime = storeTime
    }
  }

  /// Puts a mark together.
  package init(
    sequence: Int64, offset: PhysicalOffset, lastRecord: LastRecord?, queues: PhysicalOffset, isClean: Bool
  ) {
    self.sequence = sequence
    self.offset = offset
    self.lastRecord = lastRecord
    self.queues = queues
    self.isClean = isClean
  }

  /// The newer of the two marks that a file's bytes hold; nil when neither is whole.
  package static func newest(in file: RawSpan) -> DurableMark? {
    let first = file.byteCount >= usedBytes ? DurableMark(file, at: 0) : nil
    let second = file.byteCount >= slotBytes + usedBytes ? DurableMark(file, at: slotBytes) : nil
    guard let first else { return second }
    guard let second else { return first }
    return first.sequence > second.sequence ? first : second
  }

  private init?(_ bytes: RawSpan, at start: Int) {
    let slot = bytes.extracting(start..<start + Self.usedBytes)
    guard slot.extracting(0..<8).equals("APUSMARK"), slot.loadBigEndian(at: 8, as: Int32.self) == 1,
      CRC32.checksum(slot.extracting(0..<60)) == slot.loadBigEndian(at: 60, as: UInt32.self)
    else { return nil }
    isClean = slot.loadBigEndian(at: 12, as: Int32.self) == 1
    sequence = slot.loadBigEndian(at: 16, as: Int64.self)
    offset = PhysicalOffset(slot.loadBigEndian(at: 24, as: Int64.self))
    let last = PhysicalOffset(slot.loadBigEndian(at: 32, as: Int64.self))
    lastRecord =
      last < .zero
      ? nil
      : LastRecord(
        offset: last, crc: slot.loadBigEndian(at: 40, as: UInt32.self),
        storeTime: WallTime(milliseconds: slot.loadBigEndian(at: 44, as: Int64.self)))
    queues = PhysicalOffset(slot.loadBigEndian(at: 52, as: Int64.self))
  }

  /// Where in the file this mark's slot begins.
  package var position: Int64 { sequence % 2 == 0 ? 0 : Int64(Self.slotBytes) }

  /// The bytes of the slot.
  package var encoded: [UInt8] {
    var writer = ByteWriter(capacity: Self.slotBytes)
    writer.write("APUSMARK")
    writer.write(Int32(1))
    writer.write(Int32(isClean ? 1 : 0))
    writer.write(sequence)
    writer.write(offset.rawValue)
    writer.write(lastRecord?.offset.rawValue ?? -1)
    writer.write(lastRecord?.crc ?? 0)
    writer.write(lastRecord?.storeTime.milliseconds ?? 0)
    writer.write(queues.rawValue)
    writer.write(CRC32.checksum(writer.bytes))
    writer.write(repeating: 0, count: Self.slotBytes - Self.usedBytes)
    return writer.array
  }
}
