import ApusClientCore
import ApusSystem

/// Getting the messages that the listener is given.
extension PushConsumer {
  /// The pause before a queue that ends before the group's offset is begun anew: perhaps the broker is not yet what it
  /// was.
  private static let illegalOffsetPause = Duration.seconds(10)

  /// Pulls from a queue until it belongs to somebody else or the task is cancelled; each batch that comes is a job.
  func pull(_ queue: QueueWork, _ jobs: ConsumeJobs) async {
    let (batchSize, isOrderly, needsLocks) = (configuration.batchSize, isOrderly, needsLocks)
    let puller = QueuePuller(
      group: group, runtime: runtime, subscription: subscriptions[queue.queue.topic],
      batchSize: configuration.pullBatchSize, interval: configuration.pullInterval,
      sendsSubscription: configuration.sendsSubscriptionWithPull,
      commits: configuration.messageModel == .clustering, meter: meter,
      limits: { self.limits(of: queue.queue.topic) },
      mayPull: { !needsLocks || $0.isLocked(now: SystemClock.monotonic()) },
      forgotten: { await self.client.remind($0) },
      came: { queue, messages in
        let batches = (messages.count + batchSize - 1) / batchSize
        for _ in 0..<(isOrderly ? min(batches, 1) : batches) { jobs.add(.came(queue)) }
      },
      moved: { queue, offset in
        queue.drop()
        await QueuePuller.pause(Self.illegalOffsetPause)
        await self.restart(queue, at: offset)
      })
    await puller.run(queue)
  }

  private func limits(of topic: String) -> ProcessQueue<ReceivedMessage>.Limits {
    var limits = ProcessQueue<ReceivedMessage>.Limits(
      count: configuration.queueMessageLimit, bytes: configuration.queueByteLimit,
      span: isOrderly ? nil : configuration.maxSpan)
    // Asked before every pull: queues are counted only where that matters.
    guard configuration.topicMessageLimit != nil || configuration.topicByteLimit != nil else { return limits }
    let queueCount = max(allWork.count { $0.queue.topic == topic }, 1)
    if let limit = configuration.topicMessageLimit { limits.count = max(1, limit / queueCount) }
    if let limit = configuration.topicByteLimit { limits.bytes = max(1, limit / queueCount) }
    return limits
  }
}
