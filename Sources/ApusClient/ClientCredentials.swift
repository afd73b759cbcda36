import ApusSigning

/// An account of brokers that control access (`aclEnable`). Every request is signed with its secret, which itself is
/// never sent, and which no description shows.
public struct ClientCredentials: Sendable, CustomStringConvertible, CustomReflectable {
  /// The account (`accessKey`).
  public let accessKey: String
  /// A token of a security service, passed on as it is; nil for none.
  public let securityToken: String?
  let secretKey: String

  /// Names an account. What the brokers do not know is refused by them, with ``ClientError/Code/noPermission``.
  public init(accessKey: String, secretKey: String, securityToken: String? = nil) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.securityToken = securityToken
  }

  /// The account, and nothing of its secret.
  public var description: String { "ClientCredentials(\(accessKey))" }
  /// The account, and nothing of its secret.
  public var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}

extension Credentials {
  /// Makes an account's keys ready for signing.
  init(_ credentials: ClientCredentials) {
    self.init(
      accessKey: credentials.accessKey, secretKey: credentials.secretKey, securityToken: credentials.securityToken)
  }
}
