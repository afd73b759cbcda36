/// 321 QUERY_CONSUME_QUEUE: the entries of a queue.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryConsumeQueueRequestHeader.java
public enum QueryConsumeQueue {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryConsumeQueue }

    /// The topic.
    public var topic: String
    /// The queue.
    public var queueID: Int32
    /// The first entry.
    public var index: Int64
    /// How many entries.
    public var count: Int32
    /// The group whose subscription is told too; nil for none.
    public var consumerGroup: String?

    /// Puts a request together.
    public init(topic: String, queueID: Int32, index: Int64, count: Int32, consumerGroup: String? = nil) {
      self.topic = topic
      self.queueID = queueID
      self.index = index
      self.count = count
      self.consumerGroup = consumerGroup
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      queueID = try request.int32("queueId")
      index = try request.int64("index")
      count = try request.int32("count")
      consumerGroup = request.text(optional: "consumerGroup")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("queueId", queueID)
      list.add("index", index)
      list.add("count", count)
      list.add("consumerGroup", consumerGroup)
      return list.fields
    }
  }

  /// The body of the answer: the entries.
  public typealias Response = ConsumeQueueDump
}
