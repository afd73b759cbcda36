public import ApusBase

/// 12 QUERY_MESSAGE: messages of a topic by key, from the index; 22 when there are none.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryMessageRequestHeader.java
public enum QueryMessage {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .queryMessage }

    /// The topic.
    public var topic: String
    /// The key or unique id.
    public var key: String
    /// How many messages at most.
    public var maxCount: Int32
    /// Stored not before, milliseconds.
    public var beginTime: Int64
    /// Stored not after, milliseconds.
    public var endTime: Int64
    /// Whether the key is a unique id.
    public var isUniqueKey: Bool

    /// Puts a request together.
    public init(
      topic: String, key: String, maxCount: Int32, beginTime: Int64, endTime: Int64, isUniqueKey: Bool = false
    ) {
      self.topic = topic
      self.key = key
      self.maxCount = maxCount
      self.beginTime = beginTime
      self.endTime = endTime
      self.isUniqueKey = isUniqueKey
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      topic = try request.text("topic")
      key = try request.text("key")
      maxCount = try request.int32("maxNum")
      beginTime = try request.int64("beginTimestamp")
      endTime = try request.int64("endTimestamp")
      isUniqueKey = request.bool("_UNIQUE_KEY_QUERY")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("topic", topic),
        ReplyField("key", key),
        ReplyField("maxNum", maxCount),
        ReplyField("beginTimestamp", beginTime),
        ReplyField("endTimestamp", endTime),
        ReplyField("_UNIQUE_KEY_QUERY", isUniqueKey),
      ]
    }
  }

  /// The fields of the answer.
  public struct Response: Hashable, Sendable {
    /// When the index last grew, milliseconds; 0 when nothing was found.
    public var lastUpdateTime: Int64
    /// Up to where the log is indexed; 0 when nothing was found.
    public var lastUpdateOffset: Int64

    /// Puts an answer together.
    public init(lastUpdateTime: Int64, lastUpdateOffset: Int64) {
      self.lastUpdateTime = lastUpdateTime
      self.lastUpdateOffset = lastUpdateOffset
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      lastUpdateTime = try command.number("indexLastUpdateTimestamp")
      lastUpdateOffset = try command.number("indexLastUpdatePhyoffset")
    }

    /// The answer, still without a body.
    public var reply: Reply {
      Reply(fields: [
        ReplyField("indexLastUpdateTimestamp", lastUpdateTime),
        ReplyField("indexLastUpdatePhyoffset", lastUpdateOffset),
      ])
    }
  }
}
