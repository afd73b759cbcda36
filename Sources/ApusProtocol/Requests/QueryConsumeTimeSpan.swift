/// 303 QUERY_CONSUME_TIME_SPAN: when the messages of a topic were stored, and up to when a group has come.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryConsumeTimeSpanRequestHeader.java
public enum QueryConsumeTimeSpan {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryConsumeTimeSpan }

    /// The topic.
    public var topic: String
    /// The group.
    public var group: String

    /// Puts a request together.
    public init(topic: String, group: String) {
      self.topic = topic
      self.group = group
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      group = try request.text("group")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("group", group)
      return list.fields
    }
  }

  /// The body of the answer: the queues.
  public typealias Response = ConsumeTimeSpans
}
