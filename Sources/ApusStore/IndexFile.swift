package import ApusBase
package import ApusStoreCore

/// One index file, mapped whole. It makes no system call: its owner creates, populates, flushes and removes it.
///
/// Finding a key costs one slot and the entries of that slot, newest first.
@safe
package final class IndexFile {
  /// The file's name within the index directory: 17 digits, growing from file to file.
  package let name: String
  /// The measures of the file.
  package let layout: IndexLayout
  /// The whole file.
  package let segment: Segment
  /// What the first 40 bytes say.
  package private(set) var header: IndexHeader
  /// Entries below this index have their pages; writing others could find the device full.
  package internal(set) var preparedEntries = 0
  /// Whether everything in the file is durable.
  package internal(set) var isFlushed: Bool

  /// Takes a mapped file over.
  init(name: String, layout: IndexLayout, segment: Segment, header: IndexHeader, isFlushed: Bool) {
    precondition(segment.capacity == layout.fileBytes, "an index file of the wrong length")
    self.name = name
    self.layout = layout
    self.segment = segment
    self.header = header
    self.isFlushed = isFlushed
  }

  /// Whether no entry fits any more.
  package var isFull: Bool { header.nextEntry >= layout.entryCount }
  /// Whether there is no entry yet.
  package var isEmpty: Bool { header.nextEntry <= 1 }
  /// How many entries can be written now.
  package var room: Int { max(0, min(preparedEntries, layout.entryCount) - Int(header.nextEntry)) }

  private var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: segment.base, byteCount: segment.capacity)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The newest entry of a slot; 0 for none, and for a number that no entry can have.
  private func newestEntry(inSlotAt position: Int) -> Int32 {
    let entry = bytes.loadBigEndian(at: position, as: Int32.self)
    return entry > 0 && entry < header.nextEntry ? entry : 0
  }

  /// Adds one key of a record. There must be ``room``. The header in memory changes at once, that in the file with
  /// ``storeHeader()``.
  func put(_ keyHash: Int32, _ offset: PhysicalOffset, _ time: WallTime) {
    precondition(room > 0, "no room in the index file")
    let slotPosition = layout.slotOffset(layout.slot(of: keyHash))
    let previous = newestEntry(inSlotAt: slotPosition)
    let entry = IndexEntry(
      keyHash: keyHash, offset: offset, secondsFromBegin: IndexEntry.seconds(from: header.beginTime, to: time),
      previous: previous)
    unsafe entry.store(to: segment.base + layout.entryOffset(Int(header.nextEntry)))
    unsafe segment.base.storeBytes(of: header.nextEntry.bigEndian, toByteOffset: slotPosition, as: Int32.self)
    if isEmpty {
      header.beginOffset = offset
      header.beginTime = time
    }
    if previous == 0 { header.usedSlots += 1 }
    header.nextEntry += 1
    header.endOffset = offset
    header.endTime = time
    isFlushed = false
  }

  /// Writes the header into the file.
  func storeHeader() { unsafe header.store(to: segment.base) }

  /// Whether the key of a record that was among the last to be written is there. Looks no further back than that
  /// record.
  func has(_ keyHash: Int32, _ offset: PhysicalOffset) -> Bool {
    var index = newestEntry(inSlotAt: layout.slotOffset(layout.slot(of: keyHash)))
    while index > 0 {
      let entry = IndexEntry(bytes, at: layout.entryOffset(Int(index)))
      if entry.offset < offset { return false }
      if entry.offset == offset && entry.keyHash == keyHash { return true }
      index = entry.previous < index ? entry.previous : 0
    }
    return false
  }

  /// Whether entries of the file can lie in an interval.
  func overlaps(_ interval: ClosedRange<WallTime>) -> Bool {
    !isEmpty && header.beginTime <= interval.upperBound && header.endTime >= interval.lowerBound
  }

  /// Appends the records that have the hash, newest first, until `offsets` has `limit` of them. An entry knows its time
  /// to the second, so one whose second touches the interval counts.
  func find(
    _ keyHash: Int32, in interval: ClosedRange<WallTime>, limit: Int, into offsets: inout [PhysicalOffset]
  ) {
    var index = newestEntry(inSlotAt: layout.slotOffset(layout.slot(of: keyHash)))
    while index > 0 && offsets.count < limit {
      let entry = IndexEntry(bytes, at: layout.entryOffset(Int(index)))
      guard entry.secondsFromBegin >= 0 else { return }
      let time = header.beginTime.advanced(byMilliseconds: Int64(entry.secondsFromBegin) * 1000)
      let endsAfter = time.advanced(byMilliseconds: 999) >= interval.lowerBound
      if entry.keyHash == keyHash && endsAfter && time <= interval.upperBound { offsets.append(entry.offset) }
      // Older entries have smaller numbers; anything else is damage and would make a ring.
      index = endsAfter && entry.previous < index ? entry.previous : 0
    }
  }
}
