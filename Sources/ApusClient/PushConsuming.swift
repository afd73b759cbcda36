import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Calling the listener, and what follows from its answer.
extension PushConsumer {
  /// The pause before messages that could not be sent back are consumed again here.
  private static let localRetryPause = Duration.seconds(5)
  /// The pause before a queue is asked for again that the brokers keep for somebody else.
  private static let lockPause = Duration.milliseconds(100)

  /// Does one job after the other until there is none any more.
  func work(on jobs: ConsumeJobs) async {
    while !Task.isCancelled, let job = await jobs.next() {
      switch (job, listener) {
      case (.came(let queue), .concurrent(let listener)):
        guard !queue.isDropped else { continue }
        await consume(queue.take(configuration.batchSize), of: queue, listener, jobs)
      case (.again(let queue, let messages), .concurrent(let listener)):
        await consume(messages, of: queue, listener, jobs)
      case (.came(let queue), .orderly(let listener)):
        if queue.beginConsuming() { await consumeInOrder(queue, listener, jobs) }
      case (.goOn(let queue), .orderly(let listener)): await consumeInOrder(queue, listener, jobs)
      case (.goOn, .concurrent), (.again, .orderly): preconditionFailure("a job for the other kind of listener")
      }
    }
  }

  /// Calls the listener. What it throws counts as `failed`, unless the end of the consumer cut it short: then the
  /// answer is nil. `succeeded` tells how many messages are consumed.
  private func call<Outcome: Sendable>(
    _ listener: @escaping @Sendable ([ReceivedMessage]) async throws -> Outcome, _ messages: [ReceivedMessage],
    of queue: QueueWork, ifThrown failed: Outcome, succeeded: (Outcome) -> Int
  ) async -> Outcome? {
    let began = SystemClock.monotonic()
    let traced = tracer?.begin(messages)
    let outcome: Outcome
    let kind: MessageTrace.Outcome
    do {
      outcome = try await finishing { try await listener(messages) }
      let isLate = SystemClock.monotonic() - began >= configuration.consumeTimeout
      kind = isLate ? .timedOut : succeeded(outcome) == messages.count ? .success : .failed
    } catch {
      if Task.isCancelled { return nil }
      runtime.log.warning("client", "a listener failed", ["queue": "\(queue.queue)", "cause": "\(error)"])
      (outcome, kind) = (failed, .threw)
    }
    let count = succeeded(outcome)
    meter.consumed(queue.queue.topic, succeeded: count, failed: messages.count - count, since: began)
    if let traced { tracer?.end(traced, kind, isSuccess: count == messages.count) }
    return outcome
  }

  /// Does something that the end of the consumer leaves `terminationTime` for before it is cancelled too.
  private func finishing<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let limit = configuration.terminationTime
    guard limit > .zero else { return try await body() }
    let task = Task { try await body() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      Task {
        await QueuePuller.pause(limit)
        task.cancel()
      }
    }
  }

  // MARK: In any order

  private func consume(
    _ messages: [ReceivedMessage], of queue: QueueWork,
    _ listener: @escaping @Sendable ([ReceivedMessage]) async throws -> ConsumeOutcome, _ jobs: ConsumeJobs
  ) async {
    guard !messages.isEmpty, !queue.isDropped else { return }
    let answer = await call(listener, messages, of: queue, ifThrown: .retry()) {
      Self.parts(of: $0, messages.count).succeeded
    }
    // Whoever has the queue next gets the messages again.
    guard let outcome = answer, !queue.isDropped else { return }
    let left = await settle(messages, outcome, queue)
    if !left.isEmpty { jobs.add(.again(queue, left), after: Self.localRetryPause) }
  }

  /// How many of the messages, from the first on, are consumed, and the delay level for the others.
  private static func parts(of outcome: ConsumeOutcome, _ count: Int) -> (succeeded: Int, level: Int) {
    switch outcome {
    case .success: (count, 0)
    case .retry(let level): (0, level)
    case .deadLetter: (0, -1)
    case .partial(let succeeded, let level): (max(0, min(succeeded, count)), level)
    }
  }

  /// Does what the listener's answer asks for. Returns messages that have to be consumed again here, as the broker did
  /// not take them back.
  private func settle(
    _ messages: [ReceivedMessage], _ outcome: ConsumeOutcome, _ queue: QueueWork
  ) async -> [ReceivedMessage] {
    let (succeeded, level) = Self.parts(of: outcome, messages.count)
    var done = Array(messages[..<succeeded])
    var left: [ReceivedMessage] = []
    // What took too long has been sent back already.
    for message in messages[succeeded...] where queue.holds(message) {
      if configuration.messageModel == .broadcasting {
        runtime.log.warning(
          "client", "a broadcast message failed and does not come again", ["message": message.messageID])
        done.append(message)
      } else if await sendBack(message, level: level) {
        done.append(message)
      } else {
        var again = message
        again.reconsumeTimes = message.triesWithThis
        left.append(again)
      }
    }
    queue.finish(done)
    return left
  }

  // MARK: In order

  /// Consumes a queue that this worker has begun to, up to its end or a pause, after which it goes on as another job.
  private func consumeInOrder(
    _ queue: QueueWork, _ listener: @escaping @Sendable ([ReceivedMessage]) async throws -> OrderlyOutcome,
    _ jobs: ConsumeJobs
  ) async {
    repeat {
      var messages = queue.take(configuration.batchSize)
      while !messages.isEmpty, !queue.isDropped, !Task.isCancelled {
        guard await holdsLock(queue) else {
          queue.putBack([])
          return jobs.add(.goOn(queue), after: Self.lockPause)
        }
        guard !queue.isDropped else { break }
        let answer = await call(listener, messages, of: queue, ifThrown: .suspend()) {
          $0 == .success ? messages.count : 0
        }
        // A queue that is leaving is this consumer's yet: what is done counts, and does not come again.
        guard let outcome = answer, !queue.isDropped || queue.isLeaving else { break }
        switch outcome {
        case .success: queue.finish(messages)
        case .suspend(let time):
          if !queue.isLeaving, await suspend(messages, queue) {
            let time = time ?? configuration.suspendTime
            return jobs.add(.goOn(queue), after: min(max(time, .milliseconds(10)), .seconds(30)))
          }
        }
        messages = queue.take(configuration.batchSize)
      }
      if !messages.isEmpty { queue.putBack([]) }
    } while queue.endConsuming() && !Task.isCancelled && queue.beginConsuming()
    if queue.isLeaving { rebalanceNow() }
  }

  /// Whether the brokers keep the queue for this consumer, where that is needed; asks for it.
  private func holdsLock(_ queue: QueueWork) async -> Bool {
    let asked = SystemClock.monotonic()
    guard needsLocks, !queue.isLocked(now: asked) else { return true }
    guard await lock([queue.queue]).contains(queue.queue) else { return false }
    queue.locked(until: asked + configuration.lockMaxLiveTime)
    return true
  }

  /// Puts messages back in their place, to come again; those that were tried too often are sent away. False when none
  /// is left.
  private func suspend(_ messages: [ReceivedMessage], _ queue: QueueWork) async -> Bool {
    var again: [ReceivedMessage] = []
    for message in messages {
      if let limit = configuration.maxReconsumeTimes, message.reconsumeTimes >= limit {
        if await sendBack(message, level: -1) {
          queue.finish([message])
          continue
        }
      }
      var failed = message
      failed.reconsumeTimes = message.triesWithThis
      again.append(failed)
    }
    queue.putBack(again)
    return !again.isEmpty
  }
}
