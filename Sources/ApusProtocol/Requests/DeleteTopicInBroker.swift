/// 215 DELETE_TOPIC_IN_BROKER: remove a topic and its queues from a broker.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/DeleteTopicRequestHeader.java
public enum DeleteTopicInBroker {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .deleteTopicInBroker }

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
      [
        ReplyField("topic", topic)
      ]
    }
  }
}
