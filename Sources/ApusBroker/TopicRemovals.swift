package import ApusBase
import ApusStore
import ApusSystem

/// Removes the queues of deleted topics, one topic at a time, as each writes the record of all deletions anew. Every
/// call may wait for the device.
package final class TopicRemovals: Sendable {
  private let store: SharedStore
  /// Held while the device is written.
  private let turn = Lock()
  /// Called when messages that waited for a deletion to be recorded may go on, or are to be refused.
  private let onDecision: @Sendable () -> Void

  /// Removes from this store.
  package init(store: SharedStore, onDecision: @escaping @Sendable () -> Void) {
    self.store = store
    self.onDecision = onDecision
  }

  /// Removes the queues of a topic that was deleted, if it has any.
  package func remove(_ topic: String) throws(DiskError) {
    turn.lock()
    defer { turn.unlock() }
    if let record = store.withLock({ $0.planDeletion(ofTopic: topic) }) { return try carryOut(record) }
    if let removal = store.withLock({ $0.planFailedRemoval(ofTopic: topic) }) { try carryOut(removal) }
  }

  /// Tries again what failed: first what keeps messages waiting.
  func retry() throws(DiskError) {
    turn.lock()
    defer { turn.unlock() }
    while let record = store.withLock({ $0.planFailedDeletion() }) { try carryOut(record) }
    while let removal = store.withLock({ $0.planFailedRemoval() }) { try carryOut(removal) }
  }

  private func carryOut(_ record: DeletionRecord) throws(DiskError) {
    var failure: DiskError?
    do throws(DiskError) { try record.run(on: store.disk) } catch { failure = error }
    let isWritten = failure == nil
    let removal = store.withLock { $0.finish(record, isWritten: isWritten) }
    onDecision()
    if let failure { throw failure }
    if let removal { try carryOut(removal) }
  }

  private func carryOut(_ removal: TopicRemoval) throws(DiskError) {
    var isDone = false
    defer { store.withLock { $0.finish(removal, isDone: isDone) } }
    // Entries that are being written now may be those of these queues: their files must not come back.
    let pause = WakeUp()
    while store.withLock({ $0.isWritingQueues }) { pause.wait(until: SystemClock.monotonic() + .milliseconds(2)) }
    try removal.run(on: store.disk)
    isDone = true
  }
}
