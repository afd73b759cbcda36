import ApusBase

/// Topics that belong to the broker rather than to users, and the families of names with a meaning.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/topic/TopicValidator.java
public enum SystemTopics {
  /// The template from which topics are created at their first message.
  public static let autoCreate = "TBW102"
  /// Where delayed messages wait, one queue per level.
  public static let schedule = "SCHEDULE_TOPIC_XXXX"
  /// Where messages wait that are delivered at a time of their own, as in RocketMQ 5. RocketMQ 4 keeps it and does not
  /// look at it.
  public static let timer = "rmq_sys_wheel_timer"
  /// The topic of Java's benchmark tools.
  public static let benchmark = "BenchmarkTest"
  /// Where uncommitted messages of transactions wait.
  public static let halfMessages = "RMQ_SYS_TRANS_HALF_TOPIC"
  /// Which half messages have ended.
  public static let halfOperations = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
  /// Message traces.
  public static let trace = "RMQ_SYS_TRACE_TOPIC"
  /// Half messages that were checked too often.
  public static let checkedTooOften = "TRANS_CHECK_MAX_TIME_TOPIC"
  /// The broker's own test topic.
  public static let selfTest = "SELF_TEST_TOPIC"
  /// Where reports of corrected consumer offsets go.
  public static let offsetMoved = "OFFSET_MOVED_EVENT"

  /// Every fixed name, in Java's order of declaration.
  public static let names = [
    autoCreate, schedule, benchmark, halfMessages, trace, halfOperations, checkedTooOften, selfTest, offsetMoved,
  ]
  /// The names that clients may not send to: code 16.
  public static let closedToProducers: Set<String> = [
    schedule, timer, halfMessages, halfOperations, checkedTooOften, selfTest, offsetMoved,
  ]

  /// Topics whose records are not delivered as they are: they wait, are not committed, or say something about others.
  public static let undelivered: Set<String> = [schedule, timer, halfMessages, halfOperations, checkedTooOften]

  /// Whether a topic, as it stands in a frame or a record, holds messages that were sent to others: they wait there for
  /// their time or for the end of their transaction, or lie there as nobody told that end.
  public static func holdsOthersMessages(_ topic: RawSpan) -> Bool {
    topic.equals("SCHEDULE_TOPIC_XXXX") || topic.equals("rmq_sys_wheel_timer")
      || topic.equals("RMQ_SYS_TRANS_HALF_TOPIC") || topic.equals("TRANS_CHECK_MAX_TIME_TOPIC")
  }

  /// Starts the names of a system's own topics.
  public static let systemPrefix = "rmq_sys_"
  /// Starts a group's retry topic.
  public static let retryPrefix = "%RETRY%"
  /// Starts a group's dead-letter topic.
  public static let deadLetterPrefix = "%DLQ%"
  /// Starts a light queue's name.
  public static let lightQueuePrefix = "%LMQ%"

  private static let fixed = Set(names)

  /// Whether a topic belongs to the broker. A broker adds the names of its cluster, of itself and of its reply topic to
  /// these.
  public static func contains(_ topic: String) -> Bool { fixed.contains(topic) || topic.hasPrefix(systemPrefix) }

  /// The topic that holds a group's messages to be tried again.
  public static func retryTopic(of group: String) -> String { retryPrefix + group }

  /// The topic that holds a group's dead messages.
  public static func deadLetterTopic(of group: String) -> String { deadLetterPrefix + group }

  /// The topic for answers of request-reply within a cluster.
  public static func replyTopic(ofCluster cluster: String) -> String { cluster + "_REPLY_TOPIC" }
}

/// Consumer and producer groups that belong to the system.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/MixAll.java
public enum SystemGroups {
  /// The name that Java refuses for a consumer because it is its default.
  public static let defaultConsumer = "DEFAULT_CONSUMER"
  /// The name that Java refuses for a producer because it is its default.
  public static let defaultProducer = "DEFAULT_PRODUCER"
  /// The group of tools that read.
  public static let toolsConsumer = "TOOLS_CONSUMER"
  /// The group of the relic filter servers.
  public static let filterServerConsumer = "FILTERSRV_CONSUMER"
  /// The group of the broker's self test.
  public static let selfTestConsumer = "SELF_TEST_C_GROUP"
  /// The producing side of the broker's self test.
  public static let selfTestProducer = "SELF_TEST_P_GROUP"
  /// The group that moves delayed messages.
  public static let scheduleConsumer = "SCHEDULE_CONSUMER"
  /// The group of the monitor.
  public static let monitorConsumer = "__MONITOR_CONSUMER"
  /// The producer inside every client.
  public static let clientInnerProducer = "CLIENT_INNER_PRODUCER"
  /// The group that reads half messages.
  public static let transactionConsumer = "CID_RMQ_SYS_TRANS"
  /// Groups of the cloud service that a broker creates at start.
  public static let cloud = ["CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER"]
  /// Starts the names of a system's own groups.
  public static let systemPrefix = "CID_RMQ_SYS_"
}
