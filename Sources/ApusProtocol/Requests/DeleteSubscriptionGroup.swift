/// 207 DELETE_SUBSCRIPTIONGROUP: remove a consumer group.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/DeleteSubscriptionGroupRequestHeader.java
public enum DeleteSubscriptionGroup {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .deleteSubscriptionGroup }

    /// The group.
    public var groupName: String
    /// Whether its offsets go too.
    public var removesOffsets: Bool

    /// Puts a request together.
    public init(groupName: String, removesOffsets: Bool = false) {
      self.groupName = groupName
      self.removesOffsets = removesOffsets
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      groupName = try request.text("groupName")
      removesOffsets = request.bool("removeOffset")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("groupName", groupName),
        ReplyField("removeOffset", removesOffsets),
      ]
    }
  }
}
