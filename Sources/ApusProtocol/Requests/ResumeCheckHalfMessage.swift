/// 323 RESUME_CHECK_HALF_MESSAGE: a half message that was given up is to be asked about anew.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/ResumeCheckHalfMessageRequestHeader.java
public enum ResumeCheckHalfMessage {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .resumeCheckHalfMessage }

    /// The offset id of the message in TRANS_CHECK_MAX_TIME_TOPIC.
    public var messageID: String

    /// Puts a request together.
    public init(messageID: String) { self.messageID = messageID }

    /// Reads a request; refuses one whose required fields are missing.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) { messageID = try request.text("msgId") }

    /// The custom header fields.
    public var fields: [ReplyField] { [ReplyField("msgId", messageID)] }
  }
}
