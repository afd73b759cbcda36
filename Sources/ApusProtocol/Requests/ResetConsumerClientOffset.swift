import ApusBase

/// 220 RESET_CONSUMER_CLIENT_OFFSET: a broker tells a consumer where to go on; wants no answer.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ResetOffsetRequestHeader.java
public enum ResetConsumerClientOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .resetConsumerClientOffset }

    /// The topic.
    public var topic: String
    /// The group.
    public var group: String
    /// The moment that was asked for, milliseconds; −1 for the end.
    public var timestamp: Int64
    /// Java's brokers always say false.
    public var isForce: Bool
    /// Where to go on, in one of two forms: ``ResetOffsetBody``.
    public var body: [UInt8]

    /// Puts a request together.
    public init(topic: String, group: String, timestamp: Int64, isForce: Bool = false, body: [UInt8]) {
      self.topic = topic
      self.group = group
      self.timestamp = timestamp
      self.isForce = isForce
      self.body = body
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      group = try request.text("group")
      timestamp = try request.int64("timestamp")
      isForce = request.bool("isForce")
      body = request.body.array
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("topic", topic), ReplyField("group", group), ReplyField("timestamp", timestamp),
        ReplyField("isForce", isForce),
      ]
    }
  }
}
