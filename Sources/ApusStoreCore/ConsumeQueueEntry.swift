package import ApusBase

/// One unit of a consume queue: where the message of a queue offset lies in the log.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 8 | i64 | physical offset of the record |
/// | 8 | 4 | i32 | size of the record |
/// | 12 | 8 | i64 | tags code: hash of the tags, or the delivery time of a delayed message |
///
/// Big-endian. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/ConsumeQueue.java.
package struct ConsumeQueueEntry: Hashable, Sendable {
  /// The size of a unit in bytes.
  package static let bytes = 20
  /// What stands where there is no message: before the first of a queue that does not begin at 0, and in place of a
  /// message that was lost to damage.
  package static let blank = ConsumeQueueEntry(offset: .zero, size: .max, tagsCode: 0)

  /// Where the record begins.
  package var offset: PhysicalOffset
  /// How many bytes the record has.
  package var size: Int32
  /// The tags code.
  package var tagsCode: Int64

  /// Puts a unit together.
  package init(offset: PhysicalOffset, size: Int32, tagsCode: Int64) {
    self.offset = offset
    self.size = size
    self.tagsCode = tagsCode
  }

  /// Reads the unit at byte `position` of `bytes`, which must hold all of it.
  package init(_ bytes: RawSpan, at position: Int) {
    offset = PhysicalOffset(bytes.loadBigEndian(at: position, as: Int64.self))
    size = bytes.loadBigEndian(at: position + 8, as: Int32.self)
    tagsCode = bytes.loadBigEndian(at: position + 12, as: Int64.self)
  }

  /// Writes the unit to memory with room for 20 bytes.
  @unsafe
  package func encode(to target: UnsafeMutableRawPointer) {
    unsafe target.storeBytes(of: offset.rawValue.bigEndian, as: Int64.self)
    unsafe target.storeBytes(of: size.bigEndian, toByteOffset: 8, as: Int32.self)
    unsafe target.storeBytes(of: tagsCode.bigEndian, toByteOffset: 12, as: Int64.self)
  }

  /// Appends the unit.
  package func write(into writer: inout ByteWriter) {
    writer.write(offset.rawValue)
    writer.write(size)
    writer.write(tagsCode)
  }

  /// Whether the unit was written at all: unwritten ones are zero.
  package var isWritten: Bool { offset >= .zero && size > 0 }
  /// Whether no message stands here.
  package var isBlank: Bool { size == .max || !isWritten }
  /// Where the record ends.
  package var end: PhysicalOffset { PhysicalOffset(offset.rawValue &+ Int64(size)) }
}
