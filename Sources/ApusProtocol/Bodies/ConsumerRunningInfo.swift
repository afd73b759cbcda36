public import ApusBase
public import ApusModel

/// How a consumer is doing: its answer to code 307.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumerRunningInfo.java
public struct ConsumerRunningInfo: JSONBody {
  /// Names of properties that Java's clients and tools know.
  public enum PropertyName {
    /// The name servers, each followed by a semicolon.
    public static let nameServers = "PROP_NAMESERVER_ADDR"
    /// How many messages may be consumed at once.
    public static let threads = "PROP_THREADPOOL_CORE_SIZE"
    /// Whether messages are consumed in order.
    public static let isOrderly = "PROP_CONSUMEORDERLY"
    /// Whether it pulls or is pushed to, by the names of ``ConsumeType``.
    public static let consumeType = "PROP_CONSUME_TYPE"
    /// The client's version, by Java's name.
    public static let clientVersion = "PROP_CLIENT_VERSION"
    /// When it began, milliseconds.
    public static let startTime = "PROP_CONSUMER_START_TIMESTAMP"
  }

  /// One queue.
  public struct Queue: Hashable, Sendable {
    /// The queue.
    public var queue: MessageQueue
    /// What the consumer has of it.
    public var state: ProcessQueueInfo

    /// Describes a queue.
    public init(_ queue: MessageQueue, _ state: ProcessQueueInfo) {
      self.queue = queue
      self.state = state
    }
  }

  /// One topic.
  public struct Topic: Hashable, Sendable {
    /// The topic.
    public var topic: String
    /// What was consumed of it lately.
    public var status: ConsumeStatus

    /// Describes a topic.
    public init(_ topic: String, _ status: ConsumeStatus) {
      self.topic = topic
      self.status = status
    }
  }

  /// Settings and other facts by name.
  public var properties: [String: String]
  /// What it subscribes to.
  public var subscriptions: [SubscriptionData]
  /// Its queues.
  public var queues: [Queue]
  /// Its topics.
  public var topics: [Topic]
  /// The stacks of its threads; nil where they were not asked for, or cannot be told.
  public var stacks: String?

  /// Describes a consumer.
  public init(
    properties: [String: String], subscriptions: [SubscriptionData], queues: [Queue], topics: [Topic],
    stacks: String? = nil
  ) {
    self.properties = properties
    self.subscriptions = subscriptions
    self.queues = queues
    self.topics = topics
    self.stacks = stacks
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    properties = [:]
    for member in try json.table("properties") { properties[member.key.text ?? ""] = member.value.text ?? "" }
    subscriptions = try json.list("subscriptionSet") { (value) throws(DecodeError) in try SubscriptionData(json: value)
    }
    queues = []
    for member in try json.table("mqTable") {
      queues.append(Queue(try member.key.queueKey(), try ProcessQueueInfo(json: member.value)))
    }
    topics = []
    for member in try json.table("statusTable") {
      topics.append(Topic(member.key.text ?? "", try ConsumeStatus(json: member.value)))
    }
    stacks = json["jstack"]?.text
  }

  /// The JSON form; the queues are keys. Properties stand in the order of their names.
  public var json: JSONValue {
    var members = [
      "mqTable": JSONValue.object(queues.map { JSONMember($0.queue.json, $0.state.json) }),
      "properties": .object(properties.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }),
      "statusTable": .object(topics.map { JSONMember($0.topic, $0.status.json) }),
      "subscriptionSet": .array(subscriptions.map(\.json)),
    ]
    if let stacks { members["jstack"] = .string(stacks) }
    return .object(members.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value) })
  }
}

/// What a consumer has of a queue.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ProcessQueueInfo.java
public struct ProcessQueueInfo: Hashable, Sendable {
  /// Up to where the group's progress is known here.
  public var commitOffset: Int64 = 0
  /// The offset of the oldest message in hand; 0 for none.
  public var cachedMinOffset: Int64 = 0
  /// The offset of the newest message in hand; 0 for none.
  public var cachedMaxOffset: Int64 = 0
  /// How many messages are in hand.
  public var cachedCount: Int32 = 0
  /// How large they are together, in MiB, rounded down.
  public var cachedMebibytes: Int32 = 0
  /// Of the messages that are being consumed in order: the oldest one's offset; 0 for none.
  public var consumingMinOffset: Int64 = 0
  /// Of the messages that are being consumed in order: the newest one's offset; 0 for none.
  public var consumingMaxOffset: Int64 = 0
  /// How many messages are being consumed in order.
  public var consumingCount: Int32 = 0
  /// Whether the broker keeps the queue for this consumer.
  public var isLocked = false
  /// How often giving the lock back was tried.
  public var unlockTries: Int64 = 0
  /// When the broker was last asked to keep the queue.
  public var lastLock = WallTime(milliseconds: 0)
  /// Whether the queue was given up.
  public var isDropped = false
  /// When it was last pulled from.
  public var lastPull = WallTime(milliseconds: 0)
  /// When something of it was last consumed.
  public var lastConsume = WallTime(milliseconds: 0)

  /// Nothing in hand.
  public init() {}

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    commitOffset = try json.int64("commitOffset", default: 0)
    cachedMinOffset = try json.int64("cachedMsgMinOffset", default: 0)
    cachedMaxOffset = try json.int64("cachedMsgMaxOffset", default: 0)
    cachedCount = Int32(clamping: try json.int64("cachedMsgCount", default: 0))
    cachedMebibytes = Int32(clamping: try json.int64("cachedMsgSizeInMiB", default: 0))
    consumingMinOffset = try json.int64("transactionMsgMinOffset", default: 0)
    consumingMaxOffset = try json.int64("transactionMsgMaxOffset", default: 0)
    consumingCount = Int32(clamping: try json.int64("transactionMsgCount", default: 0))
    isLocked = json["locked"]?.bool ?? false
    unlockTries = try json.int64("tryUnlockTimes", default: 0)
    lastLock = WallTime(milliseconds: try json.int64("lastLockTimestamp", default: 0))
    // So spelled.
    isDropped = json["droped"]?.bool ?? false
    lastPull = WallTime(milliseconds: try json.int64("lastPullTimestamp", default: 0))
    lastConsume = WallTime(milliseconds: try json.int64("lastConsumeTimestamp", default: 0))
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "cachedMsgCount": JSONValue(cachedCount), "cachedMsgMaxOffset": JSONValue(cachedMaxOffset),
      "cachedMsgMinOffset": JSONValue(cachedMinOffset), "cachedMsgSizeInMiB": JSONValue(cachedMebibytes),
      "commitOffset": JSONValue(commitOffset), "droped": .bool(isDropped),
      "lastConsumeTimestamp": JSONValue(lastConsume.milliseconds),
      "lastLockTimestamp": JSONValue(lastLock.milliseconds),
      "lastPullTimestamp": JSONValue(lastPull.milliseconds), "locked": .bool(isLocked),
      "transactionMsgCount": JSONValue(consumingCount), "transactionMsgMaxOffset": JSONValue(consumingMaxOffset),
      "transactionMsgMinOffset": JSONValue(consumingMinOffset), "tryUnlockTimes": JSONValue(unlockTries),
    ])
  }
}

/// How quickly a consumer takes the messages of a topic: means over the last minute.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ConsumeStatus.java
public struct ConsumeStatus: Hashable, Sendable {
  /// Milliseconds that a pull that found something took.
  public var pullMilliseconds = 0.0
  /// Messages pulled a second.
  public var pullRate = 0.0
  /// Milliseconds that a call of the listener took.
  public var consumeMilliseconds = 0.0
  /// Messages consumed a second.
  public var consumeRate = 0.0
  /// Messages a second that could not be consumed.
  public var failureRate = 0.0
  /// Messages that could not be consumed in the last hour.
  public var failures: Int64 = 0

  /// Nothing was consumed.
  public init() {}

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    pullMilliseconds = json["pullRT"]?.double ?? 0
    pullRate = json["pullTPS"]?.double ?? 0
    consumeMilliseconds = json["consumeRT"]?.double ?? 0
    consumeRate = json["consumeOKTPS"]?.double ?? 0
    failureRate = json["consumeFailedTPS"]?.double ?? 0
    failures = try json.int64("consumeFailedMsgs", default: 0)
  }

  /// The JSON form.
  public var json: JSONValue {
    JSONValue(members: [
      "consumeFailedMsgs": JSONValue(failures), "consumeFailedTPS": .number(failureRate),
      "consumeOKTPS": .number(consumeRate), "consumeRT": .number(consumeMilliseconds),
      "pullRT": .number(pullMilliseconds), "pullTPS": .number(pullRate),
    ])
  }
}
