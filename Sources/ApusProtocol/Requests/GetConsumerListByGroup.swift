/// 38 GET_CONSUMER_LIST_BY_GROUP: the members of a group, who share its queues out among themselves.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerListByGroupRequestHeader.java
public enum GetConsumerListByGroup {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getConsumerListByGroup }

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
  public typealias Response = ConsumerIDList
}
