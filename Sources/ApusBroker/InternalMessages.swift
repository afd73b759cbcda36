package import ApusBase
package import ApusBrokerCore
package import ApusModel
package import ApusStore
import ApusStoreCore
package import ApusSystem

/// The one way in which the broker itself stores messages: on a loop's thread, like a send, so that the end of the turn
/// makes them visible.
package final class InternalMessages: Sendable {
  /// What became of a message.
  package enum Outcome: Sendable {
    /// It is stored, and with a synchronous flush also on the device.
    case stored(Appended)
    /// It is stored, but the device did not take it within the time a send waits.
    case notFlushed(Appended)
    /// It is not stored, or with a synchronous flush may be lost: the store takes nothing.
    case refused(StoreRefusal)
    /// It is not stored: its queue cannot be opened.
    case queueUnreadable(DiskError)
    /// It is not stored: too much waits for the device.
    case busy
  }

  /// Hears of the outcome, on the loop that stored the message.
  package typealias Completion = @Sendable (Outcome) -> Void

  /// How many messages may wait on one loop until the store takes them.
  private static let waitingLimit = 10_000
  /// How many bytes their records may take.
  private static let waitingBytes = 64 << 20

  private let store: SharedStore
  private let threads: StoreThreads
  private let io: IOThreads

  /// Stores in the store of these parts.
  package init(store: SharedStore, threads: StoreThreads, io: IOThreads) {
    self.store = store
    self.threads = threads
    self.io = io
  }

  // MARK: Storing with everything it takes

  /// Stores a message and says what became of it: at once where nothing has to be waited for, else in a later turn of
  /// the loop. Waits for the queue's files, the next segment, the deletion of the topic and, with a synchronous flush,
  /// the device. To be called on the loop; messages stored one after the other may change places when one has to wait.
  package func store(_ message: InternalMessage, on state: BrokerLoop, then completion: @escaping Completion) {
    guard let queue = queue(message.queueID, of: message.topic, on: state) else {
      load(message, on: state, then: completion)
      return
    }
    let name = Array(message.topic.name.utf8)
    let now = SystemClock.wall()
    let draft = message.draft(topic: name.rawSpan, now: now)
    let bytes = draft.recordBytes
    switch append(draft, to: queue, now: now, on: state) {
    case .appended(let appended):
      state.traffic.put(topic: message.topic.id, messages: 1, bytes: Int64(bytes))
      if case .due = message.tag { state.hasDelayed = true }
      whenDurable(appended, on: state, then: completion)
    case .notYet:
      guard state.waitingForStore.count < Self.waitingLimit, state.bytesWaitingForStore < Self.waitingBytes else {
        return completion(.busy)
      }
      state.waitingForStore.append(WaitingMessage(message: message, completion: completion))
      state.bytesWaitingForStore += bytes
    case .refused(let refusal): completion(.refused(refusal))
    }
  }

  private func load(_ message: InternalMessage, on state: BrokerLoop, then completion: @escaping Completion) {
    let accepted = io.submit { [self] in
      let failure = store.load(topic: message.topic.name, id: message.queueID)
      _ = state.loop.execute { [self] in
        if let failure { completion(.queueUnreadable(failure)) } else { store(message, on: state, then: completion) }
      }
    }
    if !accepted { completion(.busy) }
  }

  /// Says when an appended message is as safe as the store's mode promises: at once with an asynchronous flush. To be
  /// called on the loop, in the order of the log.
  package func whenDurable(_ appended: Appended, on state: BrokerLoop, then completion: @escaping Completion) {
    guard store.isSynchronous else { return completion(.stored(appended)) }
    state.awaited.add(
      AwaitedMessage(appended: appended, completion: completion), end: appended.end,
      deadline: state.loop.now + state.serving.syncTimeout)
    state.wantsFlush = true
  }

  // MARK: Single steps

  /// The queue to append to, made when it is missing; nil when its files must be loaded first, by `SharedStore.queue`
  /// on a thread that may wait. To be called on the loop.
  package func queue(_ id: Int32, of topic: Topic, on state: BrokerLoop) -> ConsumeQueue? {
    if let known = state.queue(topic: topic, id: id) { return known }
    guard let queue = open(topic.name, id) else { return nil }
    store.withLock { _ in queue.attachment = QueueTag(QueueKey(topic: topic.id, queue: id)) }
    state.remember(queue, topic: topic)
    return queue
  }

  /// As ``queue(_:of:on:)`` for a topic that was deleted.
  package func queue(_ id: Int32, ofDeleted topic: String) -> ConsumeQueue? { open(topic, id) }

  /// The queue for a message that waited for its delivery. A topic that was deleted meanwhile, for which `topic` is
  /// nil, gets its messages all the same, as in Java: whoever makes it anew finds them.
  func queue(_ id: Int32, of topic: Topic?, named name: RawSpan, on state: BrokerLoop) -> ConsumeQueue? {
    guard let topic else { return queue(id, ofDeleted: name.text) }
    return queue(id, of: topic, on: state)
  }

  private func open(_ topic: String, _ id: Int32) -> ConsumeQueue? {
    do throws(DiskError) {
      return try store.withLock { (store) throws(DiskError) in
        store.isLoaded(topic: topic, id: id) ? try store.openQueue(topic: topic, id: id) : nil
      }
    } catch {
      // A queue that is loaded, or that has no files, is opened without the device.
      return nil
    }
  }

  /// Appends a record at once; one that is `makingRoom` also while the device is too full for others. A missing segment
  /// is asked for; the caller tries again, then and while the topic is being deleted. To be called on the loop.
  package func append(
    _ draft: borrowing RecordDraft, to queue: ConsumeQueue, now: WallTime, on state: BrokerLoop,
    makingRoom: Bool = false
  ) -> AppendOutcome {
    let outcome = store.withLock {
      makingRoom ? $0.appendMakingRoom(draft, to: queue, now: now) : $0.append(draft, to: queue, now: now)
    }
    switch outcome {
    case .appended: state.hasAppended = true
    case .notYet: threads.segmentMissing()
    case .refused: break
    }
    return outcome
  }

  // MARK: What they wait for

  /// Ends the waiting of messages that the device now holds, and of those whose time is up; of all when the store
  /// failed. To be called on the loop.
  func settle(_ state: BrokerLoop) {
    guard !state.awaited.isEmpty else { return }
    let mark = store.acknowledged
    while let message = state.awaited.popAcknowledged(upTo: mark) { message.completion(.stored(message.appended)) }
    while let message = state.awaited.popExpired(now: state.loop.now) {
      message.completion(.notFlushed(message.appended))
    }
    guard !state.awaited.isEmpty, let refusal = store.withLock({ $0.refusal }), case .failed = refusal else { return }
    while let message = state.awaited.popAny() { message.completion(.refused(refusal)) }
  }

  /// The store may take what it did not yet: stores what waits for that. To be called on the loop.
  func resume(_ state: BrokerLoop) {
    let waiting = state.waitingForStore
    state.waitingForStore.removeAll()
    state.bytesWaitingForStore = 0
    for entry in waiting { store(entry.message, on: state, then: entry.completion) }
  }

  /// The broker ends: nobody waits any longer, as those who do hold the loop that holds them. To be called on the loop.
  func endWaiting(_ state: BrokerLoop) {
    while let message = state.awaited.popAny() { message.completion(.notFlushed(message.appended)) }
    let waiting = state.waitingForStore
    state.waitingForStore.removeAll()
    state.bytesWaitingForStore = 0
    for entry in waiting { entry.completion(.busy) }
  }
}

/// A stored message whose maker waits for the device.
struct AwaitedMessage {
  var appended: Appended
  var completion: InternalMessages.Completion
}

/// A message that the store did not take yet.
struct WaitingMessage {
  var message: InternalMessage
  var completion: InternalMessages.Completion
}
