package import ApusBase
import ApusModel
package import ApusStoreCore

/// What a pull brings: where its messages lie, to be copied outside of the store's lock, and the offsets that the
/// answer carries. Reused from pull to pull.
package struct Fetch: Sendable {
  /// What became of the pull.
  package internal(set) var status = FetchStatus.noMatchedLogicQueue
  /// The oldest message of the queue.
  package internal(set) var minOffset = QueueOffset.zero
  /// The queue offset behind the newest message.
  package internal(set) var maxOffset = QueueOffset.zero
  /// Where the next pull goes on.
  package internal(set) var nextOffset = QueueOffset.zero
  /// The records, in queue order; records that lie side by side are one range.
  package internal(set) var ranges: [Range] = []
  /// How many messages there are.
  package internal(set) var messageCount = 0
  /// How many bytes they have.
  package internal(set) var byteCount = 0
  /// How far behind the log's end the last record looked at lies, in bytes; nil when none was looked at.
  package internal(set) var bytesBehind: Int64?
  /// What an I/O thread must read before this pull can be answered; then pull again. Set only when nothing was found.
  package internal(set) var cold: WarmPlan?

  /// Records side by side in one log file.
  package struct Range: Sendable {
    /// Keeps the memory mapped.
    package let mapping: Mapping
    /// Where in the file.
    package internal(set) var range: Swift.Range<Int>
    /// Where in the log the range begins.
    package let offset: PhysicalOffset
    /// The place in the queue of the first record; nil for a record that was not looked for in a queue.
    let position: QueueOffset?

    init(mapping: Mapping, range: Swift.Range<Int>, offset: PhysicalOffset, position: QueueOffset? = nil) {
      self.mapping = mapping
      self.range = range
      self.offset = offset
      self.position = position
    }

    /// The records' bytes.
    @_lifetime(borrow self)
    package func bytes() -> RawSpan {
      let span = mapping.bytes(range)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// An empty fetch.
  package init() {}

  /// Whether all records can be copied without waiting for the device. Not under the lock: it asks the machine, once
  /// for records that lie near each other, as queues lie interleaved in the log.
  package func isResident(on disk: any Disk) -> Bool {
    var index = 0
    while index < ranges.count {
      let mapping = ranges[index].mapping
      var span = ranges[index].range
      index += 1
      while index < ranges.count, ranges[index].mapping === mapping,
        ranges[index].range.upperBound - span.lowerBound <= Self.residenceSpan
      {
        span = span.lowerBound..<ranges[index].range.upperBound
        index += 1
      }
      if !disk.isResident(mapping.segment, span) { return false }
    }
    return true
  }

  /// How many bytes of the log are asked about at once.
  private static let residenceSpan = 4 << 20

  /// Reads all records into memory, waiting for the device: for an I/O thread.
  package func warm(on disk: any Disk) { for range in ranges { disk.warm(range.mapping.segment, range.range) } }

  /// Copies the records to the end of `writer`.
  package func copy(into writer: inout ByteWriter) {
    writer.reserve(byteCount)
    for range in ranges { writer.write(range.bytes()) }
  }

  mutating func begin(_ status: FetchStatus, _ min: QueueOffset, _ max: QueueOffset, next: QueueOffset) {
    self.status = status
    minOffset = min
    maxOffset = max
    nextOffset = next
    ranges.removeAll(keepingCapacity: true)
    messageCount = 0
    byteCount = 0
    bytesBehind = nil
    cold = nil
    inspection = nil
  }

  /// Of records brought to be looked into: what is to be held when they are.
  struct Inspection {
    let limits: FetchLimits
    let memory: StoreSettings.PullLimit
    let disk: StoreSettings.PullLimit
    /// Records before it count as on the device.
    let memoryStart: PhysicalOffset
  }

  /// Set while single records wait for ``select(where:)``.
  var inspection: Inspection?

  /// Keeps the records that `isWanted` says, as many as the pull's limits allow, and lets the next pull go on behind
  /// the last one looked at. For a fetch whose limits inspect and that found something; outside of the lock.
  package mutating func select(where isWanted: (RawSpan) -> Bool) {
    guard let inspection, status == .found else { return }
    self.inspection = nil
    var kept = 0
    byteCount = 0
    messageCount = 0
    for index in ranges.indices {
      let record = ranges[index]
      let limit = record.offset < inspection.memoryStart ? inspection.disk : inspection.memory
      if messageCount > 0 {
        let isFull =
          messageCount >= min(inspection.limits.maxMessages, limit.count)
          || byteCount + record.range.count > min(limit.bytes, inspection.limits.maxBytes)
        if isFull, let position = record.position {
          nextOffset = position
          break
        }
      }
      guard isWanted(record.bytes()) else { continue }
      if kept > 0, ranges[kept - 1].mapping === record.mapping,
        ranges[kept - 1].range.upperBound == record.range.lowerBound
      {
        ranges[kept - 1].range = ranges[kept - 1].range.lowerBound..<record.range.upperBound
      } else {
        ranges[kept] = record
        kept += 1
      }
      messageCount += 1
      byteCount += record.range.count
    }
    ranges.removeLast(ranges.count - kept)
    if messageCount == 0 { status = .noMatchedMessage }
  }

  mutating func add(
    _ mapping: Mapping, _ range: Swift.Range<Int>, at offset: PhysicalOffset, position: QueueOffset
  ) {
    if inspection == nil, let last = ranges.indices.last, ranges[last].mapping === mapping,
      ranges[last].range.upperBound == range.lowerBound
    {
      ranges[last].range = ranges[last].range.lowerBound..<range.upperBound
    } else {
      ranges.append(Range(mapping: mapping, range: range, offset: offset, position: position))
    }
    messageCount += 1
    byteCount += range.count
    status = .found
  }
}

extension MessageStore {
  /// Looks up the messages of a queue from an offset on, as RocketMQ's pull does, and fills `result` with where they
  /// lie. `queue` nil means that there is no such queue. At most the limits of the settings and of `limits`, never
  /// beyond the end of the queue file that holds `offset`.
  package func fetch(
    from queue: ConsumeQueue?, at offset: QueueOffset, limits: FetchLimits, filter: borrowing EntryFilter,
    into result: inout Fetch
  ) {
    guard let queue else { return result.begin(.noMatchedLogicQueue, .zero, .zero, next: .zero) }
    let (low, high) = (queue.minOffset, queue.maxOffset)
    if high == .zero { return result.begin(.noMessageInQueue, low, high, next: .zero) }
    if offset < low { return result.begin(.offsetTooSmall, low, high, next: low) }
    if offset == high { return result.begin(.offsetOverflowOne, low, high, next: offset) }
    if offset > high { return result.begin(.offsetOverflowBadly, low, high, next: high) }
    result.begin(.noMatchedMessage, low, high, next: offset)
    if limits.inspects {
      result.inspection = Fetch.Inspection(
        limits: limits, memory: pullLimits.memory, disk: pullLimits.disk,
        memoryStart: PhysicalOffset(max(0, log.marks.dispatchable.rawValue - settings.memoryBytes)))
    }
    var scan = Scan(start: offset.rawValue, position: offset.rawValue, limits: limits)
    let fileEnd = queue.fileEnd(of: offset.rawValue)
    let end = min(high.rawValue, fileEnd, offset.rawValue + Int64(limits.scanLimit))
    while scan.position < end, !scan.isOver {
      switch entries(of: queue, from: scan.position, to: end) {
      case .tail(let last):
        let count = Int(last - scan.position)
        unsafe look(at: queue.tail.pointer(at: scan.position), count: count, queue, &scan, filter, &result)
      case .scratch(let count):
        unsafe look(at: UnsafeRawPointer(scratch.base), count: count, queue, &scan, filter, &result)
      case .cold(let plan):
        scan.isOver = true
        if scan.isAtStart { result.cold = plan }
      case .failed:
        scan.isOver = true
        if result.messageCount == 0 { result.status = .offsetFoundNull }
      case .unreadable:
        scan.isOver = true
        if scan.position == offset.rawValue {
          result.status = .offsetFoundNull
          scan.position = behindUnreadable(queue, offset)
        }
      }
    }
    result.nextOffset = QueueOffset(scan.position)
  }

  /// The state of one pull's walk over queue entries.
  struct Scan {
    let start: Int64
    var position: Int64
    let limits: FetchLimits
    /// Records before it are gone: the start of the next log file after one that was not there.
    var skipBefore = PhysicalOffset(.min)
    var isOver = false

    /// Whether nothing was looked at yet: only then the pull is made again when what it wants was read. From further on
    /// the next pull goes on; this one would begin with entries that have become cold again by then, where the page
    /// cache cannot be asked.
    var isAtStart: Bool { position == start }
  }

  @unsafe
  private func look(
    at base: UnsafeRawPointer, count: Int, _ queue: ConsumeQueue, _ scan: inout Scan,
    _ filter: borrowing EntryFilter, _ result: inout Fetch
  ) {
    let entries = unsafe RawSpan(_unsafeStart: base, byteCount: count * ConsumeQueueEntry.bytes)
    let end = log.marks.dispatchable
    var position = 0
    while position < entries.byteCount {
      let entry = ConsumeQueueEntry(entries, at: position)
      if entry.isBlank || entry.offset < scan.skipBefore {
        if result.messageCount == 0, entry.isBlank { result.status = .messageWasRemoving }
      } else {
        let behind = Int64(end - entry.offset)
        result.bytesBehind = behind
        let limit = behind > settings.memoryBytes ? pullLimits.disk : pullLimits.memory
        if isFull(result, adding: entry, limit, scan.limits) {
          scan.isOver = true
          return
        }
        var isWanted = filter.matches(entry.tagsCode)
        if isWanted, ConsumeQueueExtension.isAddress(entry.tagsCode), filter.looksAtUnits {
          switch unit(at: entry.tagsCode, of: queue) {
          case .found(let unit): isWanted = filter.matches(unit)
          case .missing: break
          case .cold(let plan):
            if scan.isAtStart { result.cold = plan }
            scan.isOver = true
            return
          }
        }
        if isWanted {
          guard take(entry, queue, &scan, &result) else {
            scan.isOver = true
            return
          }
        } else if result.messageCount == 0 {
          result.status = .noMatchedMessage
        }
      }
      scan.position += 1
      position += ConsumeQueueEntry.bytes
    }
  }

  private func isFull(
    _ result: borrowing Fetch, adding entry: ConsumeQueueEntry, _ limit: StoreSettings.PullLimit, _ asked: FetchLimits
  ) -> Bool {
    guard result.messageCount > 0 else { return false }
    if asked.inspects { return result.byteCount + Int(entry.size) > FetchLimits.inspectedBytes }
    if result.messageCount >= min(asked.maxMessages, limit.count) { return true }
    return result.byteCount + Int(entry.size) > min(limit.bytes, asked.maxBytes)
  }

  /// Adds the record of an entry. Returns false when the pull ends here because the record's file must be mapped first.
  private func take(
    _ entry: ConsumeQueueEntry, _ queue: ConsumeQueue, _ scan: inout Scan, _ result: inout Fetch
  ) -> Bool {
    switch log.find(entry.offset, size: Int(entry.size), round: round) {
    case .found(let mapping, let range):
      // Of a light queue the record tells the offset among its properties.
      let place = queue.isLight ? nil : QueueOffset(scan.position)
      if Self.isRecord(mapping, range, at: entry.offset, place: place) {
        result.add(mapping, range, at: entry.offset, position: QueueOffset(scan.position))
        scan.skipBefore = PhysicalOffset(.min)
      } else {
        noteDamage(entry.offset..<entry.end)
        if result.messageCount == 0 { result.status = .messageWasRemoving }
      }
    case .unmapped(let file):
      guard result.messageCount == 0 else { return false }
      if file.takeMapFailure() {
        result.status = .offsetFoundNull
      } else {
        result.cold = WarmPlan(mapping: file, length: file.capacity)
      }
      return false
    case .gone:
      if result.messageCount == 0 { result.status = .messageWasRemoving }
      // The messages of a file that is gone are passed over together. An entry that points beyond the log, or has a
      // size that cannot be, is damaged and says nothing of those behind it.
      if log.segments.file(at: entry.offset) == nil, let next = log.segments.file(from: entry.offset) {
        scan.skipBefore = next.start
      }
    }
    return true
  }

  /// Whether a record that says that it lies here, and where in its queue, begins at a range and fills it. Clients
  /// count by the queue offset that a record has: a wrong one would have them commit it.
  static func isRecord(
    _ mapping: Mapping, _ range: Swift.Range<Int>, at offset: PhysicalOffset, place: QueueOffset?
  ) -> Bool {
    let bytes = mapping.bytes(range)
    guard bytes.byteCount >= StoredRecord.minimumBytes, StoredRecord.prefix(of: bytes) == .record(size: range.count)
    else {
      return false
    }
    return bytes.loadBigEndian(at: 28, as: Int64.self) == offset.rawValue
      && (place == nil || bytes.loadBigEndian(at: 20, as: Int64.self) == place?.rawValue)
  }

  // MARK: Queue entries

  /// Where to go on behind an entry that its file does not give: behind that file, or at the first entry in memory,
  /// which is not lost with the file.
  func behindUnreadable(_ queue: ConsumeQueue, _ offset: QueueOffset) -> Int64 {
    min(queue.fileEnd(of: offset.rawValue), queue.tail.start)
  }

  enum Entries {
    /// In the tail, up to this queue offset.
    case tail(upTo: Int64)
    /// In the scratch memory, this many.
    case scratch(count: Int)
    case cold(WarmPlan)
    /// The device failed just now.
    case failed
    /// There is no such file.
    case unreadable
  }

  /// Brings entries of a queue near, without waiting for the device; all of one file.
  func entries(of queue: ConsumeQueue, from offset: Int64, to end: Int64) -> Entries {
    if offset >= queue.tail.start { return .tail(upTo: end) }
    let count = Int(min(end, queue.tail.start) - offset)
    if let warmed = queue.warmed, warmed.start <= offset {
      let skip = Int(offset - warmed.start) * ConsumeQueueEntry.bytes
      let bytes = min(warmed.bytes.count - skip, count * ConsumeQueueEntry.bytes, unsafe scratch.memory.count)
      if bytes >= ConsumeQueueEntry.bytes {
        unsafe warmed.bytes.withUnsafeBytes { source in
          if let start = source.baseAddress { unsafe scratch.base.copyMemory(from: start + skip, byteCount: bytes) }
        }
        return .scratch(count: bytes / ConsumeQueueEntry.bytes)
      }
      if warmed.start == offset {
        // The file ends before the entry. Asked again, a file system that does not tell what is cached would have it
        // read again.
        queue.warmed = nil
        return .unreadable
      }
    }
    let start = queue.fileStart(of: offset)
    guard queue.files.contains(start) else { return .unreadable }
    if queue.readFailed {
      queue.readFailed = false
      return .failed
    }
    let position = offset * Int64(ConsumeQueueEntry.bytes) - start
    let wanted = min(count, ScanBuffer.entries)
    let key = QueueFileCache.Key(queue: queue.number, start: start)
    let plan = WarmPlan(queue: queue, key: key, from: offset, position: position, count: min(count, 800))
    guard let file = queueFiles.file(key) else { return .cold(plan) }
    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch.memory[..<(wanted * ConsumeQueueEntry.bytes)])
    do {
      guard let read = try unsafe disk.readIfCached(file.file, at: position, into: room) else { return .cold(plan) }
      if read < ConsumeQueueEntry.bytes { return .unreadable }
      return .scratch(count: read / ConsumeQueueEntry.bytes)
    } catch {
      report(.fileUnreadable(path: queue.path(ofFileAt: start), reason: error.description))
      return .failed
    }
  }
}
