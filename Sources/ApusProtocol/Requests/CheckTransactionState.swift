/// 39 CHECK_TRANSACTION_STATE: a broker asks a producer what became of a half message; wants no answer, as the producer
/// sends END_TRANSACTION. The body is the half message as a record of its real topic and queue.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/CheckTransactionStateRequestHeader.java
public enum CheckTransactionState {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .checkTransactionState }

    /// The half message's place in its queue.
    public var queueOffset: Int64
    /// The half message's place in the log.
    public var offset: Int64
    /// The producer's message id, which is the id of the transaction too; nil when the message has none.
    public var uniqueKey: String?
    /// The id that the broker gave the half message.
    public var offsetMessageID: String
    /// The record.
    public var body: [UInt8]

    /// Puts a request together.
    public init(queueOffset: Int64, offset: Int64, uniqueKey: String?, offsetMessageID: String, body: [UInt8]) {
      self.queueOffset = queueOffset
      self.offset = offset
      self.uniqueKey = uniqueKey
      self.offsetMessageID = offsetMessageID
      self.body = body
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("commitLogOffset", offset)
      list.add("msgId", uniqueKey)
      list.add("tranStateTableOffset", queueOffset)
      list.add("offsetMsgId", offsetMessageID)
      list.add("transactionId", uniqueKey)
      return list.fields
    }
  }
}
