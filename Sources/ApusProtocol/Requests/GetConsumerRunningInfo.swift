/// 307 GET_CONSUMER_RUNNING_INFO: how a consumer is doing; the broker passes it on to the consumer and back.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetConsumerRunningInfoRequestHeader.java
public enum GetConsumerRunningInfo {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getConsumerRunningInfo }

    /// The group.
    public var consumerGroup: String
    /// The consumer.
    public var clientID: String
    /// Whether the consumer adds the stacks of its threads.
    public var withStacks: Bool

    /// Puts a request together.
    public init(consumerGroup: String, clientID: String, withStacks: Bool = false) {
      self.consumerGroup = consumerGroup
      self.clientID = clientID
      self.withStacks = withStacks
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.text("consumerGroup")
      clientID = try request.text("clientId")
      withStacks = request.bool("jstackEnable")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("consumerGroup", consumerGroup)
      list.add("clientId", clientID)
      list.add("jstackEnable", withStacks)
      return list.fields
    }
  }
}
