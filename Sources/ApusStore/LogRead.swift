package import ApusBase
import ApusModel
package import ApusStoreCore

/// What the log holds at an offset.
package enum RecordLookup: Sendable {
  /// A whole record.
  case found(Fetch.Range)
  /// Its file must be brought near first; then look again.
  case cold(WarmPlan)
  /// No record begins there.
  case missing
}

/// A run of whole records for a reader that goes through the log: the bytes from `start` on, within one file.
package struct LogSlice: Sendable {
  /// The log offset of the first byte.
  package let start: PhysicalOffset
  /// Where to go on afterwards when all bytes are used: behind the slice, in the next file where this one ends.
  package let next: PhysicalOffset
  /// The bytes: records, and perhaps a blank at the end of a file.
  package let range: Fetch.Range

  /// A limit with which a slice has at least one whole record: more than the largest record, which no frame can exceed.
  package static let sufficientBytes = 17 << 20
}

/// What a reader that goes through the log gets next.
package enum LogRead: Sendable {
  /// Bytes.
  case slice(LogSlice)
  /// The file must be brought near first; then read again.
  case cold(WarmPlan)
  /// The file cannot be brought near just now. Reading again tries once more; `next` is where the next file begins.
  case failed(next: PhysicalOffset)
  /// Nothing: the reader has everything up to the dispatchable mark.
  case end
}

extension MessageStore {
  /// Takes in what warming came to. After a failure the next pull or lookup that needs the file is told that it cannot
  /// be answered now; the one after it tries again.
  package func finish(_ plan: WarmPlan, _ outcome: WarmPlan.Outcome) {
    switch (plan.work, outcome) {
    case (.map(let start, _, _), .mapped(let mapping)):
      guard let file = log.segments.file(at: start), file.start == start, file.mapping == nil else { return }
      file.mapping = mapping
      file.lastUse = round
    case (.map(let start, let path, _), .failed(let error)):
      log.segments.file(at: start)?.mapFailed = true
      report(.fileUnreadable(path: path, reason: error.description))
    case (.entries(let queue, let key, _, let from, _, _), .read(let file, let bytes)):
      queueFiles.insert(key, file)
      guard from < queue.tail.start else { return }
      warmedQueues.insert(queue)
      queue.warmed = (from, bytes)
    case (.entries(let queue, let key, let path, _, _, _), .failed(let error)):
      report(.fileUnreadable(path: path, reason: error.description))
      if error.code == .notFound { queue.files.removeAll { $0 == key.start } } else { queue.readFailed = true }
    case (.extensions(let queue, let key, _, let position, _), .read(let file, let bytes)):
      queueFiles.insert(key, file)
      warmedQueues.insert(queue)
      queue.warmedExtensions = (key.start + position, bytes)
    case (.extensions(let queue, let key, let path, let position, _), .failed(let error)):
      report(.fileUnreadable(path: path, reason: error.description))
      // Units that cannot be read count as lost: entries then pass.
      queue.warmedExtensions = (key.start + position, [])
    default: preconditionFailure("an outcome of another plan")
    }
  }

  /// The record that begins at an offset, which may come from outside: bytes that are no record there are `.missing`.
  package func record(at offset: PhysicalOffset) -> RecordLookup {
    switch log.find(offset, size: StoredRecord.minimumBytes, round: round) {
    case .gone: return .missing
    case .unmapped(let file):
      return file.takeMapFailure() ? .missing : .cold(WarmPlan(mapping: file, length: file.capacity))
    case .found(let mapping, let range):
      guard case .record(let size) = StoredRecord.prefix(of: mapping.bytes(range)) else { return .missing }
      guard case .found(_, let whole) = log.find(offset, size: size, round: round),
        Self.isRecord(mapping, whole, at: offset, place: nil)
      else { return .missing }
      return .found(Fetch.Range(mapping: mapping, range: whole, offset: offset))
    }
  }

  /// The next bytes for a reader that goes through the log from `offset` on, up to `limit` bytes and never beyond the
  /// dispatchable mark. The reader uses the whole records among them outside of the lock and comes again with the
  /// offset behind the last one, or with the slice's `next` when a blank or the file's end was reached. At least one
  /// record is whole when `limit` is at least the size of the largest record.
  package func read(from offset: PhysicalOffset, limit: Int) -> LogRead {
    let offset = max(offset, log.minOffset)
    let end = log.marks.dispatchable
    guard offset < end else { return .end }
    guard let file = log.segments.file(at: offset) else {
      guard let next = log.segments.file(from: offset), next.start < end else { return .end }
      return read(from: next.start, limit: limit)
    }
    file.lastUse = round
    guard let mapping = file.mapping else {
      if file.takeMapFailure() { return .failed(next: file.end) }
      return .cold(WarmPlan(mapping: file, length: file.capacity))
    }
    let position = offset - file.start
    let last = min(min(file.end, end) - file.start, position + limit)
    let range = Fetch.Range(mapping: mapping, range: position..<last, offset: offset)
    let next = file.end <= end ? file.end : file.start + last
    return .slice(LogSlice(start: offset, next: next, range: range))
  }

  /// Lets go of the mappings of log files that were not read in the last `rounds` calls of this function. The caller
  /// drops what is returned outside of the lock: unmapping takes time.
  package func releaseIdleMappings(after rounds: Int) -> [Mapping] {
    round += 1
    var released: [Mapping] = []
    for file in log.segments.files where file.end <= log.marks.flushed && file !== log.tail {
      guard let mapping = file.mapping, round - file.lastUse > rounds else { continue }
      released.append(mapping)
      file.mapping = nil
    }
    return released
  }

  /// Whether log files are mapped that nobody writes to any more: ``releaseIdleMappings(after:)`` lets go of them when
  /// nobody reads there either.
  package var hasOldMappings: Bool {
    log.segments.files.contains { $0.mapping != nil && $0 !== log.tail && $0.end <= log.marks.flushed }
  }

  // MARK: Entries

  /// What stands at an offset of a queue.
  package enum EntryLookup: Sendable {
    /// A message.
    case entry(ConsumeQueueEntry)
    /// Something must be brought near first.
    case cold(WarmPlan)
    /// Nothing: the queue goes from its minimum to below its maximum.
    case outside
    /// The device failed just now.
    case failed
    /// No message, and none before `next` that could be read.
    case unreadable(next: QueueOffset)
  }

  /// The entry at a queue offset.
  package func entry(in queue: ConsumeQueue, at offset: QueueOffset) -> EntryLookup {
    guard offset >= queue.minOffset, offset < queue.maxOffset else { return .outside }
    let entry: ConsumeQueueEntry
    switch entries(of: queue, from: offset.rawValue, to: offset.rawValue + 1) {
    case .tail: entry = queue.tail.entry(at: offset.rawValue)
    case .scratch: entry = scratch.first
    case .cold(let plan): return .cold(plan)
    case .failed: return .failed
    case .unreadable: return .unreadable(next: QueueOffset(behindUnreadable(queue, offset)))
    }
    if entry.isBlank { return .unreadable(next: offset + 1) }
    guard ConsumeQueueExtension.isAddress(entry.tagsCode) else { return .entry(entry) }
    return resolved(entry, of: queue)
  }

  // MARK: Times

  /// When the message at a queue offset was stored.
  package enum StoreTimeLookup: Sendable {
    /// At this time.
    case time(WallTime)
    /// Something must be brought near first.
    case cold(WarmPlan)
    /// There is no message.
    case missing
  }

  /// When the message at a queue offset was stored; one step of a ``TimeSearch`` over `minOffset..<maxOffset`.
  package func storeTime(in queue: ConsumeQueue, at offset: QueueOffset) -> StoreTimeLookup {
    guard offset >= queue.minOffset, offset < queue.maxOffset else { return .missing }
    let entry: ConsumeQueueEntry
    switch entries(of: queue, from: offset.rawValue, to: offset.rawValue + 1) {
    case .tail: entry = queue.tail.entry(at: offset.rawValue)
    case .scratch:
      entry = scratch.first
    case .cold(let plan): return .cold(plan)
    case .unreadable, .failed: return .missing
    }
    guard !entry.isBlank else { return .missing }
    switch record(at: entry.offset) {
    case .found(let range): return Self.storeTime(of: range).map { .time($0) } ?? .missing
    case .cold(let plan): return .cold(plan)
    case .missing: return .missing
    }
  }

  private static func storeTime(of range: Fetch.Range) -> WallTime? {
    do { return try StoredRecord(range.bytes()).storeTime } catch { return nil }
  }

  /// The offset of the message stored nearest to a time, reading what is cold itself: for threads that may wait while
  /// they hold the store, and tests. Others step a ``TimeSearch``.
  package func offset(in queue: ConsumeQueue, storedAt time: WallTime) -> QueueOffset {
    var search = TimeSearch(for: time, in: queue.minOffset..<queue.maxOffset)
    while true {
      switch search.next {
      case .found(let offset): return offset
      case .probe(let offset): search.learn(waitingStoreTime(in: queue, at: offset))
      }
    }
  }

  /// As ``storeTime(in:at:)``, but reads what is cold itself.
  package func waitingStoreTime(in queue: ConsumeQueue, at offset: QueueOffset) -> WallTime? {
    while true {
      switch storeTime(in: queue, at: offset) {
      case .time(let time): return time
      case .missing: return nil
      case .cold(let plan): finish(plan, plan.run(on: disk))
      }
    }
  }
}
