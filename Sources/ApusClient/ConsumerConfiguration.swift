import ApusClientCore
public import ApusModel

/// Settings of a push consumer; names and defaults are those of RocketMQ's DefaultMQPushConsumer.
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

  /// `messageModel`.
  public var messageModel = MessageModel.clustering
  /// `consumeFromWhere`.
  public var start = Start.last
  /// `allocateMessageQueueStrategy`: how the members of the group share queues out.
  public var rebalance = RebalanceStrategy.average
  /// `consumeThreadMin`, `consumeThreadMax`: how many calls of the listener may be under way at once.
  public var concurrency = 20
  /// `consumeConcurrentlyMaxSpan`: how far apart the oldest and the newest message in hand may be.
  public var maxSpan: Int64 = 2000
  /// `pullThresholdForQueue`: how many messages of a queue may be in hand.
  public var queueMessageLimit = 1000
  /// `pullThresholdSizeForQueue`: how many bytes of a queue may be in hand.
  public var queueByteLimit = 100 << 20
  /// `pullThresholdForTopic`: how many messages of a topic may be in hand, divided among its queues; nil for no limit.
  public var topicMessageLimit: Int?
  /// `pullThresholdSizeForTopic`: how many bytes of a topic may be in hand, divided among its queues; nil for no limit.
  public var topicByteLimit: Int?
  /// `pullInterval`: the pause between pulls of a queue.
  public var pullInterval = Duration.zero
  /// `consumeMessageBatchMaxSize`: how many messages the listener is given at once, 1…1024.
  public var batchSize = 1
  /// `pullBatchSize`: how many messages are pulled at once, 1…1024.
  public var pullBatchSize: Int32 = 32
  /// `postSubscriptionWhenPull`: whether every pull carries the subscription.
  public var sendsSubscriptionWithPull = false
  /// `maxReconsumeTimes`: how often a message is tried again before it is a dead letter; nil for 16, without limit
  /// where messages are consumed in order.
  public var maxReconsumeTimes: Int32?
  /// `suspendCurrentQueueTimeMillis`: the pause before a message is tried again in order, 10 ms…30 s.
  public var suspendTime = Duration.seconds(1)
  /// `enableMsgTrace`: whether calls of the listener are reported to the trace topic.
  public var tracesMessages = false
  /// `customizedTraceTopic`: the trace topic; nil for the brokers' own, RMQ_SYS_TRACE_TOPIC.
  public var traceTopic: String?
  /// `consumeTimeout`: after what time a message is sent back that the listener is not done with.
  public var consumeTimeout = Duration.seconds(15 * 60)
  /// `awaitTerminationMillisWhenShutdown`: for how long the listener may go on when the consumer ends, before it is
  /// cancelled.
  public var terminationTime = Duration.zero

  /// RocketMQ's defaults.
  public init() {}
}

/// How the members of a group share the queues of a topic out. All must use the same one.
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
  /// CONSISTENT_HASH: a member that comes or goes moves few queues.
  public static func consistentHash(virtualNodes: Int = 10) -> RebalanceStrategy {
    RebalanceStrategy(core: .consistentHash(virtualNodes: virtualNodes))
  }
  /// The application's own: called with sorted queues, sorted client ids and the client's own id.
  public static func custom(
    name: String, _ choose: @escaping @Sendable ([MessageQueue], [String], String) -> [MessageQueue]
  ) -> RebalanceStrategy {
    RebalanceStrategy(core: .custom(name: name, choose))
  }
}
