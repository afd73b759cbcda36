import ApusBase
import ApusModel
import ApusStoreCore

/// Puts a store in order after a stop: finds where the log ends, gives every record its queue entry, and leaves out
/// what is damaged, by one rule. Below what is durable damage is isolated: what can be read after it stays, and the
/// messages lost keep their queue offsets, as blanks. Above it the log ends at the first bad record.
///
/// What is durable, and where reading begins, the durable mark says (``DurableMark``), else the checkpoint
/// (``RecoveryPlan``). Entries are put back by the queue offset that each record carries, over what the files hold, so
/// that recovering twice, or being stopped in it, comes to the same.
struct Recovery {
  let store: MessageStore
  /// Whether the store was closed in order: there was no abort file.
  let wasClosed: Bool
  /// Every choice made, in order.
  private(set) var events: [StoreEvent] = []

  private var plan = RecoveryPlan(start: .zero, rule: .everything, basis: .nothing)
  /// Whether zeroes after the last record are taken for the end without looking at all of them.
  private var trustsZeroes = false
  private var end = PhysicalOffset.zero
  private var last: CommitLog.LastRecord?
  private var records = 0
  /// What was read and is not on the device for sure.
  private(set) var unsure: [Range<PhysicalOffset>] = []
  /// What was passed over.
  private var isolated: [Range<PhysicalOffset>] = []
  private var rebuild: QueueRebuild
  private var loadAhead: LoadAhead
  /// Who loads many queues.
  private let workers: Workers
  /// Told how far it has come.
  let progress: (RecoveryProgress) -> Void

  init(
    store: MessageStore, wasClosed: Bool, workers: Workers, progress: @escaping (RecoveryProgress) -> Void
  ) {
    self.store = store
    self.wasClosed = wasClosed
    self.progress = progress
    rebuild = QueueRebuild(store: store, progress: progress)
    self.workers = workers
    loadAhead = LoadAhead(store: store, workers: workers)
  }

  var files: [MappedFile] { store.log.segments.files }

  /// Does it all.
  mutating func run() throws(DiskError) {
    let first = try choosePlan()
    try readLog(from: first)
    try finishLog()
    events += try rebuild.finish(readFrom: plan.start, logEnd: end, isolated: isolated)
    if let mark = store.mark, plan.basis == .mark { store.markFits = mark.offset <= end }
    store.dispatched = end
    store.dispatchedTime = last?.storeTime ?? store.checkpoint.queues
    store.queuesWritten = min(plan.start, end)
    store.queuesWrittenTime = store.checkpoint.queues
    events.append(.recovered(end: end, records: records))
  }

  // MARK: Where to begin

  private mutating func choosePlan() throws(DiskError) -> CommitLog.LastRecord? {
    if let bytes = try store.disk.contents(of: store.settings.checkpointPath, limit: Checkpoint.bytes),
      let checkpoint = Checkpoint(bytes.rawSpan)
    {
      store.checkpoint = checkpoint
      store.indexTime = checkpoint.index
    }
    if let bytes = try store.disk.contents(of: store.settings.markPath, limit: DurableMark.bytes) {
      if let mark = DurableMark.newest(in: bytes.rawSpan) {
        store.mark = mark
        switch try fit(of: mark) {
        case .not(let reason): events.append(.markIgnored(reason: reason))
        case .butForItsLastRecord(let start):
          // What lies between is read, so that nothing depends on where the mark says that a record ends.
          adopt(mark, readingFrom: start)
          return nil
        case .whole:
          trustsZeroes = wasClosed && mark.isClean
          adopt(mark, readingFrom: mark.offset)
          return mark.lastRecord.map {
            CommitLog.LastRecord(offset: $0.offset, size: $0.size, storeTime: $0.storeTime)
          }
        }
      } else {
        events.append(.markIgnored(reason: "neither of its slots is whole"))
      }
    }
    try planWithoutMark()
    events.append(.recoveryStarted(at: plan.start, basis: plan.basis))
    return nil
  }

  /// Whether a mark fits the log.
  private enum Fit {
    case whole
    /// The log is the one that was marked, and the last record before the mark is not what was stored: reading from
    /// here on finds out.
    case butForItsLastRecord(PhysicalOffset)
    case not(String)
  }

  private func fit(of mark: DurableMark) throws(DiskError) -> Fit {
    guard mark.offset >= store.log.minOffset, mark.queues >= .zero, mark.queues <= mark.offset else {
      return .not("it lies outside of the log")
    }
    guard let last = mark.lastRecord else { return mark.offset == .zero ? .whole : .not("it names no record") }
    guard last.end <= mark.offset, let crc = try checksum(last.offset..<last.end) else {
      return .not("its last record is not in the log")
    }
    if crc == last.crc { return .whole }
    // Without a witness it is the first mark with a record: the whole log is read.
    guard let witness = mark.witness else { return .butForItsLastRecord(store.log.minOffset) }
    guard witness.end <= last.offset, try checksum(witness.offset..<witness.end) == witness.crc else {
      return .not("its last record has changed")
    }
    return .butForItsLastRecord(witness.end)
  }

  /// CRC-32 of a range of the log; nil when it does not lie in one file.
  private func checksum(_ range: Range<PhysicalOffset>) throws(DiskError) -> UInt32? {
    guard !range.isEmpty, let file = store.log.segments.file(at: range.lowerBound), range.upperBound <= file.end else {
      return nil
    }
    let mapping = try store.mapped(file, writable: false)
    return CRC32.checksum(mapping.bytes(range.lowerBound - file.start..<range.upperBound - file.start))
  }

  private mutating func adopt(_ mark: DurableMark, readingFrom start: PhysicalOffset) {
    // Queues that somebody has removed, all of them, are built anew from the whole log.
    plan = RecoveryPlan(
      start: store.queues.isEmpty ? store.log.minOffset : max(min(start, mark.queues), store.log.minOffset),
      rule: wasClosed ? .everything : .before(mark.offset), basis: .mark)
    events.append(.recoveryStarted(at: plan.start, basis: plan.basis))
  }

  private mutating func planWithoutMark() throws(DiskError) {
    try loadAllQueues()
    var described: [RecoveryPlan.File] = []
    for file in files {
      let mapping = try store.mapped(file, writable: false)
      let scanner = LogScanner(mapping.bytes(0..<file.capacity), start: file.start, checksBodies: false)
      described.append(
        RecoveryPlan.File(start: file.start, firstStoreTime: scanner.storeTime(at: 0), hasData: scanner.hasData))
    }
    let logEnd = files.last?.end ?? .zero
    let covered = store.queues.loaded.compactMap(\.lastRecordEnd).filter { $0 <= logEnd }.max()
    let exists = try store.disk.list(store.settings.root).contains { $0.name == "checkpoint" && $0.length >= 24 }
    plan = RecoveryPlan.withoutMark(
      files: described, wasClosed: wasClosed, checkpoint: exists ? store.checkpoint : nil, queuesCover: covered)
  }

  private func loadAllQueues() throws(DiskError) {
    let all = store.queues.all
    var done = 0
    while done < all.count {
      if done > 0 { progress(RecoveryProgress(phase: .queues, done: done, total: all.count)) }
      let some = all[done..<min(done + RecoveryProgress.queueStride, all.count)]
      store.load(Array(some), by: workers)
      for queue in some { _ = try store.queue(topic: queue.topic, id: queue.id) }
      done = some.endIndex
    }
  }

  // MARK: Reading

  /// Reads the log from the plan's start, going further back while entries before it turn out to be missing.
  private mutating func readLog(from first: CommitLog.LastRecord?) throws(DiskError) {
    var step = 1
    while true {
      end = plan.start
      last = first
      records = 0
      unsure = []
      isolated = []
      rebuild.begin(from: plan.start, canGoBack: plan.start > store.log.minOffset)
      loadAhead.begin()
      let before = events.count
      try readFiles()
      if !rebuild.mustGoBack { try rebuild.settleDoubts(logEnd: end) }
      guard rebuild.mustGoBack else { return }
      events.removeLast(events.count - before)
      let index = files.lastIndex { $0.start < plan.start } ?? 0
      plan.start = files[max(0, index + 1 - step)].start
      step *= 2
      store.queues.unloadAll()
      try loadAllQueues()
      events.append(.recoveryWentBack(to: plan.start))
    }
  }

  private mutating func readFiles() throws(DiskError) {
    var position = plan.start
    for (index, file) in files.enumerated() where file.end > plan.start {
      if file.start > position {
        guard plan.rule.mayFollow(position, after: last?.storeTime) else { return }
        isolated.append(position..<file.start)
        rebuild.noteDamage(position..<file.start)
      }
      position = max(position, file.start)
      let mapping = try store.mapped(file, writable: false)
      let bytes = mapping.bytes(0..<file.capacity)
      let scanner = LogScanner(
        bytes, start: file.start, checksBodies: store.settings.checksOnRecovery, trustsZeroes: trustsZeroes,
        written: trustsZeroes ? nil : try store.written(file))
      guard try read(scanner, file, index, from: position - file.start) else { return }
      if rebuild.mustGoBack { return }
      position = file.end
    }
  }

  /// Reads one file from a position on. Returns whether the log goes on in the next one.
  private mutating func read(
    _ scanner: borrowing LogScanner, _ file: MappedFile, _ index: Int, from start: Int
  ) throws(DiskError) -> Bool {
    var position = start
    var reported = start
    while true {
      if position - reported >= RecoveryProgress.stride {
        report(.reading(path: file.path), file.start + position)
        reported = position
      }
      loadAhead.reach(position, of: scanner)
      switch item(scanner, at: position) {
      case .record(let size):
        try take(scanner.bytes.extracting(position..<position + size), at: file.start + position)
        if rebuild.mustGoBack { return false }
        position += size
        end = file.start + position
      case .blank:
        noteUnsure(file.start + position..<file.start + position + 8, storedAt: WallTime(milliseconds: .max))
        return true
      case .end: return true
      case .unwritten:
        if try isMissingBlank(file, index, at: position) {
          try restoreBlank(file, at: position)
          return true
        }
        if try goesOn(after: index, from: file.start + position) {
          isolate(file, file.start + position..<file.end)
          return true
        }
        guard let marked = isolateUpToMark(file, from: position) else { return false }
        position = marked
      case .bad(let reason):
        let bad = file.start + position
        if plan.rule.mayFollow(bad, after: last?.storeTime) {
          if let next = scanner.resume(after: position), covers(scanner, file, next, index) {
            isolate(file, bad..<file.start + next)
            position = next
            continue
          }
          if try goesOn(after: index, from: bad) {
            isolate(file, bad..<file.end)
            return true
          }
          if let marked = isolateUpToMark(file, from: position) {
            position = marked
            continue
          }
        }
        events.append(.logCut(path: file.path, at: bad, reason: "\(reason)"))
        return false
      }
    }
  }

  /// What stands at a position; a record that is not durable for sure and that a power loss has torn is none.
  private func item(_ scanner: borrowing LogScanner, at position: Int) -> LogScanner.Item {
    let item = scanner.item(at: position)
    guard case .record(let size) = item, let time = scanner.storeTime(at: position),
      !plan.rule.covers(scanner.start + position, storedAt: time), scanner.isTorn(position..<position + size)
    else { return item }
    return .bad("a sector of its topic or properties was never written")
  }

  private mutating func isolate(_ file: MappedFile, _ range: Range<PhysicalOffset>) {
    isolated.append(range)
    _ = store.damageFound.note(range)
    rebuild.noteDamage(range)
    events.append(.damageIsolated(path: file.path, range))
  }

  /// What lies before the mark was there, even when nothing of it and nothing behind it can be read: the log goes on at
  /// the mark, or in the next file when that is not in this one. Returns the position in this file; nil when the mark
  /// is not ahead.
  private mutating func isolateUpToMark(_ file: MappedFile, from position: Int) -> Int? {
    let bad = file.start + position
    guard plan.basis == .mark, let mark = store.mark, mark.offset > bad else { return nil }
    end = min(mark.offset, file.end)
    isolate(file, bad..<end)
    return end - file.start
  }

  /// Whether what stands at a position, a record or the file's blank, is durable for sure.
  private func covers(_ scanner: borrowing LogScanner, _ file: MappedFile, _ position: Int, _ index: Int) -> Bool {
    if let time = scanner.storeTime(at: position) { return plan.rule.covers(file.start + position, storedAt: time) }
    // A blank was written with the first record of the next file.
    guard index + 1 < files.count, let mapping = files[index + 1].mapping else { return false }
    let next = files[index + 1]
    let nextScanner = LogScanner(mapping.bytes(0..<next.capacity), start: next.start, checksBodies: false)
    guard let time = nextScanner.storeTime(at: 0) else { return false }
    return plan.rule.covers(next.start, storedAt: time)
  }

  /// Whether a later file holds durable records.
  private func goesOn(after index: Int, from offset: PhysicalOffset) throws(DiskError) -> Bool {
    guard plan.rule.mayFollow(offset, after: last?.storeTime) else { return false }
    for file in files[(index + 1)...] {
      let mapping = try store.mapped(file, writable: false)
      let bytes = mapping.bytes(0..<file.capacity)
      let scanner = LogScanner(
        bytes, start: file.start, checksBodies: store.settings.checksOnRecovery, written: try store.written(file))
      if let time = scanner.storeTime(at: 0) {
        if case .record = scanner.item(at: 0) { return plan.rule.covers(file.start, storedAt: time) }
      }
      if trustsZeroes, !scanner.hasData { continue }
      if let next = scanner.resume(after: 0), let time = scanner.storeTime(at: next) {
        return plan.rule.covers(file.start + next, storedAt: time)
      }
    }
    return false
  }

  /// Whether the zeroes from a position to the file's end stand where a blank belongs: the next file begins with a
  /// whole record that did not fit here, alone or with those that came in one batch with it. The record must be
  /// durable: above what is durable the zeroes may as well be a record that was lost, and there the log ends. Where
  /// nothing says what is durable, they are taken for a blank.
  private func isMissingBlank(_ file: MappedFile, _ index: Int, at position: Int) throws(DiskError) -> Bool {
    guard file.capacity - position >= 8, index + 1 < files.count, files[index + 1].start == file.end else {
      return false
    }
    let next = files[index + 1]
    let mapping = try store.mapped(next, writable: false)
    let scanner = LogScanner(
      mapping.bytes(0..<next.capacity), start: next.start, checksBodies: true, written: try store.written(next))
    guard case .record = scanner.item(at: 0), let time = scanner.storeTime(at: 0) else { return false }
    guard scanner.firstBatchBytes() + 8 > file.capacity - position else { return false }
    return plan.basis == .nothing || plan.rule.covers(next.start, storedAt: time)
  }

  private mutating func restoreBlank(_ file: MappedFile, at position: Int) throws(DiskError) {
    var writer = ByteWriter(capacity: 8)
    writer.write(Int32(truncatingIfNeeded: file.capacity - position))
    writer.write(StoredRecord.blankMagic)
    let open = try OpenFile(disk: store.disk, path: file.path, create: false)
    try store.disk.write(open.file, at: Int64(position), bytes: writer.bytes)
    try store.disk.sync(open.file)
    events.append(.blankRestored(path: file.path, at: file.start + position))
  }

  private mutating func take(_ bytes: RawSpan, at offset: PhysicalOffset) throws(DiskError) {
    guard let record = StoredRecord.whole(at: bytes) else { preconditionFailure("the record was whole a moment ago") }
    records += 1
    last = CommitLog.LastRecord(offset: offset, size: bytes.byteCount, storeTime: record.storeTime)
    noteUnsure(offset..<offset + bytes.byteCount, storedAt: record.storeTime)
    try rebuild.add(record, at: offset)
  }

  /// Remembers a range that is not durable for sure.
  private mutating func noteUnsure(_ range: Range<PhysicalOffset>, storedAt time: WallTime) {
    guard !plan.rule.covers(range.lowerBound, storedAt: time) else { return }
    if let last = unsure.last, last.upperBound == range.lowerBound {
      unsure[unsure.count - 1] = last.lowerBound..<range.upperBound
    } else {
      unsure.append(range)
    }
  }

  private func report(_ phase: RecoveryProgress.Phase, _ position: PhysicalOffset) {
    let total = (files.last?.end ?? plan.start) - plan.start
    progress(RecoveryProgress(phase: phase, done: position - plan.start, total: total))
  }

  // MARK: The log's end

  private func finishLog() throws(DiskError) {
    let log = store.log
    if !trustsZeroes { try makeDurable(from: plan.start, to: end) }
    log.marks = Marks(end: end, dispatch: store.settings.dispatch)
    if log.segments.files.isEmpty { return }
    try store.cutLog(to: end, trustsZeroes: trustsZeroes)
    log.last = last
    log.lastFlushed = last
    for file in log.segments.files where file !== log.tail { file.mapping = nil }
  }
}
