import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol

/// What brokers ask of a pull consumer.
extension PullConsumer {
  func reset(_ offsets: [MessageQueue: Int64]) async {
    for work in allWork {
      guard let offset = offsets[work.queue] else { continue }
      restart(work, at: offset)
      await self.offsets.commit([work])
    }
  }

  func progress(in topic: String) -> [MessageQueue: Int64] {
    Dictionary(allWork.filter { $0.queue.topic == topic }.map { ($0.queue, $0.consumed) }) { first, _ in first }
  }

  var runningInfo: ConsumerRunningInfo {
    let settings = [
      "consumerGroup": group, "messageModel": configuration.messageModel.wire.rawValue,
      "consumeFromWhere": configuration.start.wire.rawValue,
      "allocateMessageQueueStrategy": configuration.rebalance.core.name,
      "autoCommit": "\(configuration.commitsByItself)",
      "autoCommitIntervalMillis": "\(configuration.commitInterval.milliseconds)",
      "pullBatchSize": "\(configuration.pullBatchSize)", "pullThresholdForAll": "\(configuration.messageLimit)",
      "pullThresholdForQueue": "\(configuration.queueMessageLimit)",
      "pullThresholdSizeForQueue": "\(configuration.queueByteLimit >> 20)",
      "consumeMaxSpan": "\(configuration.maxSpan)",
      "pollTimeoutMillis": "\(configuration.pollTimeout.milliseconds)",
    ]
    return ConsumerRunningInfo(
      properties: ConsumerRunningInfo.properties(
        of: client.runtime, startTime: meter.startTime, type: .actively, settings: settings),
      subscriptions: subscriptions.values.sorted { $0.topic < $1.topic },
      queues: allWork.map { ConsumerRunningInfo.Queue($0.queue, $0.info) }.sorted { $0.queue < $1.queue },
      topics: meter.status(of: subscriptions.keys.sorted()))
  }

  func consumeDirectly(_ message: ReceivedMessage) async -> DirectConsumption? { nil }
}
