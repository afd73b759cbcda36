package import ApusBase
import ApusModel
import ApusStoreCore

/// Taking back what was appended. That waits for the device while it holds the store; no plan may be under way.
extension MessageStore {
  /// Takes back everything from `end` on, which must be the end of a record (or a file's start): the log's bytes become
  /// zero, so that no old record can seem to follow new ones, later files are removed, and the queues end before the
  /// first message taken back.
  package func truncate(to end: PhysicalOffset) throws(DiskError) {
    precondition(!flushing && !writingQueues && !checkpointing && !preparing, "a plan is under way")
    guard end < log.marks.appended else { return }
    precondition(end >= log.minOffset, "truncation below the log")
    _ = dispatch()
    var queueEnds: [ObjectIdentifier: (queue: ConsumeQueue, offset: Int64)] = [:]
    for entry in pending[pendingHead...] where entry.entry.offset >= end {
      guard let queue = numbered[entry.queue] else { continue }
      Self.lower(&queueEnds, queue, entry.queueOffset)
    }
    pending.removeAll { $0.entry.offset >= end }
    pendingHead = min(pendingHead, pending.count)
    try collectQueueEnds(from: end, into: &queueEnds)
    for (queue, offset) in queueEnds.values {
      try queue.truncate(to: offset, on: disk)
      noteUnsynced(queue, from: offset)
    }
    try cutLog(to: end)
    queueFiles.remove { _ in true }
    dispatched = min(dispatched, end)
    queuesWritten = min(queuesWritten, end)
  }

  private static func lower(
    _ ends: inout [ObjectIdentifier: (queue: ConsumeQueue, offset: Int64)], _ queue: ConsumeQueue, _ offset: Int64
  ) {
    let key = ObjectIdentifier(queue)
    ends[key] = (queue, min(ends[key]?.offset ?? .max, offset))
  }

  private func collectQueueEnds(
    from end: PhysicalOffset, into ends: inout [ObjectIdentifier: (queue: ConsumeQueue, offset: Int64)]
  ) throws(DiskError) {
    var offset = end
    while offset < log.marks.appended {
      guard let file = log.segments.file(at: offset) else { break }
      let mapping = try mapped(file, writable: false)
      let span = mapping.bytes(offset - file.start..<min(file.end, log.marks.appended) - file.start)
      guard case .record(let size) = StoredRecord.prefix(of: span), size <= span.byteCount else {
        offset = file.end
        continue
      }
      if let record = StoredRecord.whole(at: span) {
        if record.sysFlag.takesQueueOffset, let queue = try queue(topic: record.topic.text, id: record.queueID) {
          Self.lower(&ends, queue, record.queueOffset.rawValue)
          for place in LightQueues.places(of: record) {
            guard let queue = try self.queue(topic: place.name, id: LightQueues.queueID) else { continue }
            Self.lower(&ends, queue, place.offset.rawValue)
          }
        }
      } else {
        // A damaged record has no queue to speak of.
        noteDamage(offset..<offset + size)
      }
      offset = offset + size
    }
  }

  /// The memory of a log file, mapped now if it is not. The mapping becomes the file's.
  func mapped(_ file: MappedFile, writable: Bool) throws(DiskError) -> Mapping {
    if let mapping = file.mapping, !writable || file === log.tail { return mapping }
    let mapping = try Mapping(disk: disk, path: file.path, length: file.capacity, writable: writable)
    file.mapping = mapping
    file.lastUse = round
    return mapping
  }

  /// Ends the log at `end`: zeroes the rest of that file, removes later ones and goes on writing there.
  func cutLog(to end: PhysicalOffset, trustsZeroes: Bool = false) throws(DiskError) {
    guard let file = log.segments.file(at: end) ?? log.segments.files.last(where: { $0.end == end }) else {
      try removeFiles(after: PhysicalOffset(end.rawValue - 1))
      log.forgetTail()
      log.marks = Marks(end: end, dispatch: settings.dispatch)
      return
    }
    try removeFiles(after: file.start)
    let mapping = try Mapping(disk: disk, path: file.path, length: file.capacity, writable: true)
    file.mapping = mapping
    file.populated = 0
    let position = end - file.start
    if !trustsZeroes, let dirty = Self.zero(mapping, from: position, written: try written(file)) {
      try disk.flush(mapping.segment, dirty)
    }
    log.resume(in: file, at: end)
    log.last = nil
    log.lastFlushed = nil
    log.marks.truncate(to: end)
  }

  func removeFiles(after offset: PhysicalOffset) throws(DiskError) {
    let removed = log.segments.remove(after: offset)
    guard !removed.isEmpty else { return }
    for file in removed.reversed() { try disk.removeFile(file.path) }
    try disk.syncDirectory(log.directory)
  }

  /// Writes zeroes over what is not zero from `position` on; returns the range that changed.
  static func zero(_ mapping: Mapping, from position: Int, written: WrittenRanges) -> Range<Int>? {
    var first: Int?
    var last = position
    for range in written.ranges where range.upperBound > position {
      var block = max(position, range.lowerBound)
      while block < range.upperBound {
        let next = min((block / 4096 + 1) * 4096, range.upperBound)
        if !LogScanner.isZero(mapping.bytes(block..<next)) {
          unsafe (mapping.segment.base + block).initializeMemory(as: UInt8.self, repeating: 0, count: next - block)
          first = first ?? block
          last = next
        }
        block = next
      }
    }
    return first.map { $0..<last }
  }
}
