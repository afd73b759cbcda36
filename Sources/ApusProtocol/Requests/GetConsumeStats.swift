/// 208 GET_CONSUME_STATS: how far a group has come.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumeStatsRequestHeader.java
public enum GetConsumeStats {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getConsumeStats }

    /// The group.
    public var consumerGroup: String
    /// The topic; nil for all.
    public var topic: String?

    /// Puts a request together.
    public init(consumerGroup: String, topic: String? = nil) {
      self.consumerGroup = consumerGroup
      self.topic = topic
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.text("consumerGroup")
      topic = request.text(optional: "topic")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("consumerGroup", consumerGroup)
      list.add("topic", topic)
      return list.fields
    }
  }

  /// The body of the answer: the queues.
  public typealias Response = ConsumeStats
}
