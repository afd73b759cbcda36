/// 50 UPDATE_AND_CREATE_ACL_CONFIG: make an account of access control or change it. What is nil or empty stays as it
/// is.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/header/CreateAccessConfigRequestHeader.java
public enum UpdateAndCreateACLConfig {
  /// The request. It prints nothing of the secret.
  public struct Request: OutgoingRequest, CustomStringConvertible, CustomReflectable {
    /// The request's code.
    public static var code: RequestCode { .updateAndCreateACLConfig }

    /// The account.
    public var accessKey: String
    /// What it signs with.
    public var secretKey: String?
    /// From where it needs no signature.
    public var whiteRemoteAddress: String?
    /// Whether it may administer; nil leaves that as it is.
    public var isAdmin: Bool?
    /// What it may do with topics that are not listed.
    public var defaultTopicPermission: String?
    /// What it may do with groups that are not listed.
    public var defaultGroupPermission: String?
    /// `topic=PERMISSION` each.
    public var topicPermissions: [String]
    /// `group=PERMISSION` each.
    public var groupPermissions: [String]

    /// Puts a request together.
    public init(
      accessKey: String, secretKey: String? = nil, whiteRemoteAddress: String? = nil, isAdmin: Bool? = nil,
      defaultTopicPermission: String? = nil, defaultGroupPermission: String? = nil, topicPermissions: [String] = [],
      groupPermissions: [String] = []
    ) {
      self.accessKey = accessKey
      self.secretKey = secretKey
      self.whiteRemoteAddress = whiteRemoteAddress
      self.isAdmin = isAdmin
      self.defaultTopicPermission = defaultTopicPermission
      self.defaultGroupPermission = defaultGroupPermission
      self.topicPermissions = topicPermissions
      self.groupPermissions = groupPermissions
    }

    /// Reads a request; refuses one that names no account.
    public init(_ request: borrowing ApusProtocol.Request) throws(Refusal) { try self.init(Command(copying: request)) }

    /// Reads a request; refuses one that names no account.
    public init(_ command: Command) throws(Refusal) {
      guard let accessKey = command["accessKey"] else {
        throw Refusal(.updateAndCreateACLConfigFailed, "the field accessKey is missing")
      }
      self.init(
        accessKey: accessKey, secretKey: command["secretKey"], whiteRemoteAddress: command["whiteRemoteAddress"],
        isAdmin: command["admin"].map { $0.lowercased() == "true" },
        defaultTopicPermission: command["defaultTopicPerm"], defaultGroupPermission: command["defaultGroupPerm"],
        topicPermissions: Self.list(command["topicPerms"]), groupPermissions: Self.list(command["groupPerms"]))
    }

    private static func list(_ text: String?) -> [String] { text?.split(separator: ",").map { String($0) } ?? [] }

    /// The custom header fields.
    public var fields: [ReplyField] {
      var list = FieldList()
      list.add("accessKey", accessKey)
      list.add("secretKey", secretKey)
      list.add("whiteRemoteAddress", whiteRemoteAddress)
      list.add("admin", isAdmin)
      list.add("defaultTopicPerm", defaultTopicPermission)
      list.add("defaultGroupPerm", defaultGroupPermission)
      list.add("topicPerms", topicPermissions.isEmpty ? nil : topicPermissions.joined(separator: ","))
      list.add("groupPerms", groupPermissions.isEmpty ? nil : groupPermissions.joined(separator: ","))
      return list.fields
    }

    /// The account, and nothing of its secret.
    public var description: String { "UpdateAndCreateACLConfig.Request(\(accessKey))" }
    /// The account, and nothing of its secret.
    public var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
  }
}
