import ApusBase

/// 37 END_TRANSACTION: a producer commits or rolls back a half message, at the end of its local transaction or when it
/// was asked. Clients send it oneway.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/EndTransactionRequestHeader.java
public enum EndTransaction {
  /// `commitOrRollback`: what becomes of the half message; the values are those of the system flag.
  public enum Resolution: Int32, Hashable, Sendable {
    /// It stays as it is.
    case unknown = 0
    /// It is delivered.
    case commit = 8
    /// It is dropped.
    case rollback = 12
  }

  /// A request viewed in its frame.
  public struct Request: ~Escapable {
    /// The group of the producer, which must be the one that sent the half message.
    public let producerGroup: RawSpan
    /// The half message's place in its queue.
    public let queueOffset: Int64
    /// The half message's place in the log.
    public let offset: Int64
    /// `commitOrRollback` as sent; other values than those of ``Resolution`` change nothing.
    public let resolution: Int32
    /// Whether the producer answers a question of the broker.
    public let isAnswer: Bool
    /// `msgId`: the message's unique key, or the id of its place where it has none; nil when it is not sent.
    public let messageID: RawSpan?
    /// `transactionId`: the message's unique key; nil when it is not sent.
    public let transactionID: RawSpan?

    /// Reads a request. Java insists on `msgId` and on `fromTransactionCheck`, which are not needed here.
    @_lifetime(copy request)
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      producerGroup = try request.required("producerGroup")
      queueOffset = try request.int64("tranStateTableOffset")
      offset = try request.int64("commitLogOffset")
      resolution = try request.int32("commitOrRollback")
      isAnswer = request.bool("fromTransactionCheck")
      messageID = request.field("msgId")
      transactionID = request.field("transactionId")
    }
  }
}
