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
  /// `retryTimesWhenSendFailed`: how often a send is tried again with another broker.
  public var retryCount = 2
  /// `retryAnotherBrokerWhenNotStoreOK`: whether to try again when the message is stored but not as safe as asked.
  public var retriesWhenNotStored = false
  /// `maxMessageSize`: the largest body in bytes, before compression.
  public var maxMessageBytes = 4 << 20
  /// `sendLatencyFaultEnable`: whether brokers that are slow are left alone for a while.
  public var avoidsSlowBrokers = false
  /// How many sends may be under way at once; more wait, within their own time limits.
  public var inFlightLimit = 65_535

  /// RocketMQ's defaults.
  public init() {}
}
