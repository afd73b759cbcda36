import ApusBase
import ApusBrokerCore
import ApusModel
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// Delivers messages at the times of their own: takes the records of rmq_sys_wheel_timer into a ``TimerWheel``, and
/// stores each once more, in the topic and queue that its sender meant, when it is due.
///
/// One loop does it, by a timer for what is due next; what only the device has is brought near by I/O threads. A
/// delivered message names its source, so that the next start finds out from the log which are delivered
/// (``TimerReplay``): none is lost and none delivered twice, wherever the process is stopped.
final class TimedMessages: @unchecked Sendable {
  /// How long the loop works at a stretch before others have their turn.
  private static let stretch = Duration.milliseconds(2)
  /// Once in how many steps it is looked whether the stretch is over.
  private static let stepsPerLook = 16
  /// How often the wall clock is looked at while messages wait: it may have been set.
  private static let longestWait = Duration.seconds(1)
  /// When something is tried again that the store or the device did not do.
  private static let retryInterval = Duration.milliseconds(100)
  /// How often a record that does not seem to be in a file that is there is looked for.
  private static let retryLimit = 5
  /// How many records an I/O thread brings near at once.
  private static let readAhead = 64
  /// How long a message goes on waiting whose queue takes nothing now, in milliseconds.
  private static let longerWait: Int64 = 2000
  /// How many due messages may wait for the device at once.
  private static let awayLimit = 64

  let parts: BrokerParts
  let file: TimerFile
  let loop: BrokerLoop

  // On the loop only.
  var wheel: TimerWheel
  private(set) var position: QueueOffset
  /// Counts what happened to the wheel.
  private(set) var changes: Int64 = 0
  /// Copies before it are accounted for by ``TimerReplay``; later ones are this process's own.
  private let replayed: PhysicalOffset
  private var queue: ConsumeQueue?
  /// Whether an I/O thread reads for ``position``.
  private var isReading = false
  private var failures: [QueueOffset: Int] = [:]
  /// Due messages for which an I/O thread reads, and how often that was tried.
  private var away: [TimerWheel.ID: Int] = [:]
  private var properties = ByteWriter(capacity: 4096)
  private var timer: EventLoop.Timer?
  private var isRunning = false

  /// Finds out what waits and takes over its delivery, on a loop. Waits for the device.
  init(_ parts: BrokerParts, root: String, on loop: BrokerLoop) throws(DiskError) {
    self.parts = parts
    self.loop = loop
    file = TimerFile(store: parts.store, root: root)
    replayed = parts.store.withLock { $0.marks.appended }
    let found = try file.find(now: SystemClock.wall())
    wheel = found.wheel
    position = found.position
    if let damage = found.damage {
      parts.log.warning("timers", "the file of timers was made anew from the log", ["cause": damage])
    }
    publish()
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

  /// Messages were stored that wait, or the store takes messages again.
  func grew() { loop.loop.execute { [self] in run() } }

  // MARK: On the loop

  private func run() {
    guard isRunning else { return }
    if let timer { loop.loop.cancel(timer) }
    timer = nil
    let pause = work()
    publish()
    if let pause { timer = loop.loop.schedule(after: pause) { [self] in run() } }
  }

  /// Tells how many wait.
  private func publish() {
    parts.timers.pending.store(wheel.count, ordering: .relaxed)
    parts.timers.position.store(position.rawValue, ordering: .relaxed)
  }

  /// Does what is to be done. Returns after what time there is more, nil when only a new message can bring more.
  private func work() -> Duration? {
    let end = SystemClock.monotonic() + Self.stretch
    var steps = 0
    while takeNext() {
      steps += 1
      if steps % Self.stepsPerLook == 0, SystemClock.monotonic() >= end { return .zero }
    }
    var now = SystemClock.wall()
    while away.count < Self.awayLimit, let id = wheel.popDue(now: now) {
      guard deliver(id, now) else {
        wheel.putBack(id)
        return Self.retryInterval
      }
      steps += 1
      if steps % Self.stepsPerLook == 0 {
        if SystemClock.monotonic() >= end { return .zero }
        now = SystemClock.wall()
      }
    }
    guard away.count < Self.awayLimit, let next = wheel.nextTime else { return nil }
    return min(.milliseconds(max(next.milliseconds - now.milliseconds, 0)), Self.longestWait)
  }

  // MARK: Taking in

  /// Takes the next record of the timers' queue in. False when there is none, or it is being read.
  private func takeNext() -> Bool {
    guard !isReading, let queue = timerQueue() else { return false }
    let (found, record) = parts.store.withLock { store -> (MessageStore.EntryLookup, RecordLookup?) in
      let found = store.entry(in: queue, at: position)
      guard case .entry(let entry) = found else { return (found, nil) }
      return (found, store.record(at: entry.offset))
    }
    switch found {
    case .entry(let entry): return take(entry, record, from: queue)
    case .unreadable(let next): pass(to: max(next, position + 1), "queue entries cannot be read")
    case .outside:
      let first = parts.store.withLock { _ in queue.minOffset }
      guard position < first else { return false }
      pass(to: first, "queue entries are gone")
    case .cold, .failed:
      readAhead(in: queue)
      return false
    }
    return true
  }

  private func take(_ entry: ConsumeQueueEntry, _ record: RecordLookup?, from queue: ConsumeQueue) -> Bool {
    guard case .found(let range) = record else {
      let tries = failures[position, default: 0]
      if case .missing = record, entry.offset < parts.store.withLock({ $0.minOffset }) {
        pass(to: position + 1, "a record is gone")
        return true
      }
      if case .cold = record {
        // Its file is there: it is tried until it can be mapped.
        readAhead(in: queue)
        return false
      }
      guard tries < Self.retryLimit else {
        pass(to: position + 1, "a record cannot be read")
        return true
      }
      failures[position] = tries + 1
      readAhead(in: queue)
      return false
    }
    guard isNear(range) || failures[position] != nil else {
      failures[position] = 0
      readAhead(in: queue)
      return false
    }
    do throws(DecodeError) {
      let record = try StoredRecord(range.bytes())
      take(record)
      position = position + 1
    } catch {
      pass(to: position + 1, "a record is damaged: \(error)")
    }
    if !failures.isEmpty { failures = [:] }
    changes += 1
    return true
  }

  private func take(_ record: borrowing StoredRecord) {
    switch TimerRecord.read(record) {
    case .wait(let timer):
      // It waits at this place since it was stored anew.
      if TimerRecord.source(of: record) != nil, record.physicalOffset >= replayed { return }
      wheel.add(timer)
      parts.timers.enqueued.add(1, ordering: .relaxed)
    case .cancel(let key):
      while let id = wheel.find(key: key) {
        away[id] = nil
        wheel.remove(id)
        parts.timers.cancelled.add(1, ordering: .relaxed)
      }
    case nil:
      parts.log.warning(
        "timers", "a message cannot wait: its properties say not when or where", ["offset": record.physicalOffset])
    }
  }

  private func pass(to next: QueueOffset, _ reason: String) {
    parts.log.warning("timers", "waiting messages are passed over", ["from": position, "to": next, "cause": reason])
    failures = [:]
    position = next
    changes += 1
  }

  private func isNear(_ range: Fetch.Range) -> Bool {
    parts.store.isResident(range, logEnd: parts.store.withLock { $0.marks.appended })
  }

  private func timerQueue() -> ConsumeQueue? {
    if queue == nil { queue = parts.messages.queue(0, ofDeleted: SystemTopics.timer) }
    return queue
  }

  private func readAhead(in queue: ConsumeQueue) {
    isReading = true
    let from = position
    let accepted = parts.io.submit { [self] in
      let isDone = parts.store.bringNear(queue, from: from, tagsCodeUpTo: .max, count: Self.readAhead)
      _ = loop.loop.execute { [self] in if isDone { readingEnded() } else { readingEndsLater() } }
    }
    if !accepted { readingEndsLater() }
  }

  private func readingEndsLater() {
    loop.loop.schedule(after: Self.retryInterval) { [self] in readingEnded() }
  }

  private func readingEnded() {
    isReading = false
    run()
  }

  // MARK: Delivering

  /// Delivers a message that was taken out, finds that it cannot be, or lets it be read. False when the store does not
  /// take it now.
  private func deliver(_ id: TimerWheel.ID, _ now: WallTime) -> Bool {
    let timer = wheel.timer(id)
    let tries = away.removeValue(forKey: id)
    let (found, start) = parts.store.withLock { ($0.record(at: timer.offset), $0.minOffset) }
    switch found {
    case .found(let range):
      guard tries != nil || isNear(range) else {
        bringNear(id, timer.offset, tries: 0)
        return true
      }
      return deliver(range, id, timer, now)
    case .cold:
      // Its file is there: it is tried until it can be mapped, as a process without descriptors cannot for a while.
      bringNear(id, timer.offset, tries: 0)
      return true
    case .missing:
      guard timer.offset >= start, tries ?? 0 < Self.retryLimit else {
        skip(id, timer, "its record is gone or cannot be read")
        return true
      }
      bringNear(id, timer.offset, tries: (tries ?? 0) + 1)
      return true
    }
  }

  /// Lets an I/O thread read a record, then delivers it; after a moment when that failed.
  private func bringNear(_ id: TimerWheel.ID, _ offset: PhysicalOffset, tries: Int) {
    away[id] = tries
    let accepted = parts.io.submit { [self] in
      let isDone = parts.store.record(at: offset) != nil
      _ = loop.loop.execute { [self] in returned(id, offset, isDone: isDone) }
    }
    if !accepted { returned(id, offset, isDone: false) }
  }

  /// An I/O thread is done for a message, which goes on at once, or after a moment when the device failed.
  private func returned(_ id: TimerWheel.ID, _ offset: PhysicalOffset, isDone: Bool) {
    if isDone { return back(id, offset) }
    loop.loop.schedule(after: Self.retryInterval) { [self] in back(id, offset) }
  }

  private func back(_ id: TimerWheel.ID, _ offset: PhysicalOffset) {
    // It may have been cancelled, and its number be another's now, or it may have been stored anew.
    guard isRunning, away[id] != nil, wheel.timer(id).offset == offset else { return run() }
    if !deliver(id, SystemClock.wall()) { wheel.putBack(id) }
    run()
  }

  /// The files of the queue that a message is for cannot be read.
  private func postpone(_ id: TimerWheel.ID, _ offset: PhysicalOffset) {
    guard isRunning, away[id] != nil, wheel.timer(id).offset == offset else { return run() }
    away[id] = nil
    waitLonger(id, SystemClock.wall())
    run()
  }

  /// The queue that a message is for takes nothing now: it waits a little longer, in the wheel, so that as many as
  /// there may be for that queue hold up none for others.
  private func waitLonger(_ id: TimerWheel.ID, _ now: WallTime) {
    var timer = wheel.timer(id)
    timer.due = now.advanced(byMilliseconds: Self.longerWait)
    wheel.remove(id)
    wheel.add(timer)
    changes += 1
  }

  private func deliver(
    _ range: Fetch.Range, _ id: TimerWheel.ID, _ timer: TimerWheel.Timer, _ now: WallTime
  ) -> Bool {
    do throws(DecodeError) {
      let record = try StoredRecord(range.bytes())
      guard parts.isIntact(record, at: range) else {
        skip(id, timer, "its body is damaged")
        return true
      }
      do throws(RealPlace.Fault) {
        let place = try RealPlace(record.properties)
        return store(record, place, id, timer, now)
      } catch {
        skip(id, timer, error.reason)
      }
    } catch {
      skip(id, timer, "its record is damaged: \(error)")
    }
    return true
  }

  private func store(
    _ record: borrowing StoredRecord, _ place: borrowing RealPlace, _ id: TimerWheel.ID, _ timer: TimerWheel.Timer,
    _ now: WallTime
  ) -> Bool {
    let topic = parts.topics.withLock { $0.find(place.topic) }
    let sentTo = place.queueID
    let queueID = topic?.queue(insteadOf: sentTo) ?? sentTo
    guard let queue = parts.messages.queue(queueID, of: topic, named: place.topic, on: loop) else {
      let name = place.topic.text
      away[id] = 0
      let accepted = parts.io.submit { [self] in
        let isDone = parts.loadQueue(topic: name, id: queueID)
        _ = loop.loop.execute { [self] in
          if isDone { back(id, timer.offset) } else { postpone(id, timer.offset) }
        }
      }
      if !accepted { away[id] = nil }
      return accepted
    }
    properties.removeAll()
    TimerRecord.writeDelivered(record, now: now, into: &properties)
    guard properties.count <= MessageProperties.maximumBytes else {
      skip(id, timer, "its properties are too long")
      return true
    }
    var draft = record.draft(topic: place.topic, queueID: queueID, properties: properties.bytes)
    draft.preparedTransactionOffset = TimerRecord.mark(of: timer.offset)
    let bytes = draft.recordBytes
    switch parts.messages.append(draft, to: queue, now: now, on: loop) {
    case .appended: break
    case .refused(.tooLarge):
      skip(id, timer, "it does not fit a log file")
      return true
    case .refused(.deletionUnrecorded):
      waitLonger(id, now)
      return true
    case .notYet, .refused: return false
    }
    if let topic { loop.traffic.put(topic: topic.id, messages: 1, bytes: Int64(bytes)) }
    wheel.remove(id)
    changes += 1
    parts.timers.delivered(lateBy: max(now.milliseconds - timer.due.milliseconds, 0))
    return true
  }

  private func skip(_ id: TimerWheel.ID, _ timer: TimerWheel.Timer, _ reason: String) {
    parts.log.warning("timers", "a message is not delivered", ["offset": timer.offset, "cause": reason])
    wheel.remove(id)
    changes += 1
  }

  /// Whether a due message is being read.
  func isAway(_ id: TimerWheel.ID) -> Bool { away[id] != nil }

  /// A timer waits at another place from now on.
  func moved(_ id: TimerWheel.ID, to offset: PhysicalOffset) {
    wheel.move(id, to: offset)
    changes += 1
  }
}
