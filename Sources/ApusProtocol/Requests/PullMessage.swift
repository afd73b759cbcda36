public import ApusBase

/// What a pull wants besides messages: its `sysFlag`.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/sysflag/PullSysFlag.java
public struct PullFlags: OptionSet, Hashable, Sendable {
  /// The bits on the wire; unknown ones are kept.
  public var rawValue: Int32

  /// Wraps bits from the wire.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// 1: store the offset that the request carries.
  @inlinable public static var commitOffset: PullFlags { PullFlags(rawValue: 1) }
  /// 2: wait when there is nothing yet.
  @inlinable public static var suspend: PullFlags { PullFlags(rawValue: 2) }
  /// 4: the request carries the subscription itself.
  @inlinable public static var subscription: PullFlags { PullFlags(rawValue: 4) }
  /// 8: the relic of filter classes.
  @inlinable public static var filterClass: PullFlags { PullFlags(rawValue: 8) }
  /// 16: from a light pull consumer.
  @inlinable public static var litePull: PullFlags { PullFlags(rawValue: 16) }
}

/// 11 PULL_MESSAGE: take messages from a queue, and wait for some when there are none.
///
/// | Field | Type | Required |
/// |---|---|---|
/// | consumerGroup, topic | text | yes |
/// | queueId | i32 | yes |
/// | queueOffset | i64 | yes |
/// | maxMsgNums, sysFlag | i32 | yes |
/// | commitOffset, suspendTimeoutMillis, subVersion | i64 | yes |
/// | subscription, expressionType, bname | text | no |
///
/// The answer's body holds the records one after another, as the log does.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/PullMessageRequestHeader.java
public enum PullMessage {
  /// A request viewed in its frame.
  public struct Request: ~Escapable {
    /// Who pulls.
    public let consumerGroup: RawSpan
    /// From which topic.
    public let topic: RawSpan
    /// From which queue.
    public let queueID: Int32
    /// From which message on.
    public let queueOffset: QueueOffset
    /// How many messages at most.
    public let maxMessages: Int32
    /// What else it wants.
    public let flags: PullFlags
    /// The offset to store with ``PullFlags/commitOffset``.
    public let commitOffset: QueueOffset
    /// How long to wait with ``PullFlags/suspend``, in milliseconds.
    public let suspendTimeoutMillis: Int64
    /// The expression with ``PullFlags/subscription``.
    public let subscription: RawSpan?
    /// The version of the group's subscription that the client goes by.
    public let subscriptionVersion: Int64
    /// The language of the expression; nil for tags.
    public let expressionType: RawSpan?
    /// The broker group the client means; nil for clients that do not say.
    public let brokerName: RawSpan?

    /// Reads a request.
    @_lifetime(copy request)
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      consumerGroup = try request.required("consumerGroup")
      topic = try request.required("topic")
      queueID = try request.int32("queueId")
      queueOffset = QueueOffset(try request.int64("queueOffset"))
      maxMessages = try request.int32("maxMsgNums")
      flags = PullFlags(rawValue: try request.int32("sysFlag"))
      commitOffset = QueueOffset(try request.int64("commitOffset"))
      suspendTimeoutMillis = try request.int64("suspendTimeoutMillis")
      subscription = request.field("subscription")
      subscriptionVersion = try request.int64("subVersion")
      expressionType = request.field("expressionType")
      brokerName = request.field("bname")
    }

    /// Puts a request together.
    @_lifetime(copy consumerGroup, copy topic, copy subscription)
    public init(
      consumerGroup: RawSpan, topic: RawSpan, queueID: Int32, queueOffset: QueueOffset, maxMessages: Int32,
      flags: PullFlags, commitOffset: QueueOffset = .zero, suspendTimeoutMillis: Int64 = 15_000,
      subscription: RawSpan? = nil, subscriptionVersion: Int64 = 0
    ) {
      self.consumerGroup = consumerGroup
      self.topic = topic
      self.queueID = queueID
      self.queueOffset = queueOffset
      self.maxMessages = maxMessages
      self.flags = flags
      self.commitOffset = commitOffset
      self.suspendTimeoutMillis = suspendTimeoutMillis
      self.subscription = subscription
      self.subscriptionVersion = subscriptionVersion
      self.expressionType = nil
      self.brokerName = nil
    }

    /// Appends the request's frame.
    public func encode(id: RequestID, type: HeaderType = .json, into output: inout ByteWriter) {
      var writer = RequestWriter.begin(.pullMessage, id: id, type: type, into: &output)
      writer.field("consumerGroup", consumerGroup, into: &output)
      writer.field("topic", topic, into: &output)
      writer.field("queueId", queueID, into: &output)
      writer.field("queueOffset", queueOffset.rawValue, into: &output)
      writer.field("maxMsgNums", maxMessages, into: &output)
      writer.field("sysFlag", flags.rawValue, into: &output)
      writer.field("commitOffset", commitOffset.rawValue, into: &output)
      writer.field("suspendTimeoutMillis", suspendTimeoutMillis, into: &output)
      if let subscription { writer.field("subscription", subscription, into: &output) }
      writer.field("subVersion", subscriptionVersion, into: &output)
      if let expressionType {
        writer.field("expressionType", expressionType, into: &output)
      } else {
        writer.field("expressionType", "TAG" as StaticString, into: &output)
      }
      if let brokerName { writer.field("bname", brokerName, into: &output) }
      writer.finish(into: &output)
    }
  }

  /// Where to go on.
  ///
  /// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/PullMessageResponseHeader.java
  public struct Response: Hashable, Sendable {
    /// The broker id to pull from next; 0 for the master.
    public var suggestedBrokerID: Int64
    /// The offset to pull from next.
    public var nextOffset: QueueOffset
    /// The offset of the oldest message.
    public var minOffset: QueueOffset
    /// The offset after the newest message.
    public var maxOffset: QueueOffset

    /// Tells where to go on.
    public init(
      suggestedBrokerID: Int64, nextOffset: QueueOffset, minOffset: QueueOffset, maxOffset: QueueOffset
    ) {
      self.suggestedBrokerID = suggestedBrokerID
      self.nextOffset = nextOffset
      self.minOffset = minOffset
      self.maxOffset = maxOffset
    }

    /// Reads an answer.
    public init(_ response: borrowing ApusProtocol.Response) throws(DecodeError) {
      suggestedBrokerID = try response.number("suggestWhichBrokerId")
      nextOffset = QueueOffset(try response.number("nextBeginOffset", Int64.self))
      minOffset = QueueOffset(try response.number("minOffset", Int64.self))
      maxOffset = QueueOffset(try response.number("maxOffset", Int64.self))
    }

    /// Appends the answer's fields.
    public func write(_ writer: inout CommandWriter, into output: inout ByteWriter) {
      writer.field("suggestWhichBrokerId", suggestedBrokerID, into: &output)
      writer.field("nextBeginOffset", nextOffset.rawValue, into: &output)
      writer.field("maxOffset", maxOffset.rawValue, into: &output)
      writer.field("minOffset", minOffset.rawValue, into: &output)
    }
  }
}
