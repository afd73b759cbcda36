/// 221 GET_CONSUMER_STATUS_FROM_CLIENT: where a consumer is in its queues.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerStatusRequestHeader.java
public enum GetConsumerStatusFromClient {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getConsumerStatusFromClient }

    /// The topic.
    public var topic: String
    /// The group.
    public var group: String
    /// Not used.
    public var clientAddress: String?

    /// Puts a request together.
    public init(topic: String, group: String, clientAddress: String? = nil) {
      self.topic = topic
      self.group = group
      self.clientAddress = clientAddress
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      group = try request.text("group")
      clientAddress = request.text(optional: "clientAddr")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("group", group)
      list.add("clientAddr", clientAddress)
      return list.fields
    }
  }

  /// The body of the answer: the offsets.
  public typealias Response = ConsumerStatusBody
}
