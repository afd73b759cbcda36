package import ApusBase

/// One unit of a consume queue's extension files: what an entry has no room for. The entry's tags code is then the
/// unit's address, below every 32-bit number.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 2 | i16 | size of the unit; −1 ends a file early, 0 was never written |
/// | 2 | 8 | i64 | tags code |
/// | 10 | 8 | i64 | store time of the message, ms |
/// | 18 | 2 | i16 | size of the bit map in bytes |
/// | 20 | n | bytes | bit map: the bits of the groups whose conditions the message meets |
///
/// Big-endian. A file keeps its last four bytes free. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/ConsumeQueueExt.java.
package struct ConsumeQueueExtension: Hashable, Sendable {
  /// The size of a unit without a bit map, in bytes.
  package static let minimumBytes = 20
  /// The size of the largest unit, in bytes.
  package static let maximumBytes = 32_767
  /// What stands in place of a size where a file ends early.
  package static let fileEnd: Int16 = -1
  /// How many bytes of a file stay free at its end.
  package static let reservedBytes = 4

  /// The tags code that the entry would have.
  package var tagsCode: Int64
  /// When the message was stored.
  package var storeTime: WallTime
  /// The bit map; empty when none was worked out.
  package var bitMap: [UInt8]

  /// Puts a unit together.
  package init(tagsCode: Int64, storeTime: WallTime, bitMap: [UInt8]) {
    precondition(bitMap.count <= Self.maximumBytes - Self.minimumBytes, "a bit map that no unit holds")
    self.tagsCode = tagsCode
    self.storeTime = storeTime
    self.bitMap = bitMap
  }

  /// Reads the unit at byte `position` of `bytes`; nil when no whole unit stands there.
  package init?(_ bytes: RawSpan, at position: Int) {
    guard let size = Self.size(bytes, at: position), bytes.byteCount - position >= size else { return nil }
    let mapBytes = Int(max(bytes.loadBigEndian(at: position + 18, as: Int16.self), 0))
    guard Self.minimumBytes + mapBytes <= size else { return nil }
    tagsCode = bytes.loadBigEndian(at: position + 2, as: Int64.self)
    storeTime = WallTime(milliseconds: bytes.loadBigEndian(at: position + 10, as: Int64.self))
    let start = position + Self.minimumBytes
    bitMap = bytes.extracting(start..<start + mapBytes).array
  }

  /// The size of the unit that begins at byte `position`; nil when none does. The rest of it may lie outside.
  package static func size(_ bytes: RawSpan, at position: Int) -> Int? {
    guard bytes.byteCount - position >= minimumBytes else { return nil }
    let size = Int(bytes.loadBigEndian(at: position, as: Int16.self))
    return size >= minimumBytes ? size : nil
  }

  /// The size of this unit in bytes.
  package var bytes: Int { Self.minimumBytes + bitMap.count }

  /// Appends the unit.
  package func write(into writer: inout ByteWriter) {
    writer.write(Int16(truncatingIfNeeded: bytes))
    writer.write(tagsCode)
    writer.write(storeTime.milliseconds)
    writer.write(Int16(truncatingIfNeeded: bitMap.count))
    writer.write(bitMap.rawSpan)
  }

  // MARK: Addresses

  /// Where the unit lies that a tags code is the address of; nil for a tags code that is none.
  package static func offset(of tagsCode: Int64) -> Int64? { isAddress(tagsCode) ? tagsCode &- Int64.min : nil }

  /// Whether a tags code is the address of a unit.
  @inline(__always)
  package static func isAddress(_ tagsCode: Int64) -> Bool { tagsCode < Int64(Int32.min) }

  /// The address of the unit at an offset; nil when it is too far for one.
  package static func address(of offset: Int64) -> Int64? {
    let address = offset &+ Int64.min
    return offset >= 0 && isAddress(address) ? address : nil
  }
}

/// Which messages may meet a group's condition, as bit maps tell: all bits of the group must be set. It says nothing of
/// messages from before the group told the condition, nor by a map of another size.
package struct BitFilter: Hashable, Sendable {
  /// The group's bits.
  package var positions: [Int32]
  /// How many bits a map has.
  package var bitCount: Int
  /// When the group told its condition.
  package var since: WallTime

  /// Puts a filter together.
  package init(positions: [Int32], bitCount: Int, since: WallTime) {
    self.positions = positions
    self.bitCount = bitCount
    self.since = since
  }

  /// Whether the message of a unit may meet the condition.
  package func mayPass(_ unit: ConsumeQueueExtension) -> Bool {
    guard unit.storeTime > since, unit.bitMap.count * 8 == bitCount else { return true }
    return positions.allSatisfy { position in
      guard position >= 0, Int(position) < bitCount else { return true }
      return unit.bitMap[Int(position) / 8] & 1 << UInt8(position % 8) != 0
    }
  }
}
