/// 204 GET_PRODUCER_CONNECTION_LIST: the members of a producer group.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetProducerConnectionListRequestHeader.java
public enum GetProducerConnectionList {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getProducerConnectionList }

    /// The group.
    public var producerGroup: String

    /// Puts a request together.
    public init(producerGroup: String) {
      self.producerGroup = producerGroup
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      producerGroup = try request.text("producerGroup")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("producerGroup", producerGroup)
      ]
    }
  }

  /// The body of the answer: the members.
  public typealias Response = ProducerConnection
}
