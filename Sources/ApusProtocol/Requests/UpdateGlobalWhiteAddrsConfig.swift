/// 53 UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: replace the addresses that need no account.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/UpdateGlobalWhiteAddrsConfigRequestHeader.java
public enum UpdateGlobalWhiteAddrsConfig {
  /// The request.
  public struct Request: OutgoingRequest {
    /// The request's code.
    public static var code: RequestCode { .updateGlobalWhiteAddrsConfig }

    /// The addresses, separated by commas.
    public var addresses: String
    /// Which file; nil for the usual one.
    public var path: String?

    /// Puts a request together.
    public init(addresses: String, path: String? = nil) {
      self.addresses = addresses
      self.path = path
    }

    /// Reads a request; refuses one whose required fields are missing or wrong.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) {
      addresses = try request.text("globalWhiteAddrs")
      path = request.text(optional: "aclFileFullPath")
    }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("globalWhiteAddrs", addresses)
      list.add("aclFileFullPath", path)
      return list.fields
    }
  }
}
