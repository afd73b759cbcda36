/// 203 GET_CONSUMER_CONNECTION_LIST: the members of a consumer group; 206 when none is online.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerConnectionListRequestHeader.java
public enum GetConsumerConnectionList {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getConsumerConnectionList }

    /// The group.
    public var consumerGroup: String

    /// Puts a request together.
    public init(consumerGroup: String) {
      self.consumerGroup = consumerGroup
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.text("consumerGroup")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("consumerGroup", consumerGroup)
      ]
    }
  }

  /// The body of the answer: the members.
  public typealias Response = ConsumerConnection
}
