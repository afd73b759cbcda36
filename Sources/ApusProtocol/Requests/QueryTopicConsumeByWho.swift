/// 300 QUERY_TOPIC_CONSUME_BY_WHO: which consumer groups read a topic.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryTopicConsumeByWhoRequestHeader.java
public enum QueryTopicConsumeByWho {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryTopicConsumeByWho }

    /// The topic.
    public var topic: String

    /// Puts a request together.
    public init(topic: String) {
      self.topic = topic
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      return list.fields
    }
  }

  /// The body of the answer: the groups.
  public typealias Response = GroupList
}
