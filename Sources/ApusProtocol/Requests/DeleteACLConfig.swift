/// 51 DELETE_ACL_CONFIG: remove an account of access control.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/DeleteAccessConfigRequestHeader.java
public enum DeleteACLConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .deleteACLConfig }

    /// The account.
    public var accessKey: String

    /// Puts a request together.
    public init(accessKey: String) { self.accessKey = accessKey }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) { accessKey = try request.text("accessKey") }

    /// The custom header fields.
    public var fields: [ReplyField] { [ReplyField("accessKey", accessKey)] }
  }
}
