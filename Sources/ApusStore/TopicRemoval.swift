package import ApusBase
import ApusStoreCore

/// The files of a topic's queues, which the store has let go of. That they are to go is recorded (``DeletionRecord``),
/// so that a start removes what was not.
package struct TopicRemoval: Sendable {
  /// The topic.
  package let topic: String
  /// Removed with everything in them.
  let directories: [String]
  /// Where they stand.
  let roots: [String]

  /// Removes the files. Blocks.
  package func run(on disk: any Disk) throws(DiskError) {
    for path in directories { try disk.removeDirectory(path) }
    for path in roots { try disk.syncDirectory(path) }
  }
}

extension MessageStore {
  /// Lets go of a topic's queues, for good, when that is recorded: its messages stay in the log, but no start gives
  /// them back. Queues of the same name that come meanwhile get no files until ``finish(_:isDone:)`` is told that the
  /// plan was run; it is to be run when no batch of entries is being written any more (``isWritingQueues``), as that
  /// could bring files back.
  func removeQueues(ofTopic topic: String) -> TopicRemoval {
    let removed = queues.removeTopic(topic) ?? []
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
    if !topicsUnderRemoval.contains(topic) { topicsUnderRemoval.append(topic) }
    let plan = removal(of: topic)
    unsyncedQueueFiles.remove(directories: plan.directories)
    return plan
  }

  /// Whether a message of a topic was deleted with it, though the log still has it, or goes as soon as that is
  /// recorded.
  package func isDeleted(_ offset: PhysicalOffset, of topic: RawSpan) -> Bool {
    !deletionHolds.isEmpty && deletionHolds[topic.text] != nil || deletedTopics.covers(offset, of: topic)
  }

  /// A removal of files that has failed, to be run again; nil when there is none.
  package func planFailedRemoval() -> TopicRemoval? { topicsUnderRemoval.first.map { removal(of: $0) } }

  /// As ``planFailedRemoval()`` for a topic.
  package func planFailedRemoval(ofTopic topic: String) -> TopicRemoval? {
    topicsUnderRemoval.contains(topic) ? removal(of: topic) : nil
  }

  /// The removal of a topic's queues was run; one that failed is due again.
  package func finish(_ removal: TopicRemoval, isDone: Bool) {
    guard isDone, let index = topicsUnderRemoval.firstIndex(of: removal.topic) else { return }
    topicsUnderRemoval.remove(at: index)
    deletedTopics.finish(removal.topic)
  }

  private func removal(of topic: String) -> TopicRemoval {
    let roots = [settings.queueDirectory] + (hasExtensions ? [settings.extensionDirectory] : [])
    return TopicRemoval(topic: topic, directories: roots.map { $0 + "/" + topic }, roots: roots)
  }

  /// Tries once more what failed, before the store is closed. Returns why it failed again: the next start has to
  /// recover then, as it cannot take the queues for whole. Blocks.
  func runFailedRemovals() -> DiskError? {
    while let record = planFailedDeletion() {
      do throws(DiskError) { try record.run(on: disk) } catch { return error }
      // Its files go with the others.
      _ = finish(record, isWritten: true)
    }
    while let removal = planFailedRemoval() {
      do throws(DiskError) { try removal.run(on: disk) } catch { return error }
      finish(removal, isDone: true)
    }
    return nil
  }

  // MARK: At a start

  /// Completes removals that were recorded and not run to their end. To be called before recovery, when it is known
  /// which queues have files and where the log begins.
  func completeRemovals() throws(DiskError) {
    for topic in deletedTopics.unfinished {
      if try hasOnlyDeletedMessages(topic) {
        // Directories that are gone may be so in memory only, where a process was killed in the middle.
        _ = queues.removeTopic(topic)
        try removal(of: topic).run(on: disk)
      }
      deletedTopics.finish(topic)
    }
  }

  /// Whether a topic's queue files are those of before its deletion: they are never mixed with those of a topic that
  /// was made again under the name.
  private func hasOnlyDeletedMessages(_ topic: String) throws(DiskError) -> Bool {
    guard let end = deletedTopics.end(of: topic) else { return false }
    for id in queues.ids(topic) {
      let queue = makeQueue(topic, id)
      try queue.load(on: disk, logStart: log.minOffset, hasExtensions: false) { _ in }
      if let lastEnd = queue.lastRecordEnd, lastEnd > end { return false }
    }
    return true
  }

  /// Fits what is known of deletions to the log that recovery found, on the device as well: before the log grows, as
  /// what it gains where it was longer once is not deleted.
  func fitDeletedTopics(recorded: DeletedTopics) throws(DiskError) {
    deletedTopics.fit(log.minOffset..<log.marks.appended)
    guard deletedTopics != recorded else { return }
    do throws(DiskError) {
      try disk.replace(settings.deletionsPath, with: deletedTopics.encoded.rawSpan)
    } catch  where error.code == .full {
      guard recorded.end > log.marks.appended else { return }
      // Without space for the new one, no record: topics may come back then, which harms no other message.
      try disk.removeFile(settings.deletionsPath)
      try disk.syncDirectory(settings.root)
    }
  }
}

extension DeletedTopics {
  /// Reads the record of a store; nothing when there is none, and when it is damaged, which `report` is told.
  static func read(
    for settings: StoreSettings, from disk: any Disk, report: (_ path: String, DecodeError) -> Void
  ) throws(DiskError) -> DeletedTopics {
    let path = settings.deletionsPath
    guard let bytes = try disk.contents(of: path, limit: byteLimit) else { return DeletedTopics() }
    do throws(DecodeError) {
      return try DeletedTopics(bytes.rawSpan)
    } catch {
      report(path, error)
      return DeletedTopics()
    }
  }
}
