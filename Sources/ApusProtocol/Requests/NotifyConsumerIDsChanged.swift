/// 40 NOTIFY_CONSUMER_IDS_CHANGED: a broker tells a consumer that its group has other members now; wants no answer.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/NotifyConsumerIdsChangedRequestHeader.java
public enum NotifyConsumerIDsChanged {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .notifyConsumerIDsChanged }

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
}
