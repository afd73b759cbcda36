package import ApusBase
import ApusModel
package import ApusStoreCore

extension MessageStore {
  /// Opens the store at `settings.root`, made when it is missing: takes its lock, finds its files, reads what came
  /// after the durable mark and puts the queues in order (see ``Recovery``). `progress` is told now and then how far
  /// that has come, `log` of every choice at the end. `workers` load queues. Blocks.
  package static func open(
    disk: any Disk, settings: StoreSettings, workers: Workers = .serial, log: (StoreEvent) -> Void = { _ in },
    progress: @escaping (RecoveryProgress) -> Void = { _ in }
  ) throws(StoreError) -> MessageStore {
    let store = MessageStore(disk: disk, settings: settings)
    try store.refuseDLedger()
    do throws(DiskError) {
      for directory in [settings.root, settings.logDirectory, settings.queueDirectory] {
        try store.makeDirectory(directory)
      }
      store.lockFile = try disk.lock(settings.lockPath)
      if settings.extendsQueues { try store.makeDirectory(settings.extensionDirectory) }
      let extensions = try disk.list(settings.extensionDirectory)
      store.hasExtensions = settings.extendsQueues || !extensions.isEmpty
    } catch {
      throw error.code == .locked ? .inUse(path: settings.lockPath) : .disk(error)
    }
    let hasQueueFiles = try store.findQueues().hasFiles
    try store.findLogFiles(hasQueueFiles: hasQueueFiles, log)
    do throws(DiskError) {
      let recorded = try DeletedTopics.read(for: settings, from: disk) { path, error in
        log(.deletionsUnreadable(path: path, reason: "\(error)"))
      }
      store.deletedTopics = recorded
      try store.completeRemovals()
      let abort = try disk.list(settings.root).contains { $0.name == "abort" }
      store.wasClosed = !abort
      var recovery = Recovery(store: store, wasClosed: !abort, workers: workers, progress: progress)
      defer { recovery.events.forEach(log) }
      try recovery.run()
      try store.fitDeletedTopics(recorded: recorded)
      try store.loadLightQueues()
      disk.close(try disk.open(settings.abortPath, create: true))
      try disk.syncDirectory(settings.root)
      try store.reserveTail()
      try store.writeFirstMark()
    } catch {
      throw .disk(error)
    }
    return store
  }

  /// Makes a directory so that its name, and those of the directories made above it, survive a power loss.
  private func makeDirectory(_ path: String) throws(DiskError) {
    let isNew = try disk.list(path).isEmpty
    try disk.createDirectory(path)
    if isNew { try disk.syncAncestors(of: path) }
  }

  /// Lists the log's files and gives the one with a wrong length its own, when the others say what that is.
  private func findLogFiles(hasQueueFiles: Bool, _ report: (StoreEvent) -> Void) throws(StoreError) {
    let entries: [DiskEntry]
    var mark: DurableMark?
    do throws(DiskError) {
      let bytes = try disk.contents(of: settings.markPath, limit: DurableMark.bytes)
      mark = bytes.flatMap { DurableMark.newest(in: $0.rawSpan) }
      try removeUnfinishedLogFile()
      entries = try disk.list(log.directory).filter { !$0.isDirectory }
    } catch {
      throw .disk(error)
    }
    if entries.isEmpty { try refuseMissingLog(mark, hasQueueFiles: hasQueueFiles) }
    let size = Int64(log.fileBytes)
    var previousEnd: PhysicalOffset?
    for (index, entry) in entries.enumerated() {
      let path = log.directory + "/" + entry.name
      guard let start = SegmentName.start(entry.name) else {
        throw .layout(path: path, reason: "is no log file: move it elsewhere")
      }
      if let previousEnd, start < previousEnd.rawValue {
        throw .layout(path: path, reason: "begins within the file before: mappedFileSizeCommitLog is not \(size)")
      }
      if entry.length != size {
        // Another file of the right length shows that the setting is right, and the mark that this file was longer.
        let isSure =
          entries.contains { $0.length == size } || entry.length == 0
          || mark.map { $0.offset.rawValue > start + entry.length && $0.offset.rawValue <= start + size } == true
        guard isSure, entry.length < size || index == entries.count - 1 else {
          throw .layout(
            path: path, reason: "has \(entry.length) bytes, but mappedFileSizeCommitLog is \(size)")
        }
        do throws(DiskError) { try giveLength(entry) } catch { throw .disk(error) }
        report(.fileLengthRepaired(path: path, was: entry.length))
      }
      if let previousEnd, start > previousEnd.rawValue {
        report(.fileMissing(from: previousEnd, to: PhysicalOffset(start)))
      }
      let file = MappedFile(start: PhysicalOffset(start), directory: log.directory, capacity: log.fileBytes)
      log.segments.append(file)
      previousEnd = file.end
    }
  }

  /// Removes the log file that was being made, beside the directory, when the process before ended.
  private func removeUnfinishedLogFile() throws(DiskError) {
    do throws(DiskError) {
      try disk.removeFile(log.directory + ".new")
    } catch  where error.code == .denied {
      // The directory is a mount point below one that nobody may write to, as the root of a container: files are made
      // in their place there.
    }
  }

  private func giveLength(_ entry: DiskEntry) throws(DiskError) {
    let file = try OpenFile(disk: disk, path: log.directory + "/" + entry.name, create: false)
    if entry.length > Int64(log.fileBytes) {
      // What lies beyond cannot be part of a record; it is kept for a look at it, outside of the log's directory, where
      // only log files may be.
      let rest = try disk.bytes(
        of: file.file, at: Int64(log.fileBytes), count: Int(min(entry.length - Int64(log.fileBytes), 1 << 20)))
      if !LogScanner.isZero(rest.rawSpan) {
        let path = "\(settings.root)/commitlog-\(entry.name).rest"
        try CheckpointPlan.write(rest, to: path, at: 0, length: Int64(rest.count), on: disk)
      }
    }
    try disk.setLength(of: file.file, to: Int64(log.fileBytes))
    try disk.sync(file.file)
  }

  /// A store gets a mark that fits before it takes a message, so that the next start knows what is durable. One that
  /// fits already stays, and the next checkpoint brings what recovery changed to the device, unless queues were built
  /// anew from further back than it says: a part of their files must not be taken for all of them.
  private func writeFirstMark() throws(DiskError) {
    if markFits, let mark, mark.queues <= queuesWritten { return }
    guard let plan = planCheckpoint() else { return }
    let outcome = plan.run(on: disk)
    finish(plan, outcome)
    if case .failed(let error) = outcome, error.code != .full { throw error }
  }

  /// Makes sure that writing to the tail cannot run out of space: Java leaves its files sparse.
  private func reserveTail() throws(DiskError) {
    guard let tail = log.tail, let mapping = tail.mapping else { return }
    do throws(DiskError) {
      let file = try OpenFile(disk: disk, path: tail.path, create: false)
      try disk.allocate(file.file, length: Int64(tail.capacity))
      let end = min(log.position + settings.populateStep, tail.capacity)
      try disk.populate(mapping.segment, log.position..<end)
      tail.populated = end
    } catch  where error.code == .unsupported {
      tail.populated = tail.capacity
    } catch  where error.code == .full {
      hold(for: .segment, fullAt: tail.path)
    }
  }

  /// Flushes, writes the queue files and the marks, and removes the abort file, so that the next start has nothing to
  /// do. No plan may be under way. After a failure the abort file stays, and the next start recovers; it also stays
  /// when files that belong to the store could not be written (`isWhole` false).
  package func close(isWhole: Bool = true) throws(DiskError) {
    guard !isClosed else { return }
    _ = dispatch()
    isClosed = true
    // Whatever comes of it, nothing is written any more afterwards.
    defer {
      if let lockFile { disk.close(lockFile) }
      lockFile = nil
    }
    if let failure { throw failure }
    if let plan = planFlush() { finish(plan, plan.run(on: disk)) }
    let removalFailure = runFailedRemovals()
    // One round for what was dirty, one for what became flushed meanwhile.
    for _ in 0..<2 {
      while let plan = planQueueWrites() {
        let outcome = plan.run(on: disk)
        finish(plan, outcome)
        if let error = outcome.error { throw error }
      }
    }
    if let plan = planCheckpoint(closing: true) {
      let outcome = plan.run(on: disk)
      finish(plan, outcome)
      if case .failed(let error) = outcome { throw error }
    }
    if let failure = failure ?? removalFailure { throw failure }
    if isWhole, log.marks.dispatchable == log.marks.appended {
      try disk.removeFile(settings.abortPath)
      try disk.syncDirectory(settings.root)
    }
  }

  /// Whether everything in the log is on the device, so that a stop loses no message whatever else it cannot write.
  package var isFlushed: Bool { failure == nil && log.marks.flushed == log.marks.appended }
}
