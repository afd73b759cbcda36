import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// Delivers delayed messages when they are due: takes them from the queues of SCHEDULE_TOPIC_XXXX, in which they wait,
/// and stores each once more, in the topic and queue that its sender meant.
///
/// One loop does it for all levels, with a timer for the next message that becomes due; what only the device has is
/// brought near by an I/O thread. ``DelayedDeliveries`` decides, this does.
///
/// The delivered record has the properties of the first one, DELAY, REAL_TOPIC and REAL_QID among them, as in Java.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/schedule/ScheduleMessageService.java
final class DelayedMessages: @unchecked Sendable {
  /// How long the loop delivers at a stretch before others have their turn.
  private static let stretch = Duration.milliseconds(2)
  /// Once in how many steps it is looked whether the stretch is over.
  private static let stepsPerLook = 16
  /// How often the wall clock is looked at while messages wait: it may have been set.
  private static let longestWait = Duration.seconds(1)
  /// When a delivery is tried again that the store did not take.
  private static let retryInterval = Duration.milliseconds(100)
  /// How often a record that does not seem to be in a file that is there is looked for, and how often a queue is tried that
  /// cannot be read.
  private static let retryLimit = 5
  /// How long a message goes on waiting whose queue cannot be read, in milliseconds.
  private static let longerWait: Int64 = 2000
  /// How many records an I/O thread brings near at once.
  private static let readAhead = 64

  private let parts: BrokerParts
  private let config: ConfigStore
  private let loop: BrokerLoop

  // On the loop only.
  private var deliveries: DelayedDeliveries
  private var queues: [Int: ConsumeQueue] = [:]
  private var heads: [Int: ConsumeQueueEntry] = [:]
  /// Levels whose next record an I/O thread has just read.
  private var warmed: Set<Int> = []
  /// How often the head of a level was not found.
  private var failures: [Int: Int] = [:]
  /// Queues that could not be read when something was to be delivered to them, and how often.
  private var unreadable: [ColdPart: Int] = [:]
  private var timer: EventLoop.Timer?
  private var isRunning = false
  private var delivered = PhysicalOffset.zero

  /// Delivers on a loop, from where the tables say that an earlier run stopped.
  init(_ parts: BrokerParts, config: ConfigStore, on loop: BrokerLoop) {
    self.parts = parts
    self.config = config
    self.loop = loop
    deliveries = DelayedDeliveries(
      delays: parts.delayLevels.milliseconds, from: parts.tables.delays.withLock { $0.levels })
  }

  // MARK: From any thread

  /// Begins to deliver.
  func start() {
    loop.loop.execute { [self] in
      isRunning = true
      run()
    }
  }

  /// Delivers no more. Not to be called on a loop.
  func stop() {
    loop.loop.executeAndWait { [self] in
      isRunning = false
      if let timer { loop.loop.cancel(timer) }
    }
  }

  /// Delayed messages were stored and have their queue entries.
  func grew() {
    loop.loop.execute { [self] in
      deliveries.grew()
      run()
    }
  }

  /// Writes how far the delivery is, once the delivered messages are on the device: a message must not be lost because
  /// its delivery was noted and then undone by a crash. Waits for the device.
  func save(waitingUpTo limit: Duration) throws(DiskError) {
    let progress = parts.tables.delays.withLock { $0 }
    guard parts.threads.waitUntilFlushed(progress.end, for: limit) else { return }
    try config.saveDelays(progress)
  }

  /// As ``save(waitingUpTo:)`` when the store's threads have ended and all is flushed.
  func saveAtEnd() throws(DiskError) { try save(waitingUpTo: .zero) }

  // MARK: On the loop

  private func run() {
    guard isRunning else { return }
    if let timer { loop.loop.cancel(timer) }
    timer = nil
    let pause = work()
    publish()
    if let pause { timer = loop.loop.schedule(after: pause) { [self] in run() } }
  }

  /// Does what is to be done. Returns after what time there is more, nil when only a new message can bring more.
  private func work() -> Duration? {
    let end = SystemClock.monotonic() + Self.stretch
    var steps = 0
    while true {
      steps += 1
      if steps % Self.stepsPerLook == 0, SystemClock.monotonic() >= end { return .zero }
      let now = SystemClock.wall()
      switch deliveries.next(now: now) {
      case .read(let level, let offset): read(level, offset, now)
      case .deliver(let level, let offset):
        guard deliver(level, offset, now) else { return Self.retryInterval }
      case .wait(let due):
        guard let due else { return nil }
        return min(.milliseconds(due.milliseconds - now.milliseconds), Self.longestWait)
      }
    }
  }

  /// Tells everybody how far the delivery is.
  private func publish() {
    let (offsets, end) = (deliveries.offsets, delivered)
    parts.tables.delays.withLock { delays in
      // Levels that are not configured now keep their place.
      delays.levels.merge(offsets) { _, new in new }
      delays.end = end
    }
  }

  private func read(_ level: Int, _ offset: QueueOffset, _ now: WallTime) {
    guard let queue = queue(of: level) else { return }
    switch parts.store.withLock({ $0.entry(in: queue, at: offset) }) {
    case .entry(let entry):
      heads[level] = entry
      deliveries.learn(level, .message(due: WallTime(milliseconds: entry.tagsCode)))
    case .outside:
      let (low, high) = parts.store.withLock { _ in (queue.minOffset, queue.maxOffset) }
      deliveries.learn(level, .outside(min: low, max: high))
    case .unreadable(let next):
      parts.log.warning(
        "delay", "delayed messages cannot be read and are passed over",
        ["level": level, "from": offset, "to": next])
      deliveries.learn(level, .unreadable(next: next))
    case .cold: readAhead(level, queue, from: offset, now)
    case .failed: pause(level)
    }
  }

  /// The queue of a level; nil when there is none yet, or an I/O thread is loading it.
  private func queue(of level: Int) -> ConsumeQueue? {
    if let known = queues[level] { return known }
    let (topic, id) = (SystemTopics.schedule, Int32(level - 1))
    guard parts.store.withLock({ $0.isLoaded(topic: topic, id: id) }) else {
      away(level) { [parts] in parts.loadQueue(topic: topic, id: id) }
      return nil
    }
    do throws(DiskError) {
      queues[level] = try parts.store.queue(topic: topic, id: id)
    } catch {
      parts.log.error("delay", "a queue of delayed messages cannot be read", ["level": level, "cause": error])
    }
    if queues[level] == nil { deliveries.learn(level, .outside(min: .zero, max: .zero)) }
    return queues[level]
  }

  /// Lets an I/O thread do something for a level, then looks at the level again; after a moment when that failed, which
  /// `failed` hears, or the threads have too much to do.
  private func away(
    _ level: Int, _ work: @escaping @Sendable () -> Bool, failed: @escaping @Sendable () -> Void = {}
  ) {
    deliveries.takeAway(level)
    let accepted = parts.io.submit { [self] in
      let isDone = work()
      _ = loop.loop.execute { [self] in
        guard !isDone else { return back(level) }
        failed()
        pause(level)
      }
    }
    if !accepted { pause(level) }
  }

  /// Leaves a level alone for a moment, as the device failed.
  private func pause(_ level: Int) {
    deliveries.takeAway(level)
    loop.loop.schedule(after: Self.retryInterval) { [self] in back(level) }
  }

  private func back(_ level: Int) {
    deliveries.bringBack(level)
    run()
  }

  private func readAhead(_ level: Int, _ queue: ConsumeQueue, from offset: QueueOffset, _ now: WallTime) {
    warmed.insert(level)
    away(level) { [parts] in
      parts.store.bringNear(queue, from: offset, tagsCodeUpTo: now.milliseconds, count: Self.readAhead)
    }
  }

  // MARK: Delivering

  /// Delivers the head of a level, or finds that it cannot be. False when the store does not take it now.
  private func deliver(_ level: Int, _ offset: QueueOffset, _ now: WallTime) -> Bool {
    guard let entry = heads[level], let queue = queues[level] else {
      deliveries.bringBack(level)
      return true
    }
    let isWarm = warmed.remove(level) != nil
    let (found, marks, start) = parts.store.withLock { ($0.record(at: entry.offset), $0.marks, $0.minOffset) }
    switch found {
    case .cold:
      // Its file is there: it is tried until it can be mapped, as a process without descriptors cannot for a while.
      failures[level] = nil
      readAhead(level, queue, from: offset, now)
      return true
    case .missing:
      // A file that is there may be readable in a moment.
      let tries = failures[level, default: 0]
      guard entry.offset >= start, tries < Self.retryLimit else {
        return skip(level, offset, "its record is gone")
      }
      failures[level] = tries + 1
      pause(level)
      return true
    case .found(let range):
      guard isWarm || parts.store.isResident(range, logEnd: marks.appended) else {
        readAhead(level, queue, from: offset, now)
        return true
      }
      return deliver(range, level, offset, now)
    }
  }

  private func deliver(_ range: Fetch.Range, _ level: Int, _ offset: QueueOffset, _ now: WallTime) -> Bool {
    let record: StoredRecord
    do throws(DecodeError) {
      record = try StoredRecord(range.bytes())
    } catch {
      return skip(level, offset, "its record is damaged: \(error)")
    }
    // No checksum covers entries, and what was delivered once says for good where it goes.
    guard record.topic.equals("SCHEDULE_TOPIC_XXXX"), record.queueID == Int32(level - 1) else {
      return skip(level, offset, "its entry points to another message")
    }
    guard parts.isIntact(record, at: range) else { return skip(level, offset, "its body is damaged") }
    do throws(RealPlace.Fault) {
      return deliver(record, to: try RealPlace(record.properties), level, offset, now)
    } catch {
      return skip(level, offset, error.reason)
    }
  }

  private func deliver(
    _ record: borrowing StoredRecord, to place: borrowing RealPlace, _ level: Int, _ offset: QueueOffset,
    _ now: WallTime
  ) -> Bool {
    let (name, sentTo) = (place.topic, place.queueID)
    let topic = parts.topics.withLock { $0.find(name) }
    let id = topic?.queue(insteadOf: sentTo) ?? sentTo
    guard let queue = parts.messages.queue(id, of: topic, named: name, on: loop) else {
      let text = name.text
      let part = ColdPart.queue(topic: text, id: id)
      if unreadable[part, default: 0] >= Self.retryLimit { return setAside(record, name, id, level, offset, now) }
      away(
        level, { [parts] in parts.loadQueue(topic: text, id: id) },
        failed: { [self] in unreadable[part, default: 0] += 1 })
      return true
    }
    let draft = record.draft(topic: name, queueID: id, properties: record.properties.bytes)
    let bytes = draft.recordBytes
    switch parts.messages.append(draft, to: queue, now: now, on: loop) {
    case .appended(let appended):
      if !failures.isEmpty { failures[level] = nil }
      if !unreadable.isEmpty { unreadable[.queue(topic: name.text, id: id)] = nil }
      delivered = appended.end
      if let topic { loop.traffic.put(topic: topic.id, messages: 1, bytes: Int64(bytes)) }
    case .notYet: return false
    case .refused(.tooLarge): return skip(level, offset, "it does not fit a log file")
    // Of its topic alone.
    case .refused(.deletionUnrecorded): return setAside(record, name, id, level, offset, now)
    case .refused: return false
    }
    deliveries.passed(level)
    return true
  }

  /// Lets a message that is due wait among those with a time of their own, where it is tried again: its queue cannot be
  /// read or takes nothing, and behind it are messages for others.
  private func setAside(
    _ record: borrowing StoredRecord, _ topic: RawSpan, _ queueID: Int32, _ level: Int, _ offset: QueueOffset,
    _ now: WallTime
  ) -> Bool {
    var properties = ByteWriter(capacity: 1024)
    let cluster = parts.identity.clusterBytes
    TimerRecord.writeWaiting(
      record.properties, due: now.advanced(byMilliseconds: Self.longerWait), topic: topic, queueID: queueID,
      cluster: cluster.rawSpan, into: &properties)
    // One that names another to be cancelled would do that there.
    guard properties.count + TimerRecord.reservedBytes <= MessageProperties.maximumBytes,
      !record.properties.contains(PropertyName.timerCancelledKey), let queue = timerQueue()
    else {
      pause(level)
      return true
    }
    let name = Array(SystemTopics.timer.utf8)
    let draft = record.draft(topic: name.rawSpan, queueID: 0, properties: properties.bytes)
    guard case .appended(let appended) = parts.messages.append(draft, to: queue, now: now, on: loop) else {
      return false
    }
    delivered = appended.end
    loop.hasDelayed = true
    parts.log.warning(
      "delay", "a delayed message goes on waiting: the queue that it is for cannot be used now",
      ["level": level, "offset": offset, "topic": topic.text])
    deliveries.passed(level)
    return true
  }

  private func timerQueue() -> ConsumeQueue? {
    do throws(Refusal) {
      _ = try parts.ownTopic(SystemTopics.timer)
    } catch {
      return nil
    }
    return parts.messages.queue(0, ofDeleted: SystemTopics.timer)
  }

  private func skip(_ level: Int, _ offset: QueueOffset, _ reason: String) -> Bool {
    parts.log.warning(
      "delay", "a delayed message is not delivered", ["level": level, "offset": offset, "cause": reason])
    failures[level] = nil
    deliveries.passed(level)
    return true
  }
}
