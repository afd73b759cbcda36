package import ApusBase
import ApusStoreCore

/// Writes the queue entries that are only in memory to their files, in one batch for many queues.
///
/// Only entries of flushed records are written: a queue file never knows a record that a power loss can take away.
package struct QueueWritePlan: Sendable {
  struct Piece: Sendable {
    var queue: ConsumeQueue
    var key: QueueFileCache.Key
    var path: String
    var directory: String
    /// Where in the file.
    var position: Int
    var bytes: [UInt8]
    var file: OpenFile?
    var isNew: Bool
    var fileBytes: Int
    /// The queue offset behind the last entry of the piece.
    var end: Int64
    /// How the entries get extension units; nil when they get none.
    var extensions: ExtensionWrite?
  }

  let pieces: [Piece]
  /// Whether this is the last plan of a round: when it succeeds, every entry is written whose record was flushed when
  /// the round began.
  package let endsRound: Bool

  /// What came of it.
  package struct Outcome: Sendable {
    var opened: [OpenFile?] = []
    var extensions: [Int: ExtensionWrite.Written] = [:]
    /// Why it did not succeed; nil when it did.
    package internal(set) var error: DiskError?
  }

  /// Does it, stopping at the first error; `bitMaps` works out the bit maps of extension units. Blocks.
  package func run(on disk: any Disk, bitMaps: (any BitMapSource)? = nil) -> Outcome {
    var outcome = Outcome()
    var extensionEnds: [Int: Int64] = [:]
    for (index, var piece) in pieces.enumerated() {
      do throws(DiskError) {
        if let extensions = piece.extensions {
          let end = extensionEnds[extensions.queue] ?? extensions.end
          let written = try extensions.run(&piece.bytes, from: end, on: disk, bitMaps: bitMaps)
          extensionEnds[extensions.queue] = written.end
          outcome.extensions[index] = written
        }
        outcome.opened.append(try write(piece, on: disk))
      } catch {
        outcome.error = error
        break
      }
    }
    return outcome
  }

  private func write(_ piece: Piece, on disk: any Disk) throws(DiskError) -> OpenFile {
    if piece.isNew { try disk.createDirectory(piece.directory) }
    let file: OpenFile
    if let open = piece.file {
      file = open
    } else {
      file = try OpenFile(disk: disk, path: piece.path, create: true)
    }
    // A power loss can leave the name of a file and take its length, and RocketMQ does not start with a short one.
    if try disk.length(of: file.file) < Int64(piece.fileBytes) {
      try disk.setLength(of: file.file, to: Int64(piece.fileBytes))
    }
    try disk.write(file.file, at: Int64(piece.position), bytes: piece.bytes.rawSpan)
    return file
  }
}

extension MessageStore {
  /// How many queues one plan looks at: bounds the time under the lock.
  private static let queuesPerPlan = 4096

  /// A batch of entries to write; nil when there is nothing to do. Call again until it is nil or ends its round: while
  /// records are flushed there is always more.
  package func planQueueWrites() -> QueueWritePlan? {
    guard failure == nil, !writingQueues else { return nil }
    if roundLeft == 0 {
      roundLeft = dirtyQueues.count
      roundIsWhole = true
      roundTarget = min(log.marks.flushed, dispatched)
      roundTime = log.lastFlushed.map { min($0.storeTime, dispatchedTime) } ?? dispatchedTime
    }
    var pieces: [QueueWritePlan.Piece] = []
    while roundLeft > 0, pieces.isEmpty {
      let count = min(roundLeft, Self.queuesPerPlan)
      roundLeft -= count
      let queues = dirtyQueues[..<count]
      dirtyQueues.removeFirst(count)
      for queue in queues {
        queue.isDirty = false
        // A queue whose records are not flushed yet becomes dirty again, for the next round.
        addPieces(of: queue, to: &pieces)
      }
    }
    guard !pieces.isEmpty else {
      endRound()
      // What found no space may have gone with its topic.
      if dirtyQueues.isEmpty { release(.queues) }
      return nil
    }
    writingQueues = true
    return QueueWritePlan(pieces: pieces, endsRound: roundLeft == 0)
  }

  /// Whether a batch of entries is being written.
  package var isWritingQueues: Bool { writingQueues }

  /// Whether queues have entries that are not in their files yet: their records may still have to be flushed.
  package var hasUnwrittenEntries: Bool { failure == nil && !dirtyQueues.isEmpty }

  /// The next checkpoint makes the names of a queue's files and directories durable.
  func noteNewDirectories(of queue: ConsumeQueue) {
    unsyncedQueueFiles.insert(directory: queue.directory, topic: queue.topic, root: settings.queueDirectory)
  }

  private func endRound() {
    guard roundIsWhole else { return }
    queuesWritten = max(queuesWritten, roundTarget)
    queuesWrittenTime = max(queuesWrittenTime, roundTime)
  }

  private func addPieces(of queue: ConsumeQueue, to pieces: inout [QueueWritePlan.Piece]) {
    guard !topicsUnderRemoval.contains(queue.topic) else {
      roundIsWhole = false
      return markDirty(queue)
    }
    let size = Int64(ConsumeQueueEntry.bytes)
    var offset = max(queue.written, queue.tail.start)
    let end = flushedEnd(of: queue, from: offset)
    while offset < end {
      let start = queue.fileStart(of: offset)
      let upTo = min(end, queue.fileEnd(of: offset))
      let isNew = !queue.files.contains(start)
      let key = QueueFileCache.Key(queue: queue.number, start: start)
      var position = Int(offset * size - start)
      var bytes: [UInt8] = []
      if isNew, position > 0 {
        // The queue begins within this file: what stands before is blank, as Java writes it.
        bytes = Self.blanks(position / ConsumeQueueEntry.bytes)
        position = 0
      }
      queue.tail.append(offset..<upTo, to: &bytes)
      let extensions = extensionWrite(of: queue, entries: queue.tail.bytes(offset..<upTo))
      pieces.append(
        QueueWritePlan.Piece(
          queue: queue, key: key, path: queue.path(ofFileAt: start), directory: queue.directory, position: position,
          bytes: bytes, file: isNew ? nil : queueFiles.file(key), isNew: isNew, fileBytes: queue.fileBytes, end: upTo,
          extensions: extensions))
      offset = upTo
    }
    if end < queue.tail.end { markDirty(queue) }
  }

  /// The queue offset behind the last entry whose record is flushed.
  private func flushedEnd(of queue: ConsumeQueue, from offset: Int64) -> Int64 {
    let flushed = log.marks.flushed
    guard let last = queue.lastRecordEnd, last > flushed else { return queue.tail.end }
    var low = offset
    var high = queue.tail.end
    while low < high {
      let middle = (low + high) / 2
      let entry = queue.tail.entry(at: middle)
      if entry.isBlank || entry.end <= flushed { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func blanks(_ count: Int) -> [UInt8] {
    var writer = ByteWriter(capacity: count * ConsumeQueueEntry.bytes)
    for _ in 0..<count { ConsumeQueueEntry.blank.write(into: &writer) }
    return writer.array
  }

  /// Takes in what a batch came to. What was not written stays in memory and is planned again.
  package func finish(_ plan: QueueWritePlan, _ outcome: QueueWritePlan.Outcome) {
    writingQueues = false
    for (index, piece) in plan.pieces.enumerated() {
      let queue = piece.queue
      // Its topic was removed meanwhile, and its files with it.
      if queue.isRemoved { continue }
      guard index < outcome.opened.count, let file = outcome.opened[index] else {
        markDirty(queue)
        continue
      }
      if piece.isNew {
        queue.files.append(piece.key.start)
        queue.files.sort()
        noteNewDirectories(of: queue)
      }
      if let written = outcome.extensions[index] { finish(written, of: queue) }
      queueFiles.insert(piece.key, file)
      unsyncedQueueFiles.insert(piece.key, path: piece.path)
      queue.written = max(queue.written, piece.end)
      trim(queue)
    }
    if let error = outcome.error {
      roundLeft = 0
      if plan.pieces[outcome.opened.count].queue.isRemoved { return }
      hold(for: .queues, after: error, path: settings.queueDirectory)
    } else {
      release(.queues)
      if plan.endsRound { endRound() }
    }
  }

  /// Lets go of entries that are in the file, but for the newest, which most pulls want.
  private func trim(_ queue: ConsumeQueue) {
    let kept: Int64 = tailBytes > settings.queueTailBytes ? 0 : 256
    if queue.tail.count > 2 * Int(kept) { queue.tail.removeFirst(to: min(queue.written, queue.tail.end - kept)) }
    tailBytes += queue.tail.memoryBytes - queue.countedBytes
    queue.countedBytes = queue.tail.memoryBytes
  }

  /// A queue's files hold, from a queue offset on, what may not be on the device: what recovery changed, and what a
  /// killed process wrote and named without having synced it.
  func noteUnsynced(_ queue: ConsumeQueue, from offset: Int64) {
    guard !queue.files.isEmpty else { return }
    noteNewDirectories(of: queue)
    let first = queue.fileStart(of: offset)
    for start in queue.files where start >= first {
      unsyncedQueueFiles.insert(
        QueueFileCache.Key(queue: queue.number, start: start), path: queue.path(ofFileAt: start))
    }
  }

  func markDirty(_ queue: ConsumeQueue) {
    guard !queue.isDirty else { return }
    queue.isDirty = true
    dirtyQueues.append(queue)
  }
}
