/// Settings of a pull consumer; names and defaults are those of RocketMQ's DefaultLitePullConsumer.
public struct PullConsumerConfiguration: Sendable {
  /// `messageModel`: who of a group gets a message.
  public var messageModel = ConsumerConfiguration.MessageModel.clustering
  /// `consumeFromWhere`: where the group starts in a queue that it has no offset of.
  public var start = ConsumerConfiguration.Start.last
  /// `allocateMessageQueueStrategy`: how the members of the group share queues out.
  public var rebalance = RebalanceStrategy.average
  /// `autoCommit`: whether messages count as consumed with the next poll, and offsets are committed now and then.
  public var commitsByItself = true
  /// `autoCommitIntervalMillis`: how often, at least a second.
  public var commitInterval = Duration.seconds(5)
  /// `pullBatchSize`: how many messages are pulled, and given at once, 1…1024.
  public var pullBatchSize: Int32 = 10
  /// `pullThresholdForAll`: how many messages may be in hand, divided among the queues.
  public var messageLimit = 10_000
  /// `pullThresholdForQueue`: how many messages of a queue may be in hand.
  public var queueMessageLimit = 1000
  /// `pullThresholdSizeForQueue`: how many bytes of a queue may be in hand.
  public var queueByteLimit = 100 << 20
  /// `consumeMaxSpan`: how far apart the oldest and the newest message in hand may be.
  public var maxSpan: Int64 = 2000
  /// `brokerSuspendMaxTimeMillis`: how long the broker holds a pull that finds nothing.
  public var suspendTime = Duration.seconds(20)
  /// `consumerTimeoutMillisWhenSuspend`: the time limit of pulls that the broker may hold, more than `suspendTime`.
  public var suspendedPullTimeout = Duration.seconds(30)
  /// `consumerPullTimeoutMillis`: the time limit of pulls that it may not hold.
  public var pullTimeout = Duration.seconds(10)
  /// `topicMetadataCheckIntervalMillis`: how often ``PullConsumer/queueChanges(of:)`` looks.
  public var metadataCheckInterval = Duration.seconds(30)
  /// `pollTimeoutMillis`: how long a poll waits for messages.
  public var pollTimeout = Duration.seconds(5)

  /// RocketMQ's defaults.
  public init() {}
}
