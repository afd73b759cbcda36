/// 309 CONSUME_MESSAGE_DIRECTLY: a consumer consumes one message now; the broker passes it on with the message, and the
/// answer back.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ConsumeMessageDirectlyResultRequestHeader.java
public enum ConsumeMessageDirectly {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .consumeMessageDirectly }

    /// The group.
    public var consumerGroup: String
    /// The consumer.
    public var clientID: String?
    /// The offset id of the message.
    public var messageID: String?
    /// The broker, added when it passes the request on.
    public var brokerName: String?

    /// Puts a request together.
    public init(consumerGroup: String, clientID: String? = nil, messageID: String? = nil, brokerName: String? = nil) {
      self.consumerGroup = consumerGroup
      self.clientID = clientID
      self.messageID = messageID
      self.brokerName = brokerName
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.text("consumerGroup")
      clientID = request.text(optional: "clientId")
      messageID = request.text(optional: "msgId")
      brokerName = request.text(optional: "brokerName")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("consumerGroup", consumerGroup)
      list.add("clientId", clientID)
      list.add("msgId", messageID)
      list.add("brokerName", brokerName)
      return list.fields
    }
  }
}
