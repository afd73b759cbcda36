import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// What brokers ask of a push consumer.
extension PushConsumer {
  func reset(_ offsets: [MessageQueue: Int64]) async {
    for work in allWork {
      if let offset = offsets[work.queue] { await restart(work, at: offset) }
    }
  }

  func progress(in topic: String) -> [MessageQueue: Int64] {
    Dictionary(allWork.filter { $0.queue.topic == topic }.map { ($0.queue, $0.consumed) }) { first, _ in first }
  }

  var runningInfo: ConsumerRunningInfo {
    var settings = configuration.javaSettings
    settings["consumerGroup"] = group
    settings["postSubscriptionWhenPull"] = "\(configuration.sendsSubscriptionWithPull)"
    settings[ConsumerRunningInfo.PropertyName.isOrderly] = "\(isOrderly)"
    settings[ConsumerRunningInfo.PropertyName.threads] = "\(configuration.concurrency)"
    return ConsumerRunningInfo(
      properties: ConsumerRunningInfo.properties(
        of: runtime, startTime: meter.startTime, type: .passively, settings: settings),
      subscriptions: subscriptions.values.sorted { $0.topic < $1.topic },
      queues: allWork.map { ConsumerRunningInfo.Queue($0.queue, $0.info) }.sorted { $0.queue < $1.queue },
      topics: meter.status(of: subscriptions.keys.sorted()))
  }

  func consumeDirectly(_ message: ReceivedMessage) async -> DirectConsumption? {
    var message = message
    message.takeOriginalTopic(namespace: runtime.configuration.namespace)
    let began = SystemClock.monotonic()
    var result = DirectConsumption(isOrderly: isOrderly, outcome: nil, milliseconds: 0)
    do {
      switch listener {
      case .concurrent(let listener): result.outcome = try await listener([message]).direct
      case .orderly(let listener): result.outcome = try await listener([message]).direct
      }
    } catch {
      result.outcome = .failed
      result.remark = "\(error)"
    }
    result.milliseconds = (SystemClock.monotonic() - began).milliseconds
    return result
  }
}

extension ConsumeOutcome {
  /// What became of one message.
  fileprivate var direct: DirectConsumption.Outcome {
    switch self {
    case .success: .success
    case .partial(let count, _): count > 0 ? .success : .later
    case .retry, .deadLetter: .later
    }
  }
}

extension OrderlyOutcome {
  /// What became of one message.
  fileprivate var direct: DirectConsumption.Outcome {
    switch self {
    case .success: .success
    case .suspend: .later
    }
  }
}

extension ConsumerConfiguration {
  /// The settings as Java's consumers tell them.
  var javaSettings: [String: String] {
    [
      "messageModel": messageModel.wire.rawValue,
      "consumeFromWhere": start.wire.rawValue, "allocateMessageQueueStrategy": rebalance.core.name,
      "consumeThreadMin": "\(concurrency)", "consumeThreadMax": "\(concurrency)",
      "consumeConcurrentlyMaxSpan": "\(maxSpan)", "pullThresholdForQueue": "\(queueMessageLimit)",
      "pullThresholdSizeForQueue": "\(queueByteLimit >> 20)", "pullThresholdForTopic": "\(topicMessageLimit ?? -1)",
      "pullThresholdSizeForTopic": "\(topicByteLimit.map { $0 >> 20 } ?? -1)",
      "pullInterval": "\(pullInterval.milliseconds)", "pullBatchSize": "\(pullBatchSize)",
      "consumeMessageBatchMaxSize": "\(batchSize)", "maxReconsumeTimes": "\(maxReconsumeTimes ?? -1)",
      "suspendCurrentQueueTimeMillis": "\(suspendTime.milliseconds)",
      "consumeTimeout": "\(consumeTimeout.milliseconds / 60_000)",
    ]
  }
}
