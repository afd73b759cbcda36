/// 31 GET_MIN_OFFSET: the offset of the oldest message of a queue.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetMinOffsetRequestHeader.java
public enum GetMinOffset {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getMinOffset }

    /// The topic.
    public var topic: String
    /// The queue.
    public var queueID: Int32

    /// Puts a request together.
    public init(topic: String, queueID: Int32) {
      self.topic = topic
      self.queueID = queueID
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      queueID = try request.int32("queueId")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("topic", topic),
        ReplyField("queueId", queueID),
      ]
    }
  }

  /// The offset.
  public typealias Response = OffsetResponse
}
