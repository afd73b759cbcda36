/// 100 PUT_KV_CONFIG: set a text of the name server's key-value configuration.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/PutKVConfigRequestHeader.java
public enum PutKVConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .putKVConfig }

    /// The namespace.
    public var namespace: String
    /// The key.
    public var key: String
    /// The text.
    public var value: String

    /// Puts a request together.
    public init(namespace: String, key: String, value: String) {
      self.namespace = namespace
      self.key = key
      self.value = value
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      namespace = try request.text("namespace")
      key = try request.text("key")
      value = try request.text("value")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("namespace", namespace),
        ReplyField("key", key),
        ReplyField("value", value),
      ]
    }
  }
}
