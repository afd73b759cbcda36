import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// Getting messages: one pull of each queue is under way at all times, unless enough is in hand.
extension PushConsumer {
  /// How long the broker holds a pull that finds nothing, and how long the answer is waited for.
  private static let suspendTime = Duration.seconds(15)
  private static let pullTimeout = Duration.seconds(30)
  /// The pause when enough is in hand, and when the broker has too much to do.
  private static let flowPause = Duration.milliseconds(50)
  private static let busyPause = Duration.milliseconds(20)
  /// The pause before a queue whose offset was wrong is begun anew.
  private static let illegalOffsetPause = Duration.seconds(10)

  /// Pulls from a queue until it belongs to somebody else or the task is cancelled.
  func pull(_ queue: QueueWork, _ jobs: AsyncStream<QueueWork>.Continuation) async {
    var brokerID: Int64 = 0
    while !queue.isDropped, !Task.isCancelled {
      if needsLocks, !queue.isLocked(now: SystemClock.monotonic()) {
        await pause(.seconds(3))
        continue
      }
      if queue.isFull(limits) {
        await queue.room(within: Self.flowPause)
        continue
      }
      let answer = await pullOnce(queue, &brokerID)
      guard !queue.isDropped else { return }
      switch answer {
      case .success(let result): await take(result, of: queue, jobs)
      case .failure(let error):
        if error.code == .cancelled { return }
        if error.code != .timedOut {
          runtime.log.warning("client", "a pull failed", ["queue": "\(queue.queue)", "cause": error])
        }
        await pause(error.code == .busy ? Self.busyPause : runtime.configuration.pullDelayAfterError)
      }
      if configuration.pullInterval > .zero { await pause(configuration.pullInterval) }
    }
  }

  private func pullOnce(_ queue: QueueWork, _ brokerID: inout Int64) async -> PullAnswer {
    do throws(ClientError) {
      let member = try await runtime.member(brokerID, of: queue.queue)
      let data = subscriptions[queue.queue.topic]
      // Only the master keeps offsets.
      let commit = configuration.messageModel == .clustering && member.id == 0 ? queue.consumed : 0
      let pull = Pull(
        group: group, queue: queue.queue, offset: queue.nextOffset, limit: configuration.pullBatchSize,
        commit: commit > 0 ? commit : nil, suspend: Self.suspendTime,
        subscription: configuration.sendsSubscriptionWithPull ? data : nil, version: data?.version ?? 0)
      let address = try await runtime.address(member.address)
      let pending = PendingAnswer<PullAnswer>()
      guard queue.beginPull(pending) else { return .failure(.cancelled) }
      pull.send(to: address, named: member.address, by: runtime, timeout: Self.pullTimeout, pending)
      let answer = await pending.value(ifCancelled: .failure(.cancelled))
      if case .success(let result) = answer { brokerID = result.suggestedBrokerID }
      return answer
    } catch {
      return .failure(error)
    }
  }

  private func take(_ result: PullResult, of queue: QueueWork, _ jobs: AsyncStream<QueueWork>.Continuation) async {
    switch result.status {
    case .found:
      let wanted = result.messages.filter { isWanted($0, queue.queue.topic) }.map { named($0, result) }
      queue.put(wanted, nextOffset: result.nextOffset)
      let batches = (wanted.count + configuration.batchSize - 1) / configuration.batchSize
      for _ in 0..<(isOrderly ? min(batches, 1) : batches) { jobs.yield(queue) }
    case .noNewMessage, .noMatch: queue.put([], nextOffset: result.nextOffset)
    case .offsetIllegal:
      runtime.log.warning(
        "client", "an offset is not in its queue",
        ["queue": "\(queue.queue)", "offset": queue.nextOffset, "next": result.nextOffset])
      queue.drop()
      await pause(Self.illegalOffsetPause)
      offsets.update(queue.queue, result.nextOffset, forced: true)
      await offsets.commit([queue.queue])
      await forget(queue)
    }
  }

  /// Takes a queue out without committing what it had; it comes back with the next rebalance.
  private func forget(_ queue: QueueWork) async {
    discard(queue)
    rebalanceNow()
  }

  /// The broker selects by the hash of a tag, which other tags may share.
  private func isWanted(_ message: ReceivedMessage, _ topic: String) -> Bool {
    guard let data = subscriptions[topic], data.isTagExpression, !data.tags.isEmpty else { return true }
    return message.tag.map { data.tags.contains($0) } ?? false
  }

  /// The message under the name that the application knows, and how old it is in its queue.
  private func named(_ message: ReceivedMessage, _ result: PullResult) -> ReceivedMessage {
    var message = message
    message.properties["MIN_OFFSET"] = "\(result.minOffset)"
    message.properties["MAX_OFFSET"] = "\(result.maxOffset)"
    let topic = message.topic.hasPrefix("%RETRY%") ? message.properties["RETRY_TOPIC"] ?? message.topic : message.topic
    message.topic = Namespace.unwrap(topic, from: runtime.configuration.namespace)
    return message
  }

  private var limits: ProcessQueue<ReceivedMessage>.Limits {
    let queueCount = max(allWork.count, 1)
    let count = configuration.topicMessageLimit.map { max(1, $0 / queueCount) } ?? configuration.queueMessageLimit
    let bytes = configuration.topicByteLimit.map { max(1, $0 / queueCount) } ?? configuration.queueByteLimit
    return ProcessQueue<ReceivedMessage>.Limits(
      count: count, bytes: bytes, span: isOrderly ? nil : configuration.maxSpan)
  }

  /// Waits; at once over when the task is cancelled.
  func pause(_ duration: Duration) async {
    do {
      try await Task.sleep(for: duration)
    } catch {
      // The loop that called sees the cancellation itself.
      return
    }
  }
}
