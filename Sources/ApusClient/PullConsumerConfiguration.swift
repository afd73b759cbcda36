/// Settings of a pull consumer. Each names RocketMQ's key (of its DefaultLitePullConsumer) and, in parentheses, the
/// default, which is RocketMQ's. What cannot be used makes ``MessageClient/pullConsumer(group:subscriptions:_:)`` throw
/// ``ClientError/Code/invalidArgument``.
public struct PullConsumerConfiguration: Sendable {
  /// `messageModel` (`CLUSTERING`): who of a group gets a message.
  public var messageModel = ConsumerConfiguration.MessageModel.clustering
  /// `consumeFromWhere` (`CONSUME_FROM_LAST_OFFSET`): where the group starts in a queue that it has no offset of.
  public var start = ConsumerConfiguration.Start.last
  /// `allocateMessageQueueStrategy` (`AVG`): how the members of the group share queues out; the same for all of them.
  public var rebalance = RebalanceStrategy.average
  /// `autoCommit` (true): whether messages count as consumed with the next poll, and offsets are committed every
  /// ``commitInterval``. Else ``PullConsumer/commit()`` decides.
  public var commitsByItself = true
  /// `autoCommitIntervalMillis` (5 s): how often offsets are committed, 1 s or more.
  public var commitInterval = Duration.seconds(5)
  /// `pullBatchSize` (10): how many messages a pull asks for, and a poll gives, 1…1024.
  public var pullBatchSize: Int32 = 10
  /// `pullThresholdForAll` (10,000): how many messages may be in hand, divided among the queues.
  public var messageLimit = 10_000
  /// `pullThresholdForQueue` (1,000): how many messages of a queue may be in hand.
  public var queueMessageLimit = 1000
  /// `pullThresholdSizeForQueue` (100 MiB): how many bytes of a queue's bodies may be in hand.
  public var queueByteLimit = 100 << 20
  /// `consumeMaxSpan` (2,000): how far apart the offsets of the oldest and the newest message of a queue in hand may
  /// be.
  public var maxSpan: Int64 = 2000
  /// `brokerSuspendMaxTimeMillis` (20 s): how long the broker holds a pull that finds nothing.
  public var suspendTime = Duration.seconds(20)
  /// `consumerTimeoutMillisWhenSuspend` (30 s): the time limit of pulls that the broker may hold, more than
  /// ``suspendTime``.
  public var suspendedPullTimeout = Duration.seconds(30)
  /// `consumerPullTimeoutMillis` (10 s): the time limit of pulls that it may not hold.
  public var pullTimeout = Duration.seconds(10)
  /// `topicMetadataCheckIntervalMillis` (30 s): how often ``PullConsumer/queueChanges(of:)`` looks.
  public var metadataCheckInterval = Duration.seconds(30)
  /// `pollTimeoutMillis` (5 s): how long a poll waits for messages.
  public var pollTimeout = Duration.seconds(5)

  /// RocketMQ's defaults.
  public init() {}
}
