import Foundation
import Testing

@testable import ApusClient

@Suite struct SettingsTests {
  /// What RocketMQ's tables name, apart from settings of Java's threads, which have no counterpart here
  /// (`clientCallbackExecutorThreads`, `adjustThreadPoolNumsThreshold`, `pullThreadNums`), and from what is an argument
  /// rather than a setting (groups, listeners, subscriptions).
  private static let names: [String: [String]] = [
    "ClientConfiguration": [
      "namesrvAddr", "clientIP", "instanceName", "namespace", "unitName", "unitMode", "accessChannel",
      "pollNameServerInterval", "heartbeatBrokerInterval", "persistConsumerOffsetInterval",
      "pullTimeDelayMillsWhenException", "vipChannelEnabled", "mqClientApiTimeout", "enableStreamRequestType",
    ],
    "ProducerConfiguration": [
      "createTopicKey", "defaultTopicQueueNums", "sendMsgTimeout", "compressMsgBodyOverHowmuch",
      "retryTimesWhenSendFailed", "retryTimesWhenSendAsyncFailed", "retryAnotherBrokerWhenNotStoreOK",
      "maxMessageSize", "sendLatencyFaultEnable", "latencyMax", "notAvailableDuration", "enableMsgTrace",
      "customizedTraceTopic",
    ],
    "ConsumerConfiguration": [
      "messageModel", "consumeFromWhere", "allocateMessageQueueStrategy", "consumeThreadMin", "consumeThreadMax",
      "consumeConcurrentlyMaxSpan", "pullThresholdForQueue", "pullThresholdSizeForQueue", "pullThresholdForTopic",
      "pullThresholdSizeForTopic", "pullInterval", "consumeMessageBatchMaxSize", "pullBatchSize",
      "postSubscriptionWhenPull", "maxReconsumeTimes", "suspendCurrentQueueTimeMillis", "consumeTimeout",
      "awaitTerminationMillisWhenShutdown", "enableMsgTrace", "customizedTraceTopic",
      "rocketmq.client.rebalance.lockInterval", "rocketmq.client.rebalance.lockMaxLiveTime",
    ],
    "PullConsumerConfiguration": [
      "autoCommit", "autoCommitIntervalMillis", "pullBatchSize", "pullThresholdForAll", "consumeMaxSpan",
      "pullThresholdForQueue", "pullThresholdSizeForQueue", "pollTimeoutMillis", "topicMetadataCheckIntervalMillis",
      "consumeFromWhere", "messageModel", "allocateMessageQueueStrategy", "brokerSuspendMaxTimeMillis",
      "consumerTimeoutMillisWhenSuspend", "consumerPullTimeoutMillis",
    ],
  ]

  @Test(arguments: names.keys.sorted())
  func `every setting of RocketMQ's is documented under its name`(type: String) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("Sources/ApusClient/\(type).swift"), encoding: .utf8)
    let documented = text.split(separator: "\n").filter { $0.contains("///") }.joined(separator: "\n")
    for name in Self.names[type] ?? [] {
      #expect(documented.contains("`\(name)`"), "\(name) is not documented in \(type)")
    }
  }

  @Test func `defaults are those of RocketMQ`() {
    let client = ClientConfiguration()
    #expect(client.instanceName == "DEFAULT")
    #expect(client.pollNameServerInterval == .milliseconds(30_000))
    #expect(client.rebalanceInterval == .milliseconds(20_000))
    #expect(client.heartbeatBrokerInterval == .milliseconds(30_000))
    #expect(client.persistConsumerOffsetInterval == .milliseconds(5_000))
    #expect(client.pullDelayAfterError == .milliseconds(1_000))
    #expect(client.requestTimeout == .milliseconds(3_000))
    #expect(!client.vipChannelEnabled && !client.unitMode && client.accessChannel == .local)
    let producer = ProducerConfiguration()
    #expect(producer.createTopicKey == "TBW102" && producer.defaultTopicQueueCount == 4)
    #expect(producer.sendTimeout == .milliseconds(3_000) && producer.retryCount == 2)
    #expect(producer.compressionThreshold == 4_096 && producer.compression == .zlib && producer.compressionLevel == 5)
    #expect(producer.maxMessageBytes == 4_194_304 && producer.inFlightLimit == 65_535)
    #expect(!producer.retriesWhenNotStored && !producer.avoidsSlowBrokers && !producer.tracesMessages)
    let push = ConsumerConfiguration()
    #expect(push.messageModel == .clustering && push.start == .last && push.concurrency == 20)
    #expect(push.maxSpan == 2_000 && push.queueMessageLimit == 1_000 && push.queueByteLimit == 100 << 20)
    #expect(push.topicMessageLimit == nil && push.topicByteLimit == nil && push.pullInterval == .zero)
    #expect(push.batchSize == 1 && push.pullBatchSize == 32 && !push.sendsSubscriptionWithPull)
    #expect(push.maxReconsumeTimes == nil && push.suspendTime == .milliseconds(1_000))
    #expect(push.consumeTimeout == .seconds(15 * 60) && push.terminationTime == .zero && !push.tracesMessages)
    #expect(push.lockInterval == .milliseconds(20_000) && push.lockMaxLiveTime == .milliseconds(30_000))
    let pull = PullConsumerConfiguration()
    #expect(pull.commitsByItself && pull.commitInterval == .milliseconds(5_000) && pull.pullBatchSize == 10)
    #expect(pull.messageLimit == 10_000 && pull.queueMessageLimit == 1_000 && pull.queueByteLimit == 100 << 20)
    #expect(pull.maxSpan == 2_000 && pull.pollTimeout == .milliseconds(5_000))
    #expect(pull.metadataCheckInterval == .milliseconds(30_000) && pull.suspendTime == .milliseconds(20_000))
    #expect(pull.suspendedPullTimeout == .milliseconds(30_000) && pull.pullTimeout == .milliseconds(10_000))
  }
}
