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
/// | 64 | 8 | i64 | physical offset of the witness, −1 when there is none |
/// | 72 | 4 | i32 | size of that record |
/// | 76 | 4 | u32 | CRC-32 of that record |
/// | 80 | 4 | i32 | size of the last record before the mark |
/// | 84 | 4 | u32 | CRC-32 of bytes 64…83 |
///
/// Big-endian. The witness is the last record of an earlier mark: it tells a log whose last marked record was damaged
/// from one that is another.
package struct DurableMark: Hashable, Sendable {
  /// The name of the file in the store's root.
  package static let fileName = "apus.mark"
  /// The length of the file.
  package static let bytes = 4096
  private static let slotBytes = 2048
  private static let usedBytes = 64
  private static let extraBytes = 24

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
  /// A record further back that the log must have, too; nil when there was none yet.
  package var witness: Witness?

  /// A record of the log, recognised by its bytes.
  package struct Witness: Hashable, Sendable {
    /// Where it begins.
    package var offset: PhysicalOffset
    /// How many bytes it has.
    package var size: Int
    /// CRC-32 of them.
    package var crc: UInt32

    /// Describes a record.
    package init(offset: PhysicalOffset, size: Int, crc: UInt32) {
      self.offset = offset
      self.size = size
      self.crc = crc
    }

    /// Behind its last byte.
    package var end: PhysicalOffset { offset + size }
  }

  /// What the last record before the mark must look like for the mark to count.
  package struct LastRecord: Hashable, Sendable {
    /// Where it begins.
    package var offset: PhysicalOffset
    /// How many bytes it has. It ends at the mark, unless what followed it was damaged.
    package var size: Int
    /// CRC-32 of all its bytes.
    package var crc: UInt32
    /// When it was stored.
    package var storeTime: WallTime

    /// Describes a record.
    package init(offset: PhysicalOffset, size: Int, crc: UInt32, storeTime: WallTime) {
      self.offset = offset
      self.size = size
      self.crc = crc
      self.storeTime = storeTime
    }

    /// Behind its last byte.
    package var end: PhysicalOffset { offset + size }
  }

  /// Puts a mark together.
  package init(
    sequence: Int64, offset: PhysicalOffset, lastRecord: LastRecord?, queues: PhysicalOffset, isClean: Bool,
    witness: Witness? = nil
  ) {
    self.sequence = sequence
    self.offset = offset
    self.lastRecord = lastRecord
    self.queues = queues
    self.isClean = isClean
    self.witness = witness
  }

  /// The witness that a mark behind this one takes along, whose last record begins at `offset`.
  package func witness(before offset: PhysicalOffset?) -> Witness? {
    guard let lastRecord, lastRecord.offset != offset else { return witness }
    return Witness(offset: lastRecord.offset, size: lastRecord.size, crc: lastRecord.crc)
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
    queues = PhysicalOffset(slot.loadBigEndian(at: 52, as: Int64.self))
    guard last >= .zero else { return }
    guard last < offset else { return nil }
    let extra = Extra(bytes, at: start + Self.usedBytes)
    var size = extra?.lastSize ?? 0
    if !(1...offset - last).contains(size) { size = offset - last }
    // No record is longer than its length can say.
    guard size <= Int(Int32.max) else { return nil }
    lastRecord = LastRecord(
      offset: last, size: size, crc: slot.loadBigEndian(at: 40, as: UInt32.self),
      storeTime: WallTime(milliseconds: slot.loadBigEndian(at: 44, as: Int64.self)))
    if let found = extra?.witness, found.offset < last, found.size <= last - found.offset { witness = found }
  }

  /// The second part of a slot, which has a checksum of its own.
  private struct Extra {
    var witness: Witness?
    var lastSize: Int

    init?(_ bytes: RawSpan, at start: Int) {
      guard bytes.byteCount >= start + DurableMark.extraBytes else { return nil }
      let part = bytes.extracting(start..<start + DurableMark.extraBytes)
      guard CRC32.checksum(part.extracting(0..<20)) == part.loadBigEndian(at: 20, as: UInt32.self) else { return nil }
      let offset = PhysicalOffset(part.loadBigEndian(at: 0, as: Int64.self))
      let size = part.loadBigEndian(at: 8, as: Int32.self)
      if offset >= .zero, size > 0 {
        witness = Witness(offset: offset, size: Int(size), crc: part.loadBigEndian(at: 12, as: UInt32.self))
      }
      lastSize = Int(part.loadBigEndian(at: 16, as: Int32.self))
    }
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
    writer.write(witness?.offset.rawValue ?? -1)
    writer.write(Int32(truncatingIfNeeded: witness?.size ?? 0))
    writer.write(witness?.crc ?? 0)
    writer.write(Int32(truncatingIfNeeded: lastRecord?.size ?? 0))
    writer.write(CRC32.checksum(writer.bytes.extracting(Self.usedBytes..<Self.usedBytes + 20)))
    writer.write(repeating: 0, count: Self.slotBytes - Self.usedBytes - Self.extraBytes)
    return writer.array
  }
}
