/// 17 UPDATE_AND_CREATE_TOPIC: make a topic or change it.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/CreateTopicRequestHeader.java
public enum UpdateAndCreateTopic {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .updateAndCreateTopic }

    /// The topic.
    public var topic: String
    /// Ignored.
    public var defaultTopic: String
    /// How many queues may be read.
    public var readQueueCount: Int32
    /// How many queues are written to.
    public var writeQueueCount: Int32
    /// The permission bits.
    public var permission: Int32
    /// The name of a ``TopicFilter``.
    public var filter: String
    /// Unit flags.
    public var systemFlag: Int32?
    /// Ignored: the order configuration decides.
    public var isOrdered: Bool

    /// Puts a request together.
    public init(
      topic: String, defaultTopic: String, readQueueCount: Int32, writeQueueCount: Int32, permission: Int32,
      filter: String, systemFlag: Int32? = nil, isOrdered: Bool = false
    ) {
      self.topic = topic
      self.defaultTopic = defaultTopic
      self.readQueueCount = readQueueCount
      self.writeQueueCount = writeQueueCount
      self.permission = permission
      self.filter = filter
      self.systemFlag = systemFlag
      self.isOrdered = isOrdered
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      defaultTopic = try request.text("defaultTopic")
      readQueueCount = try request.int32("readQueueNums")
      writeQueueCount = try request.int32("writeQueueNums")
      permission = try request.int32("perm")
      filter = try request.text("topicFilterType")
      systemFlag = try request.int32(optional: "topicSysFlag")
      isOrdered = request.bool("order")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("defaultTopic", defaultTopic)
      list.add("readQueueNums", readQueueCount)
      list.add("writeQueueNums", writeQueueCount)
      list.add("perm", permission)
      list.add("topicFilterType", filter)
      list.add("topicSysFlag", systemFlag)
      list.add("order", isOrdered)
      return list.fields
    }
  }
}
