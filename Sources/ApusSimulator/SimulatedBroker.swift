import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore

/// What a broker is to its store, without sockets and threads: it sends, runs the store's steps and acknowledges. Its
/// threads are jobs that stand still after each third of a step (plan, run, finish), so that anything can come in
/// between.
final class SimulatedBroker {
  /// A thread of the broker, with at most one step under way.
  enum Thread: CaseIterable {
    case flusher, queueWriter, preparer, indexer, cleaner, remover
  }

  /// A step under way.
  private enum Stage {
    /// Planned: running it gives what finishes it.
    case planned(() -> (() -> Void))
    /// Run: only the finish is left.
    case ran(() -> Void)
  }

  let store: MessageStore
  let index: MessageIndex
  private let disk: SimulatedDisk
  private let syncFlush: Bool
  private let sabotage: Sabotage?
  private var retention: Retention
  private var stages: [Thread: Stage] = [:]
  /// Where the indexer goes on.
  private(set) var indexed: PhysicalOffset
  /// Ends of sent records whose producers still wait.
  private var waiting: [PhysicalOffset] = []
  /// Topics whose queues are being removed, or could not be, in the order of the first try.
  private var topicsUnderRemoval: [String] = []
  /// Topics whose removal was answered since somebody asked.
  private var removedTopics: [String] = []
  /// Up to where producers have their answer.
  private(set) var acknowledged = PhysicalOffset.zero

  /// Opens store and index, as a broker does when it starts.
  init(
    disk: SimulatedDisk, store settings: StoreSettings, index indexSettings: MessageIndex.Settings, syncFlush: Bool,
    sabotage: Sabotage?, log: (StoreEvent) -> Void
  ) throws {
    self.disk = disk
    self.syncFlush = syncFlush
    self.sabotage = sabotage
    store = try MessageStore.open(disk: disk, settings: settings, log: log)
    index = try MessageIndex.open(
      disk: disk, settings: indexSettings,
      after: .init(
        cleanly: store.wasClosed, checkpoint: store.indexTime, logEnd: store.marks.appended)
    ).index
    indexed = max(index.resumeOffset, store.minOffset)
    var retentionSettings = Retention.Settings()
    retentionSettings.reservedTime = .seconds(120)
    retentionSettings.segmentsPerRun = 3
    retention = Retention(settings: retentionSettings)
  }

  /// Begins to remove a topic's queues: from now on the store takes nothing for the topic until it has let go of them.
  /// False when it does not begin, as there are none, or as another removal is under way.
  func remove(topic: String) -> Bool {
    guard stages[.remover] == nil, let record = store.planDeletion(ofTopic: topic) else { return false }
    if !topicsUnderRemoval.contains(topic) { topicsUnderRemoval.append(topic) }
    let early = sabotage == .beginAnewTooSoon ? store.finish(record, isWritten: true) : nil
    stages[.remover] = .planned(deletion(record, letGo: early))
    return true
  }

  /// Whether removals were begun that did not come to their end.
  var hasUnfinishedRemovals: Bool { !topicsUnderRemoval.isEmpty }

  /// The topics whose removal was answered since the last call.
  func takeRemovedTopics() -> [String] {
    defer { removedTopics = [] }
    return removedTopics
  }

  /// Forgets the steps under way, as the end of the process does.
  func abandonSteps() { stages = [:] }

  /// Does what a clean stop does once the threads have ended.
  func close() throws {
    while let step = index.planFlush() { index.finish(step, try step.run(on: disk)) }
    store.indexTime = index.durableTime
    index.close(on: disk)
    try store.close()
    acknowledge()
  }

  /// The range of every queue, for comparison.
  var queueRanges: [String] {
    get throws {
      try store.allQueues.sorted { ($0.topic, $0.id) < ($1.topic, $1.id) }.map { topic, id in
        let queue = try store.queue(topic: topic, id: id)
        return "\(topic)/\(id): \(queue?.minOffset.rawValue ?? 0)..<\(queue?.maxOffset.rawValue ?? 0)"
      }
    }
  }

  // MARK: Sending

  /// What became of a send.
  enum SendOutcome {
    case taken(Appended)
    case notNow
    case refused
  }

  /// The messages of a send, at the places that the store gave them.
  static func messages(of send: Workload.Send, from first: Appended) -> [SentMessages.Message] {
    var offset = first.offset.rawValue
    return send.messages.enumerated().map { index, draft in
      let size = Int64(ScannedLog.leastBytes + draft.body.count + send.queue.topic.utf8.count + draft.properties.count)
      defer { offset += size }
      return SentMessages.Message(
        id: draft.id, topic: send.queue.topic, queueID: send.queue.id, flag: draft.flag, body: draft.body,
        properties: draft.properties, offset: offset, queueOffset: first.queueOffset.rawValue + Int64(index),
        end: offset + size)
    }
  }

  func send(_ send: Workload.Send) throws -> SendOutcome {
    let queue = try store.openQueue(topic: send.queue.topic, id: send.queue.id)
    let outcome = send.isBatch ? try appendBatch(send, to: queue) : append(send, to: queue)
    switch outcome {
    case .notYet: return .notNow
    case .refused: return .refused
    case .appended(let appended):
      waiting.append(appended.end)
      acknowledge()
      return .taken(appended)
    }
  }

  private func append(_ send: Workload.Send, to queue: ConsumeQueue) -> AppendOutcome {
    let message = send.messages[0]
    let topic = Array(send.queue.topic.utf8)
    let draft = Self.draft(send.queue.id, topic.rawSpan, message.body.rawSpan, message.properties.rawSpan, message.flag)
    return store.append(draft, to: queue, now: disk.now)
  }

  private func appendBatch(_ send: Workload.Send, to queue: ConsumeQueue) throws -> AppendOutcome {
    let topic = Array(send.queue.topic.utf8)
    let none: [UInt8] = []
    let body = send.messages.flatMap(\.batchItem)
    let template = Self.draft(send.queue.id, topic.rawSpan, none.rawSpan, none.rawSpan, 0)
    let batch = try BatchDraft(template, body: body.rawSpan)
    return store.append(batch: batch, to: queue, now: disk.now)
  }

  @_lifetime(copy topic, copy body, copy properties)
  private static func draft(
    _ queueID: Int32, _ topic: RawSpan, _ body: RawSpan, _ properties: RawSpan, _ flag: Int32
  ) -> RecordDraft {
    let host = HostAddress(ipv4: 0x7F00_0001, port: 10_911)
    return RecordDraft(
      topic: topic, body: body, properties: properties, queueID: queueID, flag: flag, sysFlag: [],
      bodyCRC: CRC32.body(body), bornTime: WallTime(milliseconds: 1), bornHost: host, storeHost: host,
      tagsCode: TagsCode.code(of: MessageProperties(properties)))
  }

  /// Answers the producers whose promise holds.
  private func acknowledge() {
    let holds = syncFlush && sabotage != .acknowledgeBeforeFlush ? store.marks.flushed : store.marks.appended
    while let first = waiting.first, first <= holds {
      acknowledged = first
      waiting.removeFirst()
    }
  }

  // MARK: Steps

  /// Moves a thread on by one third of a step. Returns whether it had something to do.
  @discardableResult
  func advance(_ thread: Thread, localHour: Int, using random: inout SeededGenerator) -> Bool {
    switch stages[thread] {
    case .planned(_) where thread == .remover && store.isWritingQueues:
      // Entries that are being written may be those of its queues. To write the record would need no waiting.
      break
    case .planned(let run):
      stages[thread] = .ran(run())
    case .ran(let finish):
      stages[thread] = nil
      finish()
      acknowledge()
    case nil:
      guard let run = plan(thread, localHour: localHour, using: &random) else { return false }
      stages[thread] = .planned(run)
    }
    return true
  }

  /// Finishes the steps under way, and then all that are left to do but retention.
  func finishAll(localHour: Int, using random: inout SeededGenerator) {
    for thread in Thread.allCases { finishStep(of: thread, localHour: localHour, using: &random) }
    if store.failure == nil { _ = store.dispatch() }
    run([.flusher, .queueWriter, .indexer], using: &random)
  }

  /// Finishes the step of a thread that is under way. A removal needs that of the queue writer to be finished.
  func finishStep(of thread: Thread, localHour: Int, using random: inout SeededGenerator) {
    while stages[thread] != nil, !disk.hasCrashed { advance(thread, localHour: localHour, using: &random) }
  }

  /// Lets the indexer come to the end of the log.
  func runIndexer(using random: inout SeededGenerator) { run([.indexer], using: &random) }

  private func run(_ threads: [Thread], using random: inout SeededGenerator) {
    for thread in threads {
      // The last step may find nothing to do or fail each time: it is not waited for.
      for _ in 0..<3000 where !disk.hasCrashed && store.failure == nil {
        if !advance(thread, localHour: 12, using: &random) && thread != .queueWriter { break }
      }
    }
  }

  private func plan(
    _ thread: Thread, localHour: Int, using random: inout SeededGenerator
  ) -> (() -> (() -> Void))? {
    switch thread {
    case .flusher: planFlush()
    case .queueWriter: random.chance(1, in: 3) ? planCheckpoint() : planQueueWrites()
    case .preparer: planPreparation()
    case .indexer: planIndexing()
    case .cleaner: planRetention(localHour: localHour)
    case .remover: planRemoval()
    }
  }

  private func planFlush() -> (() -> (() -> Void))? {
    guard let plan = store.planFlush() else { return nil }
    return { [self] in
      let error = sabotage == .skipFlush ? nil : plan.run(on: disk)
      return { [self] in store.finish(plan, error) }
    }
  }

  private func planQueueWrites() -> (() -> (() -> Void))? {
    guard let plan = store.planQueueWrites() else { return nil }
    return { [self] in
      let outcome = plan.run(on: disk)
      return { [self] in store.finish(plan, outcome) }
    }
  }

  private func planCheckpoint() -> (() -> (() -> Void))? {
    store.indexTime = index.durableTime
    guard let plan = store.planCheckpoint() else { return nil }
    return { [self] in
      let outcome = plan.run(on: disk)
      return { [self] in store.finish(plan, outcome) }
    }
  }

  private func planPreparation() -> (() -> (() -> Void))? {
    guard let plan = store.planPreparation() else { return nil }
    return { [self] in
      let outcome = plan.run(on: disk)
      return { [self] in _ = store.finish(plan, outcome) }
    }
  }

  private func planIndexing() -> (() -> (() -> Void))? {
    if let step = index.planStep(now: disk.now, name: { "\($0.milliseconds)" }) { return runIndexStep(step) }
    switch store.read(from: indexed, limit: 1 << 16) {
    case .end, .failed: return nil
    case .cold(let plan):
      return { [self] in
        let outcome = plan.run(on: disk)
        return { [self] in store.finish(plan, outcome) }
      }
    case .slice(let slice):
      return { [self] in
        let next = index.put(slice).next
        return { [self] in indexed = next }
      }
    }
  }

  private func runIndexStep(_ step: IndexStep) -> (() -> (() -> Void)) {
    { [self] in
      do throws(DiskError) {
        let result = try step.run(on: disk)
        return { [self] in index.finish(step, result) }
      } catch {
        return { [self] in
          guard let removal = index.abandon(step) else { return }
          indexed = max(index.resumeOffset, store.minOffset)
          // What cannot be removed now is found and judged by the next start.
          do throws(DiskError) { try removal.run(on: disk) } catch { return }
        }
      }
    }
  }

  /// What is left of a removal that failed.
  private func planRemoval() -> (() -> (() -> Void))? {
    if let record = store.planFailedDeletion() { return deletion(record) }
    return store.planFailedRemoval().map { removal($0) }
  }

  /// The record of a deletion, with what removes the files where the store has let go of the queues before.
  private func deletion(_ record: DeletionRecord, letGo: TopicRemoval? = nil) -> (() -> (() -> Void)) {
    { [self] in
      var isWritten = true
      do throws(DiskError) { try record.run(on: disk) } catch { isWritten = false }
      return { [self, isWritten] in
        guard let plan = letGo ?? store.finish(record, isWritten: isWritten) else { return }
        stages[.remover] = .planned(removal(plan))
      }
    }
  }

  private func removal(_ plan: TopicRemoval) -> (() -> (() -> Void)) {
    { [self] in
      var isDone = true
      do throws(DiskError) { try plan.run(on: disk) } catch { isDone = false }
      return { [self, isDone] in
        store.finish(plan, isDone: isDone)
        guard isDone else { return }
        topicsUnderRemoval.removeAll { $0 == plan.topic }
        removedTopics.append(plan.topic)
      }
    }
  }

  private func planRetention(localHour: Int) -> (() -> (() -> Void))? {
    guard let survey = store.planRetention() else { return nil }
    return { [self] in
      do throws(DiskError) {
        let answer = try survey.run(on: disk)
        return { [self] in remove(survey, answer, localHour: localHour) }
      } catch {
        return {}
      }
    }
  }

  private func remove(_ survey: RetentionSurvey, _ answer: RetentionSurvey.Answer, localHour: Int) {
    let removal = store.finish(survey, answer, retention: &retention, now: disk.now, localHour: localHour)
    guard let removal else { return }
    stages[.cleaner] = .planned { [self] in
      let outcome = removal.run(on: disk)
      return { [self] in
        store.finish(removal, outcome)
        // A log file whose removal is not durable may come back, and then its keys must be found.
        guard let expired = index.takeExpired(before: store.minOffsetOnDevice) else { return }
        // What cannot be removed now comes with the next start.
        do throws(DiskError) { try expired.run(on: disk) } catch { return }
      }
    }
  }
}
