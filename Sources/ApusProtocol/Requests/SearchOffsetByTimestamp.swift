/// 29 SEARCH_OFFSET_BY_TIMESTAMP: the message of a queue that was stored nearest to a moment.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/SearchOffsetRequestHeader.java
public enum SearchOffsetByTimestamp {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .searchOffsetByTimestamp }

    /// The topic.
    public var topic: String
    /// The queue.
    public var queueID: Int32
    /// The moment, milliseconds.
    public var timestamp: Int64

    /// Puts a request together.
    public init(topic: String, queueID: Int32, timestamp: Int64) {
      self.topic = topic
      self.queueID = queueID
      self.timestamp = timestamp
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      queueID = try request.int32("queueId")
      timestamp = try request.int64("timestamp")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("topic", topic),
        ReplyField("queueId", queueID),
        ReplyField("timestamp", timestamp),
      ]
    }
  }

  /// The offset.
  public typealias Response = OffsetResponse
}
