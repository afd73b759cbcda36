package import ApusBase
package import ApusStoreCore

/// The first half of a retention run: asks the device how old the log's files are and how full it is.
package struct RetentionSurvey: Sendable {
  let paths: [String]
  let logDirectory: String
  let queueDirectory: String

  /// What the device says.
  package struct Answer: Hashable, Sendable {
    /// When each file was last written to, oldest file first; 0 for one that is not there.
    package var modified: [WallTime]
    /// How many of the oldest files somebody else has removed.
    package var missing = 0
    /// The used share of the fuller one of the log's and the queues' file systems.
    package var usedRatio: Double
  }

  /// Asks. Blocks. Without the newest file it fails: then it is the directory that is not there, and nothing is known
  /// of the others.
  package func run(on disk: any Disk) throws(DiskError) -> Answer {
    var answer = Answer(modified: [], usedRatio: 0)
    for path in paths.dropLast() { answer.modified.append(try Self.modificationTime(of: path, on: disk)) }
    answer.missing = answer.modified.prefix { $0 == Self.never }.count
    if let newest = paths.last { answer.modified.append(try disk.modificationTime(of: newest)) }
    let log = try disk.space(of: logDirectory).usedRatio
    let queues = try disk.space(of: queueDirectory).usedRatio
    answer.usedRatio = max(log, queues)
    return answer
  }

  private static let never = WallTime(milliseconds: 0)

  private static func modificationTime(of path: String, on disk: any Disk) throws(DiskError) -> WallTime {
    do throws(DiskError) {
      return try disk.modificationTime(of: path)
    } catch  where error.code == .notFound {
      return never
    }
  }
}

/// The second half of a retention run: removes log files that the store has let go of, then looks which queue entries
/// point before the log's new start and removes queue files that hold nothing else. What cannot be removed stays for
/// the next run and holds up nothing else.
package struct RetentionRemoval: Sendable {
  /// A file of the log that the store has let go of.
  struct LogFile: Sendable {
    let start: PhysicalOffset
    let path: String
    /// Whether its time had not come: it goes because the device is full.
    let isEarly: Bool
  }

  /// The log's files to remove, oldest first.
  let logFiles: [LogFile]
  let logDirectory: String
  /// Where the log begins now.
  let minimum: PhysicalOffset
  let queues: [QueueSurvey]

  /// What became of it.
  package struct Outcome: Sendable {
    /// How many of the log's files are gone for sure.
    package internal(set) var removedLogFiles = 0
    /// How many of them went before their time, as the device is full.
    package internal(set) var removedEarly = 0
    var queues: [(queue: ConsumeQueue?, survey: QueueSurvey.Answer)] = []
    /// The log's files that are still there, or may come back after a power loss.
    var keptLogFiles: [(file: LogFile, error: DiskError)] = []
    /// Directories of queues whose files could not all be looked at or removed.
    var keptQueues: [(directory: String, error: DiskError)] = []

    /// What went wrong first; nil when nothing did.
    package var error: DiskError? { keptLogFiles.first?.error ?? keptQueues.first?.error }
  }

  /// Does it. Each removal is durable before the next, so that a power loss leaves a gap only where a file cannot be
  /// removed. Blocks.
  package func run(on disk: any Disk) -> Outcome {
    var outcome = Outcome()
    for file in logFiles {
      do throws(DiskError) {
        try disk.removeFile(file.path)
        try disk.syncDirectory(logDirectory)
        outcome.removedLogFiles += 1
        if file.isEarly { outcome.removedEarly += 1 }
      } catch {
        outcome.keptLogFiles.append((file, error))
      }
    }
    for queue in queues {
      do throws(DiskError) {
        outcome.queues.append((queue.queue, try queue.run(before: minimum, on: disk)))
      } catch  where error.code == .notFound {
        // It is being removed with its topic.
      } catch {
        outcome.keptQueues.append((queue.directory, error))
      }
    }
    return outcome
  }
}

extension MessageStore {
  /// Begins a retention run; nil when there is nothing that could be removed and nothing to ask.
  package func planRetention() -> RetentionSurvey? {
    guard !isClosed else { return nil }
    return RetentionSurvey(
      paths: log.segments.files.map(\.path), logDirectory: settings.logDirectory,
      queueDirectory: settings.queueDirectory)
  }

  /// Applies the rules to what the device said: sets or clears the disk-full state and lets go of the files that are to
  /// be removed, and of the oldest ones that somebody else has removed. Files that the durable mark on the device does
  /// not cover, queue entries included, stay: recovery begins there.
  ///
  /// - Parameters:
  ///   - localHour: the hour of the local time, 0…23.
  ///   - needed: files that reach beyond it stay; nil when nothing is needed any more.
  /// - Returns: what is to be removed, with what earlier runs could not remove; nil for nothing.
  package func finish(
    _ survey: RetentionSurvey, _ answer: RetentionSurvey.Answer, retention: inout Retention, now: WallTime,
    localHour: Int, keeping needed: PhysicalOffset? = nil
  ) -> RetentionRemoval? {
    // Files may have come since; they are the newest and not looked at.
    let plan = retention.run(
      now: now, localHour: localHour, modified: answer.modified, usedRatio: answer.usedRatio)
    if plan.isDiskFull { hold(for: .retention, fullAt: settings.root) } else { release(.retention) }
    var files: [RetentionRemoval.LogFile] = []
    for (path, modified) in zip(survey.paths, answer.modified).prefix(max(plan.segmentCount, answer.missing)) {
      guard let first = log.segments.files.first, first.path == path, first !== log.tail,
        let mark, first.end <= min(mark.offset, mark.queues), first.end <= needed ?? first.end
      else { break }
      _ = log.segments.removeFirst()
      files.append(
        RetentionRemoval.LogFile(start: first.start, path: path, isEarly: !retention.hasExpired(modified, now: now)))
    }
    guard !files.isEmpty || !unremoved.isEmpty else { return nil }
    var surveys = queueSurveys()
    if files.isEmpty {
      surveys = surveys.filter { unremoved.queues.contains($0.directory) }
      unremoved.keepQueues(surveys.map(\.directory))
      if unremoved.isEmpty { return nil }
    }
    return RetentionRemoval(
      logFiles: unremoved.logFiles + files, logDirectory: settings.logDirectory, minimum: minOffset, queues: surveys)
  }

  /// Where the log begins with the files that could not be removed, which a start would find again.
  package var minOffsetOnDevice: PhysicalOffset { min(unremoved.logFiles.first?.start ?? minOffset, minOffset) }

  /// Where the files end that a run would remove; nil when it would remove none. Changes nothing but `retention`.
  package func end(
    ofRemovalIn survey: RetentionSurvey, _ answer: RetentionSurvey.Answer, retention: inout Retention, now: WallTime,
    localHour: Int
  ) -> PhysicalOffset? {
    let plan = retention.run(
      now: now, localHour: localHour, modified: answer.modified, usedRatio: answer.usedRatio)
    guard let path = survey.paths.prefix(max(plan.segmentCount, answer.missing)).last else { return nil }
    return log.segments.files.first { $0.path == path }?.end
  }

  func queueSurveys() -> [QueueSurvey] {
    let root = settings.queueDirectory
    let extensions =
      hasExtensions
      ? QueueSurvey.ExtensionFiles(root: settings.extensionDirectory, fileBytes: Int64(settings.extensionFileBytes))
      : nil
    return allQueues.map { topic, id in
      var queue: ConsumeQueue?
      if case .loaded(let loaded) = queues.slot(topic, id) { queue = loaded }
      return QueueSurvey(
        queue: queue, topic: topic, id: id, root: root, fileBytes: Int64(settings.queueFileBytes),
        entries: queue.map { $0.minOffset.rawValue..<max($0.minOffset.rawValue, $0.written) }, extensions: extensions)
    }
  }

  /// Takes in what a removal came to: queues begin where their messages begin.
  package func finish(_ removal: RetentionRemoval, _ outcome: RetentionRemoval.Outcome) {
    for (queue, answer) in outcome.queues {
      guard let queue else { continue }
      queue.raiseMinimumInMemory(from: answer.minimum, to: removal.minimum)
      // Of most queues nothing was removed, and the tables below are long.
      if answer.removed.isEmpty, answer.removedExtensions.isEmpty { continue }
      queue.files.removeAll { answer.removed.contains($0) }
      let isRemoved = { (key: QueueFileCache.Key) in
        key.queue == queue.number
          && (key.isExtension ? answer.removedExtensions : answer.removed).contains(key.start)
      }
      queueFiles.remove(where: isRemoved)
      unsyncedQueueFiles.remove(where: isRemoved)
    }
    let failures = unremoved.update(removal, outcome)
    if let first = failures.first { report(.removalFailed(first, others: failures.count - 1)) }
  }
}

extension ConsumeQueue {
  /// Moves ``minOffset`` to `offset`, and on over entries of the tail that point before the log's start.
  func raiseMinimumInMemory(from offset: Int64, to logStart: PhysicalOffset) {
    var offset = max(offset, minOffset.rawValue)
    while offset >= tail.start, offset < tail.end {
      let entry = ConsumeQueueEntry(tail.bytes(offset..<offset + 1), at: 0)
      guard entry.isBlank || entry.offset < logStart else { break }
      offset += 1
    }
    minOffset = QueueOffset(min(offset, tail.end))
  }
}
