/// 33 VIEW_MESSAGE_BY_ID: one message by its place in the log. The answer's body is the record.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ViewMessageRequestHeader.java
public enum ViewMessageByID {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .viewMessageByID }

    /// The place in the log.
    public var offset: Int64

    /// Puts a request together.
    public init(offset: Int64) {
      self.offset = offset
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      offset = try request.int64("offset")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("offset", offset)
      ]
    }
  }
}
