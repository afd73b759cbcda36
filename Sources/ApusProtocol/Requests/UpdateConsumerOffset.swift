public import ApusBase

/// 15 UPDATE_CONSUMER_OFFSET: a group has consumed a queue up to an offset; usually wants no answer.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/UpdateConsumerOffsetRequestHeader.java
public enum UpdateConsumerOffset {
  /// A request viewed in its frame.
  public struct Request: ~Escapable {
    /// The group.
    public let consumerGroup: RawSpan
    /// The topic.
    public let topic: RawSpan
    /// The queue.
    public let queueID: Int32
    /// The next offset to consume.
    public let commitOffset: QueueOffset

    /// Reads a request.
    @_lifetime(copy request)
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.required("consumerGroup")
      topic = try request.required("topic")
      queueID = try request.int32("queueId")
      commitOffset = QueueOffset(try request.int64("commitOffset"))
    }

    /// Appends the request's frame.
    public func encode(
      id: RequestID, oneway: Bool = true, type: HeaderType = .json, into output: inout ByteWriter
    ) {
      var writer = RequestWriter.begin(.updateConsumerOffset, id: id, oneway: oneway, type: type, into: &output)
      writer.field("consumerGroup", consumerGroup, into: &output)
      writer.field("topic", topic, into: &output)
      writer.field("queueId", queueID, into: &output)
      writer.field("commitOffset", commitOffset.rawValue, into: &output)
      writer.finish(into: &output)
    }
  }
}
