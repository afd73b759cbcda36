import ApusClientCore

/// Settings of a producer. Each names RocketMQ's key (of its DefaultMQProducer) and, in parentheses, the default, which
/// is RocketMQ's. What cannot be used makes ``MessageClient/producer(group:_:)`` throw
/// ``ClientError/Code/invalidArgument``.
public struct ProducerConfiguration: Sendable {
  /// `createTopicKey` ("TBW102"): the topic after which brokers make a topic that is not there at its first send.
  public var createTopicKey = "TBW102"
  /// `defaultTopicQueueNums` (4): how many queues such a topic gets at each broker, at most those of the template.
  public var defaultTopicQueueCount: Int32 = 4
  /// `sendMsgTimeout` (3 s): how long a send may take, look-ups and all tries included.
  public var sendTimeout = Duration.seconds(3)
  /// `compressMsgBodyOverHowmuch` (4096): from how many bytes on a body is compressed; those of batches never are.
  public var compressionThreshold = 4096
  /// `rocketmq.message.compressType` (`ZLIB`): how. A body that would not become smaller is sent as it is.
  public var compression = CompressionType.zlib
  /// `rocketmq.message.compressLevel` (5): from fast to small, 0…9 with zlib, 1…22 with Zstandard, of no account with
  /// LZ4.
  public var compressionLevel = 5
  /// `retryTimesWhenSendFailed`, `retryTimesWhenSendAsyncFailed` (2): how often a send is tried again, with another
  /// broker where there is one, within ``sendTimeout``. Sends to a given queue are tried once.
  public var retryCount = 2
  /// `retryAnotherBrokerWhenNotStoreOK` (false): whether to try again when the message is stored, but not as safely as
  /// the broker's mode promises. It is then stored twice.
  public var retriesWhenNotStored = false
  /// `maxMessageSize` (4 MiB): the largest body in bytes, before compression; of a batch the largest request's. A
  /// larger one is ``ClientError/Code/messageTooLarge``. Brokers have a limit of their own.
  public var maxMessageBytes = 4 << 20
  /// `sendLatencyFaultEnable` (false): whether brokers that are slow are left alone for a while.
  public var avoidsSlowBrokers = false
  /// `latencyMax` and `notAvailableDuration` (50 and 100 ms: no pause, 550 ms: 30 s, 1 s: 60 s, 2 s: 2 min, 3 s: 3 min,
  /// 15 s: 10 min): from which latency of a send on a broker is left alone, and for how long. Latencies must grow from
  /// step to step; a send that fails counts as 30 seconds.
  public var latencySteps = LatencyFault.standardSteps.map { LatencyStep(latency: $0.latency, pause: $0.pause) }
  /// `enableMsgTrace` (false): whether sends and the ends of transactions are reported to the trace topic. Reports are
  /// sent while ``MessageClient/run()`` runs.
  public var tracesMessages = false
  /// `customizedTraceTopic` (nil): the trace topic; nil for the brokers' own, RMQ_SYS_TRACE_TOPIC.
  public var traceTopic: String?
  /// `clientAsyncSemaphoreValue` (65,535): how many sends may be under way at once, at least 1. More wait, within their
  /// own time limits, and then throw ``ClientError/Code/timedOut``.
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
