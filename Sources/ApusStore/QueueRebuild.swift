import ApusBase
import ApusModel
import ApusStoreCore

/// Puts queue entries back while recovery reads the log.
///
/// The first record of a queue that is read rewinds the queue to that record's queue offset; from there on everything
/// is written anew. A record beyond the queue's end means that entries before are missing: reading begins again further
/// back where it can, else the offsets between stay empty.
///
/// No checksum covers the queue offset of a record. One that does not follow the record before it is in doubt until the
/// queue's next record says which of the two it continues: a bit that flipped must cost its own message only.
struct QueueRebuild {
  let store: MessageStore
  /// How many bytes of the log were passed over: a gap of as many messages as they can have been needs no other cause.
  private(set) var damagedBytes = 0
  /// Set when entries are missing whose records lie before the place where reading began.
  private(set) var mustGoBack = false
  private var start = PhysicalOffset.zero
  private var canGoBack = false
  private var events: [StoreEvent] = []
  private var lastQueue: ConsumeQueue?
  private var lastTopic: [UInt8] = []
  private let progress: (RecoveryProgress) -> Void
  /// Records whose queue offset does not follow the one before, by the number of their queue: at most one each.
  private var doubts: [Int: Doubt] = [:]

  /// How many messages of a queue damage may have taken; more is no gap but a queue offset that is wrong.
  private static let likelyGap: Int64 = 1 << 16

  private struct Doubt {
    var queue: ConsumeQueue
    var entry: ConsumeQueueEntry
    var place: Int64
  }

  init(store: MessageStore, progress: @escaping (RecoveryProgress) -> Void) {
    self.store = store
    self.progress = progress
  }

  /// Starts a reading of the log.
  mutating func begin(from start: PhysicalOffset, canGoBack: Bool) {
    self.start = start
    self.canGoBack = canGoBack
    damagedBytes = 0
    mustGoBack = false
    events = []
    lastQueue = nil
    lastTopic = []
    doubts = [:]
  }

  /// Bytes of the log were passed over.
  mutating func noteDamage(_ range: Range<PhysicalOffset>) { damagedBytes += range.upperBound - range.lowerBound }

  /// Whether damage that was passed over explains that messages of a queue are missing.
  private func explains(_ gap: Int64) -> Bool { gap <= Int64(damagedBytes / StoredRecord.minimumBytes) }

  /// Puts the entries of a record in their places: in its queue and in its light queues, unless these are queues of
  /// topics that were deleted since.
  mutating func add(_ record: borrowing StoredRecord, at offset: PhysicalOffset) throws(DiskError) {
    guard record.sysFlag.takesQueueOffset, record.queueOffset >= .zero else { return }
    let entry = ConsumeQueueEntry(
      offset: offset, size: Int32(truncatingIfNeeded: record.size),
      tagsCode: Self.tagsCode(of: record, store.settings.delayLevels))
    if !store.deletedTopics.covers(offset, of: record.topic) {
      guard let queue = try queue(of: record), Self.canBe(record.queueOffset) else {
        refuse(record, at: offset)
        return
      }
      try take(entry, of: queue, at: record.queueOffset.rawValue)
    }
    for place in LightQueues.places(of: record)
    where Self.canBe(place.offset) && !store.deletedTopics.covers(offset, of: place.name) {
      try take(
        entry, of: store.openQueue(topic: place.name, id: LightQueues.queueID), at: place.offset.rawValue)
    }
  }

  /// Puts an entry where its record says, once that is believed.
  private mutating func take(_ entry: ConsumeQueueEntry, of queue: ConsumeQueue, at place: Int64) throws(DiskError) {
    if !doubts.isEmpty, let doubt = doubts.removeValue(forKey: queue.number) {
      let expected = queue.tail.end
      if place == doubt.place + 1 {
        put(doubt.entry, in: queue, at: doubt.place)
      } else if place == expected + 1 {
        lose(doubt, at: expected)
      } else if place > expected && !(expected..<place).contains(doubt.place) {
        lose(doubt, at: nil)
      } else if try !isKnown(entry, of: queue, at: place), try isBelieved(doubt) {
        put(doubt.entry, in: queue, at: doubt.place)
      } else {
        lose(doubt, at: nil)
      }
    }
    if try isKnown(entry, of: queue, at: place) {
      put(entry, in: queue, at: place)
    } else {
      doubts[queue.number] = Doubt(queue: queue, entry: entry, place: place)
    }
  }

  /// Whether the record is the queue's next one, or was at this place before.
  private func isKnown(
    _ entry: ConsumeQueueEntry, of queue: ConsumeQueue, at place: Int64
  ) throws(DiskError) -> Bool {
    guard place < queue.tail.end else { return place == queue.tail.end }
    var reader = EntryReader(queue, on: store.disk)
    return try reader.entry(at: place)?.offset == entry.offset
  }

  /// Decides about those that nothing followed. To be called when the log has been read.
  mutating func settleDoubts(logEnd: PhysicalOffset) throws(DiskError) {
    let left = doubts.values.sorted { $0.entry.offset < $1.entry.offset }
    doubts = [:]
    for doubt in left where !mustGoBack {
      if try isBelieved(doubt, logEnd: logEnd) {
        put(doubt.entry, in: doubt.queue, at: doubt.place)
      } else {
        lose(
          doubt, at: doubt.place > doubt.queue.tail.end || doubt.queue.rebuiltFrom != nil ? doubt.queue.tail.end : nil)
      }
    }
  }

  /// Whether nothing speaks against a record's queue offset. Where the log ends is not known while it is being read.
  private func isBelieved(
    _ doubt: Doubt, logEnd: PhysicalOffset = PhysicalOffset(.max)
  ) throws(DiskError) -> Bool {
    let queue = doubt.queue
    let wasRead = queue.rebuiltFrom != nil
    let gap = doubt.place - queue.tail.end
    if gap > 0 {
      // To believe a wrong offset leaves a gap, not to believe a right one loses its message: so only wide gaps are
      // not. Behind entries a wide one may come of reading again from further back.
      return gap <= Self.likelyGap || !wasRead && (queue.files.isEmpty || canGoBack)
    }
    // A topic that was removed and made again begins anew.
    if doubt.place == 0 { return true }
    if wasRead { return false }
    var reader = EntryReader(queue, on: store.disk)
    guard let other = try reader.entry(at: doubt.place), other.isWritten, !other.isBlank else { return true }
    // One that points to what was read, or beyond it, points to nothing: it is cut or made a blank afterwards.
    return other.offset >= start || other.end > logEnd
  }

  /// A record whose queue offset is not what was stored: nobody can be given it. When it is known where it was, its
  /// place stays empty.
  private mutating func lose(_ doubt: Doubt, at place: Int64?) {
    if let place { put(.blank, in: doubt.queue, at: place) }
    report(doubt.entry.offset..<doubt.entry.end)
  }

  private static func canBe(_ place: QueueOffset) -> Bool {
    place.rawValue < Int64.max / Int64(ConsumeQueueEntry.bytes * 2)
  }

  private mutating func put(_ entry: ConsumeQueueEntry, in queue: ConsumeQueue, at place: Int64) {
    if queue.rebuiltFrom == nil {
      queue.rebuiltFrom = queue.tail.end
      queue.rebuiltAt = min(place, queue.tail.end)
      if place <= queue.tail.end {
        queue.restart(at: place)
        queue.reconnect(at: place)
      } else if queue.tail.end == 0, queue.files.isEmpty, !canGoBack {
        // The queue's first messages were removed with their log file.
        queue.restart(at: place)
        queue.minOffset = QueueOffset(place)
      }
    }
    if place < queue.tail.end {
      events.append(.queueRewound(path: queue.directory, to: QueueOffset(place)))
      queue.rebuiltFrom = max(queue.rebuiltFrom ?? 0, queue.tail.end)
      queue.rebuiltAt = min(queue.rebuiltAt, place)
      queue.restart(at: place)
    } else if place > queue.tail.end {
      if canGoBack, !explains(place - queue.tail.end) {
        mustGoBack = true
        return
      }
      fill(queue, to: place)
    }
    if entry.isBlank { queue.tail.append(entry) } else { queue.append(entry) }
  }

  /// A record whose topic or queue cannot be.
  private mutating func refuse(_ record: borrowing StoredRecord, at offset: PhysicalOffset) {
    report(offset..<offset + record.size)
  }

  private mutating func report(_ range: Range<PhysicalOffset>) {
    guard store.damageFound.note(range) else { return }
    let path = store.log.segments.file(at: range.lowerBound)?.path ?? store.log.directory
    events.append(.recordDamaged(path: path, range))
  }

  private mutating func fill(_ queue: ConsumeQueue, to place: Int64) {
    let first = queue.tail.end
    // A gap this wide is no damage but another life of the queue: begin it at the record.
    guard place - first <= max(Self.likelyGap, min(1 << 20, 1024 * queue.entriesPerFile)) else {
      events.append(.queueBlanked(path: queue.directory, QueueOffset(first)..<QueueOffset(place)))
      queue.restart(at: place)
      return
    }
    events.append(.queueBlanked(path: queue.directory, QueueOffset(first)..<QueueOffset(place)))
    for _ in first..<place { queue.tail.append(.blank) }
  }

  private mutating func queue(of record: borrowing StoredRecord) throws(DiskError) -> ConsumeQueue? {
    if let lastQueue, lastQueue.id == record.queueID, record.topic.equals(lastTopic.rawSpan) { return lastQueue }
    let topic = record.topic.text
    guard record.queueID >= 0, Self.isDirectoryName(topic) else { return nil }
    let queue = try store.openQueue(topic: topic, id: record.queueID)
    lastQueue = queue
    lastTopic = record.topic.array
    return queue
  }

  /// Whether a topic read from disk can be the name of a directory without leading elsewhere.
  private static func isDirectoryName(_ topic: String) -> Bool {
    !topic.isEmpty && topic.utf8.count <= 255 && topic != "." && topic != ".."
      && topic.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 >= 0x20 }
  }

  /// What the entry carries: the tags' hash, or the delivery time of a delayed message.
  static func tagsCode(of record: borrowing StoredRecord, _ levels: DelayLevels) -> Int64 {
    let properties = record.properties
    if record.topic.equals("SCHEDULE_TOPIC_XXXX"), let level = properties.integer(PropertyName.delay) {
      let clamped = levels.clamped(level)
      if clamped > 0 { return levels.deliveryTime(level: clamped, storedAt: record.storeTime).milliseconds }
    }
    return TagsCode.code(of: properties)
  }

  // MARK: Afterwards

  /// Ends every loaded queue where its messages end, and returns what was done.
  mutating func finish(
    readFrom start: PhysicalOffset, logEnd: PhysicalOffset, isolated: [Range<PhysicalOffset>]
  ) throws(DiskError) -> [StoreEvent] {
    let loaded = store.queues.loaded
    for (index, queue) in loaded.enumerated() {
      if index > 0, index % RecoveryProgress.queueStride == 0 {
        progress(RecoveryProgress(phase: .queues, done: index, total: loaded.count))
      }
      // Entries before it are as they were when the queue was loaded.
      var changedFrom: Int64 = 0
      if queue.rebuiltFrom != nil {
        try endRebuilt(queue, isolated: isolated)
        try blank(queue, before: queue.rebuiltAt, readFrom: start, isolated)
        if isolated.isEmpty, !queue.mustFindBeginning { changedFrom = queue.rebuiltAt }
      } else {
        try cut(queue, readFrom: start, logEnd: logEnd, isolated: isolated)
        try blank(queue, before: queue.tail.end, readFrom: start, isolated)
      }
      queue.rebuiltFrom = nil
      queue.nextOffset = queue.maxOffset
      queue.lastRecordEnd = try queue.lastMessage(before: queue.tail.end, on: store.disk)?.end
      if queue.minOffset.rawValue >= changedFrom { try queue.raiseMinimum(to: store.log.minOffset, on: store.disk) }
    }
    return events
  }

  /// Messages of the queue's end that lie in damage keep their offsets; other entries beyond the last message are cut.
  private mutating func endRebuilt(_ queue: ConsumeQueue, isolated: [Range<PhysicalOffset>]) throws(DiskError) {
    store.markDirty(queue)
    // A killed process may have made and written files without having synced them; the mark must not move before
    // that is done.
    store.noteUnsynced(queue, from: queue.rebuiltAt)
    guard let old = queue.rebuiltFrom, old > queue.tail.end else { return }
    let first = queue.tail.end
    var reader = EntryReader(queue, on: store.disk)
    while queue.tail.end < old,
      let entry = try reader.fileEntry(at: queue.tail.end),
      isolated.contains(where: { $0.contains(entry.offset) })
    {
      queue.tail.append(.blank)
    }
    if queue.tail.end > first {
      events.append(.queueBlanked(path: queue.directory, QueueOffset(first)..<queue.maxOffset))
    }
    guard old > queue.tail.end else { return }
    events.append(.queueCut(path: queue.directory, from: queue.maxOffset, to: QueueOffset(old)))
    try queue.zero(queue.tail.end..<old, on: store.disk)
  }

  /// Entries in the files that point into damage become blanks.
  private mutating func blank(
    _ queue: ConsumeQueue, before end: Int64, readFrom start: PhysicalOffset, _ isolated: [Range<PhysicalOffset>]
  ) throws(DiskError) {
    guard !isolated.isEmpty else { return }
    var offset = end - 1
    var reader = EntryReader(queue, on: store.disk)
    while offset >= 0, let entry = try reader.fileEntry(at: offset) {
      if !entry.isBlank {
        if entry.offset < start { return }
        if isolated.contains(where: { $0.contains(entry.offset) }) {
          try queue.overwrite(.blank, at: offset, on: store.disk)
          store.noteUnsynced(queue, from: offset)
          events.append(.queueBlanked(path: queue.directory, QueueOffset(offset)..<QueueOffset(offset + 1)))
        }
      }
      offset -= 1
    }
  }

  /// A queue without a message in what was read: entries that point there, or beyond the log, point to nothing.
  private mutating func cut(
    _ queue: ConsumeQueue, readFrom start: PhysicalOffset, logEnd: PhysicalOffset, isolated: [Range<PhysicalOffset>]
  ) throws(DiskError) {
    let old = queue.tail.end
    var end = old
    let first = (queue.files.first ?? 0) / Int64(ConsumeQueueEntry.bytes)
    var reader = EntryReader(queue, on: store.disk)
    while end > first, let entry = try reader.entry(at: end - 1) {
      // A blank that was written keeps a place: of what was removed before the first message, or of what was lost.
      if entry.isWritten, entry.isBlank { break }
      let isBelow = entry.offset < start || isolated.contains { $0.contains(entry.offset) }
      if entry.isWritten, entry.end <= logEnd, isBelow { break }
      end -= 1
    }
    guard end < old else { return }
    events.append(.queueCut(path: queue.directory, from: QueueOffset(end), to: QueueOffset(old)))
    try queue.truncate(to: end, on: store.disk)
    store.noteUnsynced(queue, from: end)
  }
}
