import ApusClientCore

/// Settings of a producer; names and defaults are those of RocketMQ's DefaultMQProducer.
public struct ProducerConfiguration: Sendable {
  /// `createTopicKey`: the topic whose settings a topic takes that the broker makes on the first send.
  public var createTopicKey = "TBW102"
  /// `defaultTopicQueueNums`: how many queues such a topic gets.
  public var defaultTopicQueueCount: Int32 = 4
  /// `sendMsgTimeout`: how long a send may take, tries included.
  public var sendTimeout = Duration.seconds(3)
  /// `compressMsgBodyOverHowmuch`: from how many bytes on bodies are compressed, those of batches never.
  public var compressionThreshold = 4096
  /// `rocketmq.message.compressType`: how. A body that would not become smaller is sent as it is.
  public var compression = CompressionType.zlib
  /// `rocketmq.message.compressLevel`: from fast to small, 0…9 with zlib, 1…22 with zstd, of no account with LZ4.
  public var compressionLevel = 5
  /// `retryTimesWhenSendFailed`, `retryTimesWhenSendAsyncFailed`: how often a send is tried again with another broker.
  public var retryCount = 2
  /// `retryAnotherBrokerWhenNotStoreOK`: whether to try again when the message is stored but not as safe as asked.
  public var retriesWhenNotStored = false
  /// `maxMessageSize`: the largest body in bytes, before compression.
  public var maxMessageBytes = 4 << 20
  /// `sendLatencyFaultEnable`: whether brokers that are slow are left alone for a while.
  public var avoidsSlowBrokers = false
  /// `latencyMax` and `notAvailableDuration`: from which latency of a send on a broker is left alone, and for how long.
  /// Latencies grow; a send that fails counts as 30 seconds.
  public var latencySteps = LatencyFault.standardSteps.map { LatencyStep(latency: $0.latency, pause: $0.pause) }
  /// `enableMsgTrace`: whether sends and the ends of transactions are reported to the trace topic. Reports are sent
  /// while ``MessageClient/run()`` runs.
  public var tracesMessages = false
  /// `customizedTraceTopic`: the trace topic; nil for the brokers' own, RMQ_SYS_TRACE_TOPIC.
  public var traceTopic: String?
  /// How many sends may be under way at once; more wait, within their own time limits.
  public var inFlightLimit = 65_535

  /// RocketMQ's defaults.
  public init() {}
}

/// How slow a broker is, and for how long it is left alone then.
public struct LatencyStep: Hashable, Sendable {
  /// From how long a send takes.
  public var latency: Duration
  /// How long other brokers are preferred.
  public var pause: Duration

  /// Pairs both.
  public init(latency: Duration, pause: Duration) {
    self.latency = latency
    self.pause = pause
  }
}
