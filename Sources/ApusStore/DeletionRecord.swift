package import ApusBase
import ApusModel
import ApusStoreCore

/// The first step of a topic's removal: makes the device know that the topic's messages are deleted, as the log does
/// not. The queues are let go of when it is there.
///
/// From the plan until the store is told what came of it the topic takes no messages: one that lay in the log behind
/// the place that is recorded, while nobody knows whether the record is on the device, would belong to the topic's old
/// queues after one crash and to new ones after another.
package struct DeletionRecord: Sendable {
  /// The topic.
  package let topic: String
  /// Every deletion that is known, this one included.
  let deletions: DeletedTopics
  /// Where they are kept.
  let path: String

  /// Writes it. Blocks. After an error nobody knows whether the device has it.
  package func run(on disk: any Disk) throws(DiskError) {
    let bytes = deletions.encoded
    try disk.replace(path, with: bytes.rawSpan)
  }
}

/// Why a topic takes no messages for a while.
enum DeletionHold: Hashable, Sendable {
  /// The record of its deletion is being written.
  case recording
  /// It could not be written, and is to be tried again.
  case failed
}

extension MessageStore {
  /// Begins to remove a topic's queues, which stay as they are until the record is written, or begins anew where that
  /// failed. Nil when the topic has no queues. Steps of one removal at a time may be under way.
  package func planDeletion(ofTopic topic: String) -> DeletionRecord? {
    guard !queues.ids(topic).isEmpty else { return nil }
    deletionHolds[topic] = .recording
    var deletions = deletedTopics
    deletions.fit(log.minOffset..<log.marks.appended)
    deletions.insert(topic, before: log.marks.appended)
    return DeletionRecord(topic: topic, deletions: deletions, path: settings.deletionsPath)
  }

  /// A deletion whose record could not be written, to be tried again; nil when there is none.
  package func planFailedDeletion() -> DeletionRecord? {
    deletionHolds.keys.min().flatMap { planDeletion(ofTopic: $0) }
  }

  /// Takes in whether a deletion was recorded. If so, the store lets go of the topic's queues and returns the rest of
  /// their removal; if not, messages for the topic are refused until it is: the device may have the record all the
  /// same. Sends that came to ``AppendOutcome/notYet`` are to be tried again.
  package func finish(_ record: DeletionRecord, isWritten: Bool) -> TopicRemoval? {
    guard isWritten else {
      deletionHolds[record.topic] = .failed
      return nil
    }
    deletionHolds[record.topic] = nil
    deletedTopics = record.deletions
    return removeQueues(ofTopic: record.topic)
  }

  /// What keeps a message from its queue, or from light queues that it names; nil for nearly all.
  func deletionHold(of draft: borrowing RecordDraft, to queue: ConsumeQueue) -> DeletionHold? {
    guard !deletionHolds.isEmpty else { return nil }
    if let hold = deletionHolds[queue.topic] { return hold }
    guard settings.dispatchesToLightQueues, let names = LightQueues.names(of: draft) else { return nil }
    return deletionHold(ofLight: names)
  }

  /// What keeps a message from one of the light queues that it names.
  func deletionHold(ofLight names: [String]) -> DeletionHold? {
    guard !deletionHolds.isEmpty else { return nil }
    for name in names { if let hold = deletionHolds[name] { return hold } }
    return nil
  }
}
