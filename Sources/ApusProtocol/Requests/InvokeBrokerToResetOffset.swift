/// 222 INVOKE_BROKER_TO_RESET_OFFSET: a broker tells a group's consumers to go on at a moment.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ResetOffsetRequestHeader.java
public enum InvokeBrokerToResetOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .invokeBrokerToResetOffset }

    /// The topic.
    public var topic: String
    /// The group.
    public var group: String
    /// The moment, milliseconds; −1 for the end.
    public var timestamp: Int64
    /// Whether consumers may be moved forward too.
    public var isForce: Bool

    /// Puts a request together.
    public init(topic: String, group: String, timestamp: Int64, isForce: Bool = false) {
      self.topic = topic
      self.group = group
      self.timestamp = timestamp
      self.isForce = isForce
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      group = try request.text("group")
      timestamp = try request.int64("timestamp")
      isForce = request.bool("isForce")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("topic", topic)
      list.add("group", group)
      list.add("timestamp", timestamp)
      list.add("isForce", isForce)
      return list.fields
    }
  }

  /// The body of the answer: the offsets.
  public typealias Response = ResetOffsetBody
}
