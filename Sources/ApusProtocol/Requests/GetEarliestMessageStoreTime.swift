public import ApusBase

/// 32 GET_EARLIEST_MSG_STORETIME: when the oldest message of a queue was stored.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/GetEarliestMsgStoretimeRequestHeader.java
public enum GetEarliestMessageStoreTime {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getEarliestMessageStoreTime }

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

  /// The fields of the answer.
  public struct Response: Hashable, Sendable {
    /// The moment, milliseconds; -1 for none.
    public var timestamp: Int64

    /// Puts an answer together.
    public init(timestamp: Int64) {
      self.timestamp = timestamp
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      timestamp = try command.number("timestamp")
    }

    /// The answer, still without a body.
    public var reply: Reply {
      Reply(fields: [ReplyField("timestamp", timestamp)])
    }
  }
}
