/// 35 UNREGISTER_CLIENT: a client leaves its groups.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/UnregisterClientRequestHeader.java
public enum UnregisterClient {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .unregisterClient }

    /// The client.
    public var clientID: String
    /// The group it produced for.
    public var producerGroup: String?
    /// The group it consumed for.
    public var consumerGroup: String?

    /// Puts a request together.
    public init(clientID: String, producerGroup: String? = nil, consumerGroup: String? = nil) {
      self.clientID = clientID
      self.producerGroup = producerGroup
      self.consumerGroup = consumerGroup
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      clientID = try request.text("clientID")
      producerGroup = request.text(optional: "producerGroup")
      consumerGroup = request.text(optional: "consumerGroup")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("clientID", clientID)
      list.add("producerGroup", producerGroup)
      list.add("consumerGroup", consumerGroup)
      return list.fields
    }
  }
}
