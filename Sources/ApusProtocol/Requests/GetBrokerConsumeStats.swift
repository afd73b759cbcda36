/// 317 GET_BROKER_CONSUME_STATS: how far every consumer group has come.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumeStatsInBrokerHeader.java
public enum GetBrokerConsumeStats {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getBrokerConsumeStats }

    /// Whether ordered topics count only.
    public var isOrder: Bool

    /// Puts a request together.
    public init(isOrder: Bool = false) {
      self.isOrder = isOrder
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      isOrder = request.bool("isOrder")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("isOrder", isOrder)
      return list.fields
    }
  }

  /// The body of the answer: the groups.
  public typealias Response = ConsumeStatsList
}
