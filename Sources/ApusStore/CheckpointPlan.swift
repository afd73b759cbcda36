package import ApusBase
import ApusModel
package import ApusStoreCore

/// Writes RocketMQ's checkpoint and the durable mark: queue files are brought to the device first, so that both only
/// say what is so.
package struct CheckpointPlan: Sendable {
  let unsynced: UnsyncedQueueFiles
  let checkpoint: Checkpoint
  let checkpointPath: String
  /// The mark, but for the CRC of its last record.
  let mark: DurableMark
  let markPath: String
  let root: String
  /// Where the queues' files lie.
  let queueDirectory: String
  /// Where their extension files lie; nil when there are none.
  let extensionDirectory: String?
  let lastRecord: (mapping: Mapping, range: Range<Int>)?

  /// What came of it.
  package enum Outcome: Sendable {
    /// Both are on the device.
    case written(DurableMark)
    /// They are not; what was there before still counts.
    case failed(DiskError)
  }

  /// Does it. Blocks.
  package func run(on disk: any Disk) -> Outcome {
    do throws(DiskError) {
      do throws(DiskError) { try syncQueues(on: disk) } catch { throw Self.lasting(error) }
      try Self.write(checkpoint.encoded, to: checkpointPath, at: 0, length: Int64(Checkpoint.bytes), on: disk)
      var mark = mark
      if let lastRecord { mark.lastRecord?.crc = CRC32.checksum(lastRecord.mapping.bytes(lastRecord.range)) }
      try Self.write(mark.encoded, to: markPath, at: mark.position, length: Int64(DurableMark.bytes), on: disk)
      try disk.syncDirectory(root)
      return .written(mark)
    } catch {
      return .failed(error)
    }
  }

  /// ENOSPC.
  private static let noSpace: Int32 = 28

  /// A sync that fails for want of space has given up what it was to bring, as one that fails for another cause: space
  /// that comes later does not bring it back, and the next sync would say that all is well.
  private static func lasting(_ error: DiskError) -> DiskError {
    error.code == .full ? DiskError(.failed(noSpace), operation: error.operation, path: error.path) : error
  }

  /// One after the other costs a write to the device each: for thousands of queues their file system is synced at once,
  /// which need not be the root's.
  private func syncQueues(on disk: any Disk) throws(DiskError) {
    if unsynced.isEverything {
      try disk.syncAll(at: queueDirectory)
      guard let extensionDirectory else { return }
      if try disk.sharesDevice(extensionDirectory, with: queueDirectory) { return }
      return try disk.syncAll(at: extensionDirectory)
    }
    for directory in unsynced.directories.sorted().reversed() {
      try Self.unlessRemoved { () throws(DiskError) in try disk.syncDirectory(directory) }
    }
    for path in unsynced.files.values.sorted() {
      try Self.unlessRemoved { () throws(DiskError) in
        let file = try OpenFile(disk: disk, path: path, create: false)
        try withExtendedLifetime(file) { (file) throws(DiskError) in try disk.sync(file.file) }
      }
    }
  }

  /// Queues are removed with their topic, and queue files with the messages, while the plan is under way.
  private static func unlessRemoved(_ body: () throws(DiskError) -> Void) throws(DiskError) {
    do throws(DiskError) { try body() } catch  where error.code == .notFound { return }
  }

  static func write(
    _ bytes: [UInt8], to path: String, at position: Int64, length: Int64, on disk: any Disk
  ) throws(DiskError) {
    let file = try OpenFile(disk: disk, path: path, create: true)
    if try disk.length(of: file.file) != length { try disk.setLength(of: file.file, to: length) }
    try disk.write(file.file, at: position, bytes: bytes.rawSpan)
    try disk.sync(file.file)
  }
}

extension MessageStore {
  /// A new checkpoint and durable mark; nil when nothing has moved since the last one. Queue files should be written
  /// before, so that the mark can move.
  package func planCheckpoint() -> CheckpointPlan? { planCheckpoint(closing: false) }

  func planCheckpoint(closing: Bool) -> CheckpointPlan? {
    guard failure == nil, !checkpointing, !writingQueues else { return nil }
    let flushed = log.marks.flushed
    // Of one that belongs to another log only the number counts.
    let known = markFits ? mark : nil
    let moved = known.map { $0.offset != flushed || $0.queues != queuesWritten || $0.isClean != closing } ?? true
    guard moved || checkpoint.index != indexTime else { return nil }
    var last: (mapping: Mapping, range: Range<Int>)?
    var lastRecord = known?.lastRecord
    if let record = log.lastFlushed {
      guard let file = log.segments.file(at: record.offset), let mapping = file.mapping else { return nil }
      let position = record.offset - file.start
      last = (mapping, position..<position + record.size)
      lastRecord = DurableMark.LastRecord(
        offset: record.offset, size: record.size, crc: 0, storeTime: record.storeTime)
    }
    let logTime = log.lastFlushed?.storeTime ?? checkpoint.log
    // Queues that are complete are as new as the log, also when its last records have no entries.
    let queuesTime = queuesWritten >= flushed ? logTime : max(checkpoint.queues, queuesWrittenTime)
    checkpointing = true
    return CheckpointPlan(
      unsynced: unsyncedQueueFiles.take(),
      checkpoint: Checkpoint(log: logTime, queues: queuesTime, index: indexTime),
      checkpointPath: settings.checkpointPath,
      mark: DurableMark(
        sequence: (mark?.sequence ?? 0) &+ 1, offset: flushed, lastRecord: lastRecord, queues: queuesWritten,
        isClean: closing, witness: known?.witness(before: lastRecord?.offset)),
      markPath: settings.markPath, root: settings.root, queueDirectory: settings.queueDirectory,
      extensionDirectory: hasExtensions ? settings.extensionDirectory : nil, lastRecord: last)
  }

  /// Takes in what a checkpoint came to. An I/O error ends the store's acceptance: a failed sync cannot be repeated.
  /// What could not be opened for want of descriptors was not synced, and is the next time.
  package func finish(_ plan: CheckpointPlan, _ outcome: CheckpointPlan.Outcome) {
    checkpointing = false
    switch outcome {
    case .written(let mark):
      self.mark = mark
      markFits = true
      checkpoint = plan.checkpoint
      release(.checkpoint)
    case .failed(let error):
      unsyncedQueueFiles.formUnion(plan.unsynced)
      hold(for: .checkpoint, after: error, path: settings.root)
    }
  }
}
