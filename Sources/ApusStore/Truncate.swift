package import ApusBase
import ApusModel
import ApusStoreCore

/// Rewinding and removing. These wait for the device while they hold the store; no plan may be under way.
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

  /// Removes the oldest log file, which must not be the one written to. The plan removes it; afterwards the queues are
  /// raised with ``raiseMinimum(of:)``. Nil when no file can go.
  package func removeOldestFile() -> RemovalPlan? {
    guard let first = log.segments.files.first, first !== log.tail, log.segments.files.count > 1,
      first.end <= log.marks.flushed, first.end <= dispatched
    else { return nil }
    let file = log.segments.removeFirst()
    return RemovalPlan(files: [file.path], directories: [], sync: [log.directory])
  }

  /// The queues that are loaded: those whose minimum must be raised after log files were removed. Others find theirs
  /// when they are loaded.
  package var loadedQueues: [ConsumeQueue] { queues.loaded }

  /// Moves a queue's minimum to its first message that is still in the log, and gives up the queue's files before it.
  /// Returns what is to be removed; nil when there is nothing. Reads a few entries, which may wait for the device: call
  /// it for one queue at a time.
  @discardableResult
  package func raiseMinimum(of queue: ConsumeQueue) throws(DiskError) -> RemovalPlan? {
    try queue.raiseMinimum(to: log.minOffset, on: disk)
    let first = queue.fileStart(of: queue.minOffset.rawValue)
    let old = queue.files.filter { $0 < first && $0 != queue.files.last }
    guard !old.isEmpty else { return nil }
    queue.files.removeAll { old.contains($0) }
    queueFiles.remove { $0.queue == queue.number && !$0.isExtension && old.contains($0.start) }
    unsyncedQueueFiles.remove { $0.queue == queue.number && !$0.isExtension && old.contains($0.start) }
    return RemovalPlan(files: old.map(queue.path(ofFileAt:)), directories: [], sync: [queue.directory])
  }

  /// Removes a topic's queues. Their messages stay in the log. Queues of the same name that come meanwhile get no files
  /// until ``finish(_:)`` is told that the plan was run; it is to be run when no batch of entries is being written any
  /// more (``isWritingQueues``), as that could bring files back.
  package func removeQueues(ofTopic topic: String) -> RemovalPlan? {
    guard let removed = queues.removeTopic(topic) else { return nil }
    let numbers = Set(removed.map(\.number))
    dirtyQueues.removeAll { numbers.contains($0.number) }
    roundLeft = 0
    for queue in removed {
      queue.isRemoved = true
      tailBytes -= queue.countedBytes
    }
    for number in numbers where number < numbered.count { numbered[number] = nil }
    queueFiles.remove { numbers.contains($0.queue) }
    unsyncedQueueFiles.remove { numbers.contains($0.queue) }
    let roots = [settings.queueDirectory] + (hasExtensions ? [settings.extensionDirectory] : [])
    let directories = roots.map { $0 + "/" + topic }
    unsyncedQueueFiles.remove(directories: directories)
    topicsUnderRemoval.append(topic)
    return RemovalPlan(files: [], directories: directories, sync: roots, topic: topic)
  }

  /// The removal of a topic's queues was run, whatever came of it.
  package func finish(_ plan: RemovalPlan) {
    guard let topic = plan.topic, let index = topicsUnderRemoval.firstIndex(of: topic) else { return }
    topicsUnderRemoval.remove(at: index)
  }
}

/// Files and directories that the store has let go of and that are to be removed. Blocks.
package struct RemovalPlan: Sendable {
  /// Paths of files.
  package let files: [String]
  /// Paths of directories, removed with everything in them.
  package let directories: [String]
  let sync: [String]
  /// The topic whose queues are removed; nil for files of others.
  var topic: String?

  /// Does it.
  package func run(on disk: any Disk) throws(DiskError) {
    for path in files { try disk.removeFile(path) }
    for path in directories { try disk.removeDirectory(path) }
    for path in sync { try disk.syncDirectory(path) }
  }
}
