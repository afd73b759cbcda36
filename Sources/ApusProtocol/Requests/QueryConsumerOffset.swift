public import ApusBase

/// 14 QUERY_CONSUMER_OFFSET: up to where a group has consumed a queue; 22 when nothing is known.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/QueryConsumerOffsetRequestHeader.java
public enum QueryConsumerOffset {
  /// A request viewed in its frame.
  public struct Request: ~Escapable {
    /// The group.
    public let consumerGroup: RawSpan
    /// The topic.
    public let topic: RawSpan
    /// The queue.
    public let queueID: Int32

    /// Reads a request.
    @_lifetime(copy request)
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.required("consumerGroup")
      topic = try request.required("topic")
      queueID = try request.int32("queueId")
    }

    /// Appends the request's frame.
    public func encode(id: RequestID, type: HeaderType = .json, into output: inout ByteWriter) {
      var writer = RequestWriter.begin(.queryConsumerOffset, id: id, type: type, into: &output)
      writer.field("consumerGroup", consumerGroup, into: &output)
      writer.field("topic", topic, into: &output)
      writer.field("queueId", queueID, into: &output)
      writer.finish(into: &output)
    }
  }

  /// The committed offset.
  public typealias Response = OffsetResponse
}

/// An answer that is one offset.
public struct OffsetResponse: Hashable, Sendable {
  /// The offset.
  public var offset: QueueOffset

  /// Tells an offset.
  public init(_ offset: QueueOffset) { self.offset = offset }

  /// Reads an answer.
  public init(_ command: Command) throws(DecodeError) {
    offset = QueueOffset(try command.number("offset", Int64.self))
  }

  /// The answer.
  public var reply: Reply { Reply(fields: [ReplyField("offset", offset.rawValue)]) }
}
