package import ApusBase

/// The measures of an index file. All files of a store have the same; they follow from the settings and are not in the
/// file.
///
/// | Offset | Bytes | Content |
/// |---|---|---|
/// | 0 | 40 | ``IndexHeader`` |
/// | 40 | 4 × slots | i32 big-endian each: index of the newest entry whose hash falls into the slot, 0 for none |
/// | 40 + 4 × slots | 20 × entries | ``IndexEntry`` each; entry 0 is never used |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/index/IndexFile.java
package struct IndexLayout: Hashable, Sendable {
  /// Bytes of the header.
  package static let headerBytes = 40
  /// Bytes of a slot.
  package static let slotBytes = 4
  /// Bytes of an entry.
  package static let entryBytes = 20
  /// RocketMQ's defaults: `maxHashSlotNum` and `maxIndexNum`.
  package static let standard = IndexLayout(slots: 5_000_000, entries: 20_000_000)

  /// How many slots a file has.
  package let slotCount: Int
  /// For how many entries a file has room, entry 0 among them.
  package let entryCount: Int

  private init(slots: Int, entries: Int) {
    slotCount = slots
    entryCount = entries
  }

  /// Takes the measures of a configuration; nil when there is no such file: it needs a slot, an entry besides entry 0,
  /// and has to be shorter than 2 GiB.
  package init?(slotCount: Int, entryCount: Int) {
    guard (1...Int(Int32.max)).contains(slotCount), (2...Int(Int32.max)).contains(entryCount) else { return nil }
    self.init(slots: slotCount, entries: entryCount)
    guard fileBytes <= Int32.max else { return nil }
  }

  /// The length of a file in bytes.
  package var fileBytes: Int { entryOffset(entryCount) }

  /// The slot that a key's hash falls into.
  package func slot(of keyHash: Int32) -> Int { Int(keyHash) % slotCount }

  /// Where a slot lies in the file.
  package func slotOffset(_ slot: Int) -> Int { Self.headerBytes + slot * Self.slotBytes }

  /// Where an entry lies in the file.
  package func entryOffset(_ entry: Int) -> Int {
    Self.headerBytes + slotCount * Self.slotBytes + entry * Self.entryBytes
  }
}

/// The first bytes of an index file.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 8 | i64 big-endian | beginTimestamp: store time of the first entry, ms |
/// | 8 | 8 | i64 | endTimestamp: store time of the last entry, ms |
/// | 16 | 8 | i64 | beginPhyOffset: log offset of the first entry's record |
/// | 24 | 8 | i64 | endPhyOffset: log offset of the last entry's record |
/// | 32 | 4 | i32 | hashSlotCount: slots in use |
/// | 36 | 4 | i32 | indexCount: index of the next entry, 1 in an empty file |
///
/// Until a file has its first entry, begin and end are the end of the file before it.
/// Source: apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/index/IndexHeader.java
package struct IndexHeader: Hashable, Sendable {
  /// Store time of the first entry.
  package var beginTime: WallTime
  /// Store time of the last entry.
  package var endTime: WallTime
  /// The first entry's record.
  package var beginOffset: PhysicalOffset
  /// The last entry's record.
  package var endOffset: PhysicalOffset
  /// How many slots are in use.
  package var usedSlots: Int32
  /// The index of the next entry to be written, from 1.
  package var nextEntry: Int32

  /// The header of an empty file that follows one which ends at `endTime` and `endOffset`.
  package init(following endTime: WallTime = WallTime(milliseconds: 0), _ endOffset: PhysicalOffset = .zero) {
    (beginTime, self.endTime) = (endTime, endTime)
    (beginOffset, self.endOffset) = (endOffset, endOffset)
    usedSlots = 0
    nextEntry = 1
  }

  /// Reads a header; nil when its numbers cannot be those of a file with this layout. A header of zeroes is that of an
  /// empty file.
  package init?(_ bytes: RawSpan, layout: IndexLayout) {
    guard bytes.byteCount >= IndexLayout.headerBytes else { return nil }
    beginTime = WallTime(milliseconds: bytes.loadBigEndian(at: 0, as: Int64.self))
    endTime = WallTime(milliseconds: bytes.loadBigEndian(at: 8, as: Int64.self))
    beginOffset = PhysicalOffset(bytes.loadBigEndian(at: 16, as: Int64.self))
    endOffset = PhysicalOffset(bytes.loadBigEndian(at: 24, as: Int64.self))
    usedSlots = bytes.loadBigEndian(at: 32, as: Int32.self)
    nextEntry = max(1, bytes.loadBigEndian(at: 36, as: Int32.self))
    guard beginOffset >= .zero, beginOffset <= endOffset, usedSlots >= 0, usedSlots < nextEntry,
      Int(nextEntry) <= layout.entryCount
    else { return nil }
  }

  /// Writes the header to the first 40 bytes of `memory`.
  package func store(to memory: UnsafeMutableRawPointer) {
    unsafe memory.storeBytes(of: beginTime.rawValue.bigEndian, toByteOffset: 0, as: Int64.self)
    unsafe memory.storeBytes(of: endTime.rawValue.bigEndian, toByteOffset: 8, as: Int64.self)
    unsafe memory.storeBytes(of: beginOffset.rawValue.bigEndian, toByteOffset: 16, as: Int64.self)
    unsafe memory.storeBytes(of: endOffset.rawValue.bigEndian, toByteOffset: 24, as: Int64.self)
    unsafe memory.storeBytes(of: usedSlots.bigEndian, toByteOffset: 32, as: Int32.self)
    unsafe memory.storeBytes(of: nextEntry.bigEndian, toByteOffset: 36, as: Int32.self)
  }
}

/// One key of one record.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 | i32 big-endian | keyHash: ``IndexKeyHash`` |
/// | 4 | 8 | i64 | phyOffset: the record in the log |
/// | 12 | 4 | i32 | timeDiff: whole seconds from the file's beginTimestamp to the record's store time, at least 0 |
/// | 16 | 4 | i32 | index of the next older entry in the same slot, 0 for none |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/index/IndexFile.java
package struct IndexEntry: Hashable, Sendable {
  /// The hash of topic and key.
  package var keyHash: Int32
  /// The record that has the key.
  package var offset: PhysicalOffset
  /// Whole seconds from the file's begin to the record's store time.
  package var secondsFromBegin: Int32
  /// The next older entry in the same slot; 0 for none.
  package var previous: Int32

  /// Describes an entry.
  package init(keyHash: Int32, offset: PhysicalOffset, secondsFromBegin: Int32, previous: Int32) {
    self.keyHash = keyHash
    self.offset = offset
    self.secondsFromBegin = secondsFromBegin
    self.previous = previous
  }

  /// Reads the entry at `offset` of `file`, which must hold it.
  package init(_ file: RawSpan, at position: Int) {
    keyHash = file.loadBigEndian(at: position, as: Int32.self)
    offset = PhysicalOffset(file.loadBigEndian(at: position + 4, as: Int64.self))
    secondsFromBegin = file.loadBigEndian(at: position + 12, as: Int32.self)
    previous = file.loadBigEndian(at: position + 16, as: Int32.self)
  }

  /// Writes the entry to the 20 bytes at `memory`.
  package func store(to memory: UnsafeMutableRawPointer) {
    unsafe memory.storeBytes(of: keyHash.bigEndian, toByteOffset: 0, as: Int32.self)
    unsafe memory.storeBytes(of: offset.rawValue.bigEndian, toByteOffset: 4, as: Int64.self)
    unsafe memory.storeBytes(of: secondsFromBegin.bigEndian, toByteOffset: 12, as: Int32.self)
    unsafe memory.storeBytes(of: previous.bigEndian, toByteOffset: 16, as: Int32.self)
  }

  /// The seconds to be written for a record of `time` into a file that begins at `begin`: 0 while the file has no
  /// begin, and for a record that seems older.
  package static func seconds(from begin: WallTime, to time: WallTime) -> Int32 {
    guard begin.rawValue > 0, time > begin else { return 0 }
    return Int32(clamping: (time.rawValue - begin.rawValue) / 1000)
  }
}

/// The hash under which an index finds a key: Java's hash of `topic#key`, without its sign. Different keys may share a
/// hash, so whoever reads a record found this way compares its keys.
package struct IndexKeyHash: Sendable {
  private var prefix = JavaHash()

  /// Prepares for the keys of one topic.
  package init(topic: RawSpan) {
    prefix.feed(topic)
    prefix.feed(ascii: UInt8(ascii: "#"))
  }

  /// The hash of one key, 0…Int32.max.
  package func hash(of key: RawSpan) -> Int32 {
    var hash = prefix
    hash.feed(key)
    return hash.value == .min ? 0 : abs(hash.value)
  }

  /// Calls `body` with the hash of each key of a message: UNIQ_KEY, then each word of KEYS; empty ones are none. Ends
  /// when it returns false, and returns whether it never did.
  @discardableResult
  package func forEachKey(uniqueKey: RawSpan, keys: RawSpan, _ body: (Int32) -> Bool) -> Bool {
    if uniqueKey.byteCount > 0, !body(hash(of: uniqueKey)) { return false }
    var start = 0
    while start < keys.byteCount {
      var end = start
      while end < keys.byteCount, keys.byte(at: end) != UInt8(ascii: " ") { end += 1 }
      if end > start, !body(hash(of: keys.extracting(start..<end))) { return false }
      start = end + 1
    }
    return true
  }
}
