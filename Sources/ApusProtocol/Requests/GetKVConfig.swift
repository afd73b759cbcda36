public import ApusBase

/// 101 GET_KV_CONFIG: a text of the name server's key-value configuration; 22 for none.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/GetKVConfigRequestHeader.java
public enum GetKVConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getKVConfig }

    /// The namespace.
    public var namespace: String
    /// The key.
    public var key: String

    /// Puts a request together.
    public init(namespace: String, key: String) {
      self.namespace = namespace
      self.key = key
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      namespace = try request.text("namespace")
      key = try request.text("key")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("namespace", namespace),
        ReplyField("key", key),
      ]
    }
  }

  /// The fields of the answer.
  public struct Response: Hashable, Sendable {
    /// The text.
    public var value: String?

    /// Puts an answer together.
    public init(value: String?) {
      self.value = value
    }

    /// Reads an answer.
    public init(_ command: Command) throws(DecodeError) {
      value = command["value"]
    }

    /// The answer, still without a body.
    public var reply: Reply {
      var list = FieldList()
      list.add("value", value)
      return Reply(fields: list.fields)
    }
  }
}
