import ApusClientCore
public import ApusModel

/// Settings of a push consumer. Each names RocketMQ's key (of its DefaultMQPushConsumer) and, in parentheses, the
/// default, which is RocketMQ's. What cannot be used makes
/// ``MessageClient/pushConsumer(group:subscriptions:_:listener:)`` throw ``ClientError/Code/invalidArgument``.
public struct ConsumerConfiguration: Sendable {
  /// `messageModel`: who of a group gets a message.
  public enum MessageModel: Sendable {
    /// One member; offsets are kept by the brokers.
    case clustering
    /// Every member; offsets are kept in files of this machine, and what fails is not tried again.
    case broadcasting
  }

  /// `consumeFromWhere`: where a group starts in a queue that it has no offset of.
  public enum Start: Hashable, Sendable {
    /// Behind the newest message.
    case last
    /// At the oldest message.
    case first
    /// At the first message stored at or after a moment, in milliseconds since 1970.
    case time(milliseconds: Int64)
  }

  /// `messageModel` (`CLUSTERING`): who of a group gets a message.
  public var messageModel = MessageModel.clustering
  /// `consumeFromWhere` (`CONSUME_FROM_LAST_OFFSET`): where the group starts in a queue that it has no offset of; once
  /// it has one, this counts no more. Brokers tell the beginning for a young queue, whose first message is in memory.
  public var start = Start.last
  /// `allocateMessageQueueStrategy` (`AVG`): how the members of the group share queues out; the same for all of them.
  public var rebalance = RebalanceStrategy.average
  /// `consumeThreadMin`, `consumeThreadMax` (20): how many calls of the listener may be under way at once, at least 1.
  public var concurrency = 20
  /// `consumeConcurrentlyMaxSpan` (2,000): how far apart the offsets of the oldest and the newest message of a queue in
  /// hand may be. A queue beyond this or one of the limits below is not pulled from. Not counted in order.
  public var maxSpan: Int64 = 2000
  /// `pullThresholdForQueue` (1,000): how many messages of a queue may be in hand.
  public var queueMessageLimit = 1000
  /// `pullThresholdSizeForQueue` (100 MiB): how many bytes of a queue's bodies may be in hand.
  public var queueByteLimit = 100 << 20
  /// `pullThresholdForTopic` (nil: no limit): how many messages of a topic may be in hand, divided among its queues.
  public var topicMessageLimit: Int?
  /// `pullThresholdSizeForTopic` (nil: no limit): how many bytes of a topic may be in hand, divided among its queues.
  public var topicByteLimit: Int?
  /// `pullInterval` (0): the pause between pulls of a queue.
  public var pullInterval = Duration.zero
  /// `consumeMessageBatchMaxSize` (1): how many messages the listener is given at most in one call, 1…1024.
  public var batchSize = 1
  /// `pullBatchSize` (32): how many messages a pull asks for, 1…1024. Brokers give no more than they allow.
  public var pullBatchSize: Int32 = 32
  /// `postSubscriptionWhenPull` (false): whether every pull carries the subscription, and not only heartbeats.
  public var sendsSubscriptionWithPull = false
  /// `maxReconsumeTimes` (nil, which is Java's -1): how often a message is tried again before it is a dead letter, 0 or
  /// more; nil for 16, and without limit where messages are consumed in order.
  public var maxReconsumeTimes: Int32?
  /// `suspendCurrentQueueTimeMillis` (1 s): the pause before a message is tried again in order, 10 ms…30 s.
  public var suspendTime = Duration.seconds(1)
  /// `rocketmq.client.rebalance.lockInterval` (20 s): how often brokers are asked to keep the queues that are consumed
  /// in order, more than 0 and less than ``lockMaxLiveTime``.
  public var lockInterval = Duration.seconds(20)
  /// `rocketmq.client.rebalance.lockMaxLiveTime` (30 s): for how long a queue is consumed in order after its broker was
  /// asked to keep it, at most 60 s: then the broker may give it to another member.
  public var lockMaxLiveTime = Duration.seconds(30)
  /// `enableMsgTrace` (false): whether calls of the listener are reported to the trace topic.
  public var tracesMessages = false
  /// `customizedTraceTopic` (nil): the trace topic; nil for the brokers' own, RMQ_SYS_TRACE_TOPIC.
  public var traceTopic: String?
  /// `consumeTimeout` (15 min): after what time a message is sent back that the listener is not done with, more than 0.
  /// Not where messages are consumed in order.
  public var consumeTimeout = Duration.seconds(15 * 60)
  /// `awaitTerminationMillisWhenShutdown` (0): for how long the listener may go on when the consumer ends, before its
  /// task is cancelled.
  public var terminationTime = Duration.zero

  /// RocketMQ's defaults.
  public init() {}
}

/// How the members of a group share the queues of a topic out. All must use the same one, else queues have two
/// consumers or none.
public struct RebalanceStrategy: Sendable {
  let core: AllocationStrategy

  /// AVG: neighbouring queues in shares of nearly the same size.
  public static let average = RebalanceStrategy(core: .average)
  /// AVG_BY_CIRCLE: queues dealt out in turn.
  public static let averageByCircle = RebalanceStrategy(core: .averageByCircle)
  /// CONFIG: always these queues.
  public static func configured(_ queues: [MessageQueue]) -> RebalanceStrategy {
    RebalanceStrategy(core: .configured(queues))
  }
  /// MACHINE_ROOM: the queues of brokers called `room@name` in one of these rooms.
  public static func machineRoom(_ rooms: Set<String>) -> RebalanceStrategy {
    RebalanceStrategy(core: .machineRoom(rooms))
  }
  /// MACHINE_ROOM_NEARBY: queues go to consumers in their own room, those of rooms without a consumer to all.
  public static func nearby(
    _ inner: RebalanceStrategy, brokerRoom: @escaping @Sendable (String) -> String,
    clientRoom: @escaping @Sendable (String) -> String
  ) -> RebalanceStrategy {
    RebalanceStrategy(core: .nearby(inner.core, brokerRoom: brokerRoom, clientRoom: clientRoom))
  }
  /// CONSISTENT_HASH: a member that comes or goes moves few queues. `virtualNodes`: how many points a member has on the
  /// ring, at least 1.
  public static func consistentHash(virtualNodes: Int = 10) -> RebalanceStrategy {
    RebalanceStrategy(core: .consistentHash(virtualNodes: virtualNodes))
  }
  /// The application's own: called with a topic's sorted queues, the sorted client ids of the group and the client's
  /// own id, it returns the client's queues. `name` is what tools show.
  public static func custom(
    name: String, _ choose: @escaping @Sendable ([MessageQueue], [String], String) -> [MessageQueue]
  ) -> RebalanceStrategy {
    RebalanceStrategy(core: .custom(name: name, choose))
  }
}
