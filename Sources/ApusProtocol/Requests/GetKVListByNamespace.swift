/// 219 GET_KVLIST_BY_NAMESPACE: all texts of a namespace of the key-value configuration; 22 for none.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/namesrv/GetKVListByNamespaceRequestHeader.java
public enum GetKVListByNamespace {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .getKVListByNamespace }

    /// The namespace.
    public var namespace: String

    /// Puts a request together.
    public init(namespace: String) {
      self.namespace = namespace
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      namespace = try request.text("namespace")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      [
        ReplyField("namespace", namespace)
      ]
    }
  }

  /// The body of the answer: the texts by key.
  public typealias Response = KVTable
}
