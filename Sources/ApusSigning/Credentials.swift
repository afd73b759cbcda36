import ApusBase
package import ApusProtocol

/// Who a client says it is, and what it signs its requests with.
///
///     let credentials = Credentials(accessKey: "orders", secretKey: "…")
///     let fields = credentials.signed(fields, body: body)
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/common/AclClientRPCHook.java
package struct Credentials: Sendable, CustomStringConvertible, CustomReflectable {
  /// The header fields.
  package static let accessKeyField = "AccessKey"
  /// The signature: of everything but itself.
  package static let signatureField = "Signature"
  /// A token of a security service, signed with the rest.
  package static let securityTokenField = "SecurityToken"

  /// The account.
  package let accessKey: String
  /// Passed on as it is; nil for none.
  package let securityToken: String?
  let key: SignatureKey

  /// Prepares an account's keys.
  package init(accessKey: String, secretKey: String, securityToken: String? = nil) {
    self.accessKey = accessKey
    self.securityToken = securityToken
    key = SignatureKey(secret: secretKey)
  }

  /// The fields of a request with those that sign it, in place of ones of these names that were there.
  package func signed(_ fields: [ReplyField], body: [UInt8] = []) -> [ReplyField] {
    let own = [Self.accessKeyField, Self.signatureField, Self.securityTokenField]
    var result = fields.filter { !own.contains($0.name) }
    result.append(ReplyField(Self.accessKeyField, accessKey))
    if let securityToken { result.append(ReplyField(Self.securityTokenField, securityToken)) }
    result.append(ReplyField(Self.signatureField, signature(of: result, body: body).text))
    return result
  }

  /// The signature of fields, the account's own among them, and a body.
  package func signature(of fields: [ReplyField], body: [UInt8] = []) -> Signature {
    var last: [String: String] = [:]
    for field in fields where field.name != Self.signatureField { last[field.name] = field.value }
    let sorted = last.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
    var signing = Signing(key)
    for (_, value) in sorted { unsafe signing.feed(value.utf8Span.span.bytes) }
    signing.feed(body.rawSpan)
    return signing.end()
  }

  /// The account, and nothing of its secret.
  package var description: String { "Credentials(\(accessKey))" }
  /// The account, and nothing of its secret.
  package var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
