package import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem

/// The half messages of a running broker: reads at the start which are open, ends them, and keeps the offsets of
/// CID_RMQ_SYS_TRANS, from which RocketMQ would go on.
///
/// A half message ends by one append of two records side by side: what becomes of it (the message delivered, or its
/// copy elsewhere) and the operation message that says so. A crash can leave the first without the second only as the
/// last record of the log, where the next start finds it and writes the second before anything else is stored; so no
/// half message is delivered twice.
package final class Transactions: Sendable {
  /// Which are open. Never held together with another lock.
  let halves: Locked<HalfMessages>
  let parts: BrokerParts
  private let counts: CheckCounts
  /// A half message that had become something when the process ended, before its operation message was stored.
  private let unfinished: Int64?
  private let progress: Locked<TransactionProgress>
  /// Half messages that were given up and came back in this run, by the place in the log of the copy that was given up.
  private let reopened = Locked<[PhysicalOffset: HalfMessages.Half]>([:])

  private static let halfTopic = Array(SystemTopics.halfMessages.utf8)
  private static let operationTopic = Array(SystemTopics.halfOperations.utf8)
  private static let group = Array(SystemGroups.transactionConsumer.utf8)
  /// How often an operation message that the device does not give is asked for at the start.
  private static let tryLimit = 5
  /// How long a store that takes no operation message is left alone before the next try.
  private static let retryInterval = Duration.milliseconds(100)

  // MARK: The start

  /// Reads from the store which half messages are open, and ends the one that a crash left half ended. Waits for the
  /// device.
  package init(parts: BrokerParts, root: String) throws(DiskError) {
    self.parts = parts
    counts = CheckCounts(root: root, disk: parts.store.disk)
    let half = try Self.bounds(SystemTopics.halfMessages, parts)
    let operation = try Self.bounds(SystemTopics.halfOperations, parts)
    let start = TransactionProgress.Offsets(half: half.lowerBound, operation: operation.lowerBound)
    // Loaded here, so that no loop waits for it.
    _ = try parts.store.queue(topic: SystemTopics.checkedTooOften, id: 0)
    var core = HalfMessages(half: start.half, operation: start.operation)
    try Self.readOperations(operation, halfEnd: half.upperBound, into: &core, parts)
    let kept = counts.load()
    if let damage = kept.damage {
      parts.log.warning("transactions", "counting of checks begins anew", ["cause": damage])
    }
    // Further ones are of half messages that a power loss took, and whose places the next ones get.
    let checks = kept.checks.filter { $0.queueOffset < half.upperBound }
    if checks.count < kept.checks.count { try counts.save(checks, changes: -1) }
    core.restore(checks)
    unfinished = Self.unfinished(parts).flatMap { core.claim($0) == .granted ? $0 : nil }
    halves = Locked(core)
    progress = Locked(TransactionProgress(from: start))
    if parts.identity.id == 0 { finishUnfinished() }
  }

  /// From where CID_RMQ_SYS_TRANS stands to the end of a queue. An offset beyond what the queue has, as after a loss of
  /// its newest messages, counts as its end.
  private static func bounds(_ topic: String, _ parts: BrokerParts) throws(DiskError) -> Range<Int64> {
    guard let queue = try parts.store.queue(topic: topic, id: 0) else { return 0..<0 }
    let stored = parts.offsets.withLock { $0.offset(topic: topic, group: SystemGroups.transactionConsumer, queue: 0) }
    let (first, end) = parts.store.withLock { _ in (queue.minOffset.rawValue, queue.maxOffset.rawValue) }
    return min(max(stored ?? first, first), end)..<end
  }

  private static func readOperations(
    _ offsets: Range<Int64>, halfEnd: Int64, into core: inout HalfMessages, _ parts: BrokerParts
  ) throws(DiskError) {
    guard !offsets.isEmpty, let queue = try parts.store.queue(topic: SystemTopics.halfOperations, id: 0) else { return }
    var position = offsets.lowerBound
    var tries = 0
    var fetch = Fetch()
    while position < offsets.upperBound {
      parts.store.fetch(from: queue, at: QueueOffset(position), count: 32, into: &fetch)
      // The device failed just now: asked again it may give what half messages have ended.
      if fetch.status == .offsetFoundNull, fetch.nextOffset.rawValue == position, tries < Self.tryLimit {
        tries += 1
        continue
      }
      tries = 0
      fetch.warm(on: parts.store.disk)
      var read: [Int64: [Int64]] = [:]
      for range in fetch.ranges {
        StoredRecord.forEach(in: range.bytes()) { record in
          read[record.queueOffset.rawValue] = OperationRecord.halves(record).filter { $0 >= 0 && $0 < halfEnd }
        }
      }
      let next = max(fetch.nextOffset.rawValue, position + 1)
      // One that cannot be read ends nothing; its half message is asked about.
      for offset in position..<next { core.read(operation: offset, ending: read[offset] ?? []) }
      position = next
    }
  }

  /// The half message that the last record of the log is made of, as its committed form or as its copy, when the
  /// process ended before the operation message was written.
  private static func unfinished(_ parts: BrokerParts) -> Int64? {
    guard let last = parts.store.withLock({ $0.lastRecord }), let bytes = parts.store.record(at: last) else {
      return nil
    }
    var place: Int64?
    StoredRecord.forEach(in: bytes.rawSpan) { record in
      let source = record.preparedTransactionOffset
      // A half message that its sender stored names no other one.
      let isCopy =
        source > 0
        && (record.topic.equals("RMQ_SYS_TRANS_HALF_TOPIC") || record.topic.equals("TRANS_CHECK_MAX_TIME_TOPIC"))
      if isCopy || record.sysFlag.transaction == .committed { place = source }
    }
    guard let place, let source = parts.store.record(at: PhysicalOffset(place)),
      let half = HalfRecord(source.rawSpan)
    else { return nil }
    // A delivered message that comes again is marked as committed, too, and names no place, which reads as the log's
    // first.
    guard place > 0 || half.isSource(of: bytes.rawSpan) else { return nil }
    return half.queueOffset
  }

  /// Stores the operation message that a crash left out, before any other record. Until it is stored the half message
  /// stays claimed, as its producer would commit it once more, and the store takes nothing: behind another record a
  /// further crash would hide what became of it. That is the rule only on a full device.
  private func finishUnfinished() {
    guard let unfinished else { return }
    if case .appended(let operation) = storeOwed(unfinished) { return ended(unfinished, by: operation) }
    if let plan = parts.store.withLock({ $0.planPreparation() }) {
      let outcome = plan.run(on: parts.store.disk)
      parts.store.withLock { _ = $0.finish(plan, outcome) }
    }
    if case .appended(let operation) = storeOwed(unfinished) { return ended(unfinished, by: operation) }
    parts.store.withLock { $0.holdForOwedRecord() }
    parts.log.warning(
      "transactions", "a crash left a half message half ended: nothing is stored before its end is",
      ["queueOffset": unfinished])
  }

  private func ended(_ half: Int64, by operation: Appended) {
    halves.withLock { $0.ended(half, by: operation.queueOffset.rawValue) }
    parts.store.withLock { _ = $0.dispatch() }
    if parts.store.isSynchronous { parts.store.want(operation.end) }
  }

  private func storeOwed(_ half: Int64) -> AppendOutcome {
    withOperation(ending: half) { operation, queue, now in
      parts.store.withLock { $0.appendOwed(operation, to: queue, now: now) }
    } ?? .notYet
  }

  /// Ends on a loop what the start could not end, and tries again until it is done.
  func finishUnfinished(on state: BrokerLoop) {
    guard let unfinished, !halves.withLock({ $0.hasEnded(unfinished) }) else { return }
    switch storeOwed(unfinished) {
    case .appended(let operation): return appended(unfinished, operation, on: state)
    case .notYet: parts.threads.segmentMissing()
    case .refused(.diskFull), .refused(.exhausted): break
    // For good: the next start ends it.
    case .refused: return
    }
    state.loop.schedule(after: Self.retryInterval) { [self] in finishUnfinished(on: state) }
  }

  // MARK: Ending

  /// What became of ending a half message.
  enum Ending: Sendable {
    /// It has ended; the place of what it became, if it became anything.
    case ended(Appended?)
    /// It is open, and to be ended again: a segment or a queue's file is missing and was asked for, or the topic is
    /// being deleted.
    case notYet
    /// It is open: the store takes nothing.
    case refused(StoreRefusal)
  }

  /// Ends a claimed half message and stores what it becomes. On the loop of `state`.
  func end(
    _ half: Int64, storing draft: borrowing RecordDraft, in queue: ConsumeQueue, on state: BrokerLoop
  ) -> Ending {
    let outcome = withOperation(ending: half) { operation, operations, now in
      parts.store.withLock { $0.append(draft, to: queue, with: operation, to: operations, now: now) }
    }
    switch outcome {
    case .appended(let message, let operation):
      appended(half, operation, on: state)
      return .ended(message)
    case .notYet:
      parts.threads.segmentMissing()
      return open(half, .notYet)
    case .refused(let refusal): return open(half, .refused(refusal))
    case nil: return open(half, .notYet)
    }
  }

  /// Ends a claimed half message that becomes nothing. On the loop of `state`.
  func end(_ half: Int64, on state: BrokerLoop) -> Ending {
    let outcome = withOperation(ending: half) { operation, queue, now in
      parts.messages.append(operation, to: queue, now: now, on: state)
    }
    switch outcome {
    case .appended(let operation):
      appended(half, operation, on: state)
      return .ended(nil)
    case .notYet, nil: return open(half, .notYet)
    case .refused(let refusal): return open(half, .refused(refusal))
    }
  }

  /// Hands on the operation message that ends a half message, its queue and the time at which it is stored. Returns
  /// what `store` does; nil, without calling it, when the files of that queue cannot be opened without the device.
  private func withOperation<Outcome>(
    ending half: Int64, store: (borrowing RecordDraft, ConsumeQueue, WallTime) -> Outcome
  ) -> Outcome? {
    guard let queue = parts.messages.queue(0, ofDeleted: SystemTopics.halfOperations) else { return nil }
    let now = SystemClock.wall()
    let body = Array("\(half)".utf8)
    let (topic, properties) = (Self.operationTopic, HalfRecord.operationProperties)
    let operation = HalfRecord.operation(
      topic: topic.rawSpan, body: body.rawSpan, properties: properties.rawSpan, host: parts.identity.storeHost,
      now: now)
    return store(operation, queue, now)
  }

  /// Ends a half message and stores a copy of it, which says how often it was asked about, in another topic of the
  /// broker's own, or at the end of the queue of half messages. Returns the copy's place; nil when that cannot be done
  /// now. On the loop of `state`.
  func move(_ half: borrowing HalfRecord, to name: String, checks: Int32, on state: BrokerLoop) -> Appended? {
    let place = half.queueOffset
    let properties = half.properties(checks: checks)
    guard properties.count <= MessageProperties.maximumBytes else {
      parts.log.error("transactions", "a half message has no room for its count of checks", ["queueOffset": place])
      return nil
    }
    do throws(Refusal) {
      let topic = try parts.ownTopic(name)
      guard let queue = parts.messages.queue(0, of: topic, on: state) else {
        throw Refusal(.systemError, "the queue of \(name) is not loaded")
      }
      guard halves.withLock({ $0.claim(place) }) == .granted else { return nil }
      let bytes = Array(name.utf8)
      var draft = half.draft(topic: bytes.rawSpan, queueID: 0, properties: properties.rawSpan)
      // By which a start knows what it is made of when its operation message is missing.
      draft.preparedTransactionOffset = half.record.physicalOffset.rawValue
      switch end(place, storing: draft, in: queue, on: state) {
      case .ended(let appended): return appended
      case .notYet: return nil
      case .refused(let refusal): throw Refusals.store(refusal)
      }
    } catch {
      parts.log.warning(
        "transactions", "a half message cannot be moved", ["queueOffset": place, "cause": error.remark])
      return nil
    }
  }

  /// Puts a half message that was given up back to the end of the queue of half messages. One that came back in this
  /// run does not come again, as each of the two could be committed; its checks begin anew while it is open. On the
  /// loop of `state`.
  func reopen(_ half: borrowing HalfRecord, on state: BrokerLoop) -> Bool {
    let source = half.record.physicalOffset
    if let known = reopened.withLock({ $0[source] }) { return halves.withLock { $0.restartChecks(of: known) } }
    let properties = half.properties(checks: 0)
    guard properties.count <= MessageProperties.maximumBytes else { return false }
    do throws(Refusal) {
      let topic = try parts.ownTopic(SystemTopics.halfMessages)
      guard let queue = parts.messages.queue(0, of: topic, on: state) else { return false }
      let name = Self.halfTopic
      let draft = half.draft(topic: name.rawSpan, queueID: 0, properties: properties.rawSpan)
      guard case .appended(let appended) = parts.messages.append(draft, to: queue, now: SystemClock.wall(), on: state)
      else { return false }
      var known = half.half
      known.queueOffset = appended.queueOffset.rawValue
      known.offset = appended.offset
      known.checks = 0
      remember(reopened: known, from: source)
      return true
    } catch {
      return false
    }
  }

  private func remember(reopened half: HalfMessages.Half, from source: PhysicalOffset) {
    let logStart = parts.store.withLock { $0.minOffset }
    reopened.withLock { reopened in
      // A copy that is not in the log any more cannot be asked for again.
      reopened = reopened.filter { $0.key >= logStart }
      reopened[source] = half
    }
  }

  private func appended(_ half: Int64, _ operation: Appended, on state: BrokerLoop) {
    halves.withLock { $0.ended(half, by: operation.queueOffset.rawValue) }
    state.hasAppended = true
    // Nobody waits for the device here, but a synchronous broker does not leave it to chance.
    if parts.store.isSynchronous { state.wantsFlush = true }
  }

  private func open(_ half: Int64, _ outcome: Ending) -> Ending {
    halves.withLock { $0.release(half) }
    return outcome
  }

  // MARK: Reading

  /// The half message at a place of its queue, copied; nil when it is not there any more or is damaged. Waits for the
  /// device.
  func read(half: Int64) throws(DiskError) -> [UInt8]? {
    guard let queue = try parts.store.queue(topic: SystemTopics.halfMessages, id: 0) else { return nil }
    var fetch = Fetch()
    parts.store.fetch(from: queue, at: QueueOffset(half), count: 1, into: &fetch)
    guard fetch.status == .found, let range = fetch.ranges.first else { return nil }
    fetch.warm(on: parts.store.disk)
    let bytes = range.bytes().array
    guard let record = HalfRecord(bytes.rawSpan), record.queueOffset == half else { return nil }
    return bytes
  }

  /// Whether a half message that could not be read is gone for good: its entry or its record is, or is damaged. What a
  /// device that fails hides for a moment is not. Waits for the device.
  func isGone(half: Int64) throws(DiskError) -> Bool {
    guard let queue = try parts.store.queue(topic: SystemTopics.halfMessages, id: 0) else { return true }
    while true {
      let (found, record, start) = parts.store.withLock {
        store -> (MessageStore.EntryLookup, RecordLookup?, PhysicalOffset) in
        let found = store.entry(in: queue, at: QueueOffset(half))
        guard case .entry(let entry) = found else { return (found, nil, store.minOffset) }
        return (found, store.record(at: entry.offset), store.minOffset)
      }
      switch (found, record) {
      case (.outside, _), (.unreadable, _): return true
      case (.failed, _), (.entry, nil): return false
      case (.cold(let plan), _), (.entry, .cold(let plan)): parts.store.warm(plan)
      case (.entry(let entry), .missing): return entry.offset < start
      case (.entry, .found(let range)):
        parts.store.disk.warm(range.mapping.segment, range.range)
        return !range.isIntact || HalfRecord(range.bytes())?.queueOffset != half
      }
    }
  }

  /// One past the newest half message.
  var end: Int64 {
    do throws(DiskError) {
      return try parts.store.withLock { (store) throws(DiskError) in
        guard store.isLoaded(topic: SystemTopics.halfMessages, id: 0) else { return 0 }
        return try store.queue(topic: SystemTopics.halfMessages, id: 0)?.maxOffset.rawValue ?? 0
      }
    } catch {
      // A queue that is loaded, or that does not exist, is found without the device.
      return 0
    }
  }

  // MARK: Keeping

  /// Moves the offsets of CID_RMQ_SYS_TRANS to what is done with and on the device.
  package func commitOffsets() {
    let now = halves.withLock { TransactionProgress.Offsets(half: $0.halfOffset, operation: $0.operationOffset) }
    // Asked after the offsets: whatever moved them lies before this end.
    let marks = parts.store.withLock { $0.marks }
    guard let offsets = progress.withLock({ $0.advance(to: now, end: marks.appended, flushed: marks.flushed) }) else {
      return
    }
    let (half, operation, group) = (Self.halfTopic, Self.operationTopic, Self.group)
    parts.offsets.withLock {
      _ = $0.commit(topic: half.rawSpan, group: group.rawSpan, queue: 0, offset: offsets.half)
      _ = $0.commit(topic: operation.rawSpan, group: group.rawSpan, queue: 0, offset: offsets.operation)
    }
  }

  /// Writes how often producers were asked. Waits for the device.
  package func saveCounts() throws(DiskError) {
    let (checks, changes) = halves.withLock { ($0.checks, $0.checkChanges) }
    try counts.save(checks, changes: changes)
  }
}
