import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Calling the listener, and what follows from its answer.
extension PushConsumer {
  /// The pause before messages that could not be sent back are consumed again here.
  private static let localRetryPause = Duration.seconds(5)

  /// Consumes what the pulls bring, until they end.
  func consume(_ jobs: AsyncStream<QueueWork>) async {
    let limit = InFlightLimit(configuration.concurrency)
    await withDiscardingTaskGroup { group in
      for await queue in jobs {
        guard await limit.enter() else { return }
        group.addTask {
          defer { limit.leave() }
          switch self.listener {
          case .concurrent(let listener): await self.consume(queue, listener, limit)
          case .orderly(let listener): await self.consumeInOrder(queue, listener, limit)
          }
        }
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
    _ queue: QueueWork, _ listener: @escaping @Sendable ([ReceivedMessage]) async throws -> ConsumeOutcome,
    _ limit: InFlightLimit
  ) async {
    guard !queue.isDropped else { return }
    var messages = queue.take(configuration.batchSize)
    while !messages.isEmpty {
      let answer = await call(listener, messages, of: queue, ifThrown: .retry()) {
        Self.parts(of: $0, messages.count).succeeded
      }
      // Whoever has the queue next gets the messages again.
      guard let outcome = answer, !queue.isDropped else { return }
      messages = await settle(messages, outcome, queue)
      if !messages.isEmpty { await limit.pause(Self.localRetryPause) }
      if Task.isCancelled || queue.isDropped { return }
    }
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

  private func consumeInOrder(
    _ queue: QueueWork, _ listener: @escaping @Sendable ([ReceivedMessage]) async throws -> OrderlyOutcome,
    _ limit: InFlightLimit
  ) async {
    guard queue.beginConsuming() else { return }
    repeat {
      var messages = queue.take(configuration.batchSize)
      while !messages.isEmpty, !queue.isDropped, !Task.isCancelled {
        guard await holdsLock(queue, limit), !queue.isDropped else { break }
        let answer = await call(listener, messages, of: queue, ifThrown: .suspend()) {
          $0 == .success ? messages.count : 0
        }
        // A queue that is leaving is this consumer's yet: what is done counts, and does not come again.
        guard let outcome = answer, !queue.isDropped || queue.isLeaving else { break }
        switch outcome {
        case .success: queue.finish(messages)
        case .suspend(let time): if !queue.isLeaving { await tryAgain(messages, queue, after: time, limit) }
        }
        messages = queue.take(configuration.batchSize)
      }
      if !messages.isEmpty { queue.putBack([]) }
    } while queue.endConsuming() && !Task.isCancelled && queue.beginConsuming()
    if queue.isLeaving { rebalanceNow() }
  }

  private func holdsLock(_ queue: QueueWork, _ limit: InFlightLimit) async -> Bool {
    guard needsLocks else { return true }
    while !queue.isLocked(now: SystemClock.monotonic()) {
      guard !queue.isDropped, !Task.isCancelled else { return false }
      let asked = SystemClock.monotonic()
      if await lock([queue.queue]).contains(queue.queue) {
        queue.locked(until: asked + configuration.lockMaxLiveTime)
      } else {
        await limit.pause(.milliseconds(100))
      }
    }
    return true
  }

  /// Messages come again in their place after a pause; those that were tried too often are sent away.
  private func tryAgain(
    _ messages: [ReceivedMessage], _ queue: QueueWork, after time: Duration?, _ limit: InFlightLimit
  ) async {
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
    guard !again.isEmpty else { return }
    let time = time ?? configuration.suspendTime
    await limit.pause(min(max(time, .milliseconds(10)), .seconds(30)))
  }
}
