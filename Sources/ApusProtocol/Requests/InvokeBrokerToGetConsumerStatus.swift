/// 223 INVOKE_BROKER_TO_GET_CONSUMER_STATUS: where each of a group's consumers is in its queues.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerStatusRequestHeader.java
public enum InvokeBrokerToGetConsumerStatus {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .invokeBrokerToGetConsumerStatus }

    /// The topic.
    public var topic: String
    /// The group.
    public var group: String
    /// The only client to ask; nil or blank for all.
    public var clientID: String?

    /// Puts a request together.
    public init(topic: String, group: String, clientID: String? = nil) {
      self.topic = topic
      self.group = group
      self.clientID = clientID
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      group = try request.text("group")
      clientID = request.text(optional: "clientAddr")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("group", group)
      list.add("clientAddr", clientID)
      return list.fields
    }
  }

  /// The body of the answer: the offsets by client.
  public typealias Response = ConsumerStatusBody
}
