import ApusModel

/// What a file says of one account.
package struct AccountEntry: Sendable, CustomStringConvertible, CustomReflectable {
  /// What files and requests call it.
  package let accessKey: String
  /// Where it stands in the file, counted from 1.
  package let line: Int
  let secretKey: String
  let isAdmin: Bool
  let addresses: AddressPattern
  let topicDefault: AccessPermission
  let groupDefault: AccessPermission
  let topics: [(String, AccessPermission)]
  let groups: [(String, AccessPermission)]

  init(_ node: YAMLNode) throws(YAMLError) {
    line = node.line
    guard case .mapping(let entries) = node.content else {
      throw YAMLError(line: line, reason: "an account must have keys and values")
    }
    accessKey = try Self.text(entries["accessKey"], "accessKey", line) ?? ""
    secretKey = try Self.text(entries["secretKey"], "secretKey", line) ?? ""
    guard accessKey.utf16.count > AccessFile.shortestKey, secretKey.utf16.count > AccessFile.shortestKey else {
      throw YAMLError(
        line: line,
        reason: "The accessKey=\(accessKey) and its secretKey cannot be null and length should longer than 6")
    }
    addresses = try Self.pattern(
      Self.text(entries["whiteRemoteAddress"], "whiteRemoteAddress", line) ?? "",
      line: entries["whiteRemoteAddress"]?.line ?? line)
    isAdmin = try Self.flag(entries["admin"], "admin", line)
    topicDefault = try Self.permission(entries["defaultTopicPerm"], "defaultTopicPerm", line)
    groupDefault = try Self.permission(entries["defaultGroupPerm"], "defaultGroupPerm", line)
    topics = try Self.permissions(entries["topicPerms"], "topicPerms")
    groups = try Self.permissions(entries["groupPerms"], "groupPerms")
  }

  /// The account, and nothing of its secret.
  package var description: String { "AccountEntry(\(accessKey))" }
  /// The account, and nothing of its secret.
  package var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }

  static func pattern(_ text: String, line: Int) throws(YAMLError) -> AddressPattern {
    do throws(AddressPatternError) {
      return try AddressPattern(text)
    } catch {
      throw YAMLError(line: line, reason: "\(error)")
    }
  }

  private static func text(_ node: YAMLNode?, _ name: String, _ line: Int) throws(YAMLError) -> String? {
    guard let node, !node.isNull else { return nil }
    guard let text = node.text else { throw YAMLError(line: node.line, reason: "\(name) must be a text") }
    return text
  }

  private static func flag(_ node: YAMLNode?, _ name: String, _ line: Int) throws(YAMLError) -> Bool {
    guard let text = try text(node, name, line) else { return false }
    switch text.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off", "": return false
    default: throw YAMLError(line: node?.line ?? line, reason: "\(name) must be true or false")
    }
  }

  private static func permission(
    _ node: YAMLNode?, _ name: String, _ line: Int
  ) throws(YAMLError) -> AccessPermission {
    guard let text = try text(node, name, line), !text.isEmpty else { return .deny }
    guard let permission = AccessPermission(text) else {
      throw YAMLError(line: node?.line ?? line, reason: "\(name) must be DENY, PUB, SUB or PUB|SUB")
    }
    return permission
  }

  /// `name=PERMISSION` of each element.
  private static func permissions(
    _ node: YAMLNode?, _ name: String
  ) throws(YAMLError) -> [(String, AccessPermission)] {
    var permissions: [(String, AccessPermission)] = []
    for (element, text) in try AccessFile.texts(node, name) {
      let parts = text.split(separator: "=")
      guard parts.count == 2, let permission = AccessPermission(parts[1]), !parts[0].trimmingSpaces.isEmpty else {
        throw YAMLError(
          line: element.line,
          reason: "\(text.prefix(200)) of \(name) must be NAME=DENY, NAME=PUB, NAME=SUB or NAME=PUB|SUB")
      }
      permissions.append((parts[0].trimmingSpaces, permission))
    }
    return permissions
  }
}

/// What request 50 changes of an account; what is nil or empty stays as it is.
package struct AccountChange: Sendable, CustomStringConvertible, CustomReflectable {
  /// Which account.
  package let accessKey: String
  private let secretKey: String?
  private let address: String?
  private let isAdmin: Bool?
  private let topicDefault: String?
  private let groupDefault: String?
  private let topics: [String]
  private let groups: [String]

  /// Takes over what was asked for.
  package init(
    accessKey: String, secretKey: String? = nil, whiteRemoteAddress: String? = nil, isAdmin: Bool? = nil,
    defaultTopicPermission: String? = nil, defaultGroupPermission: String? = nil, topicPermissions: [String] = [],
    groupPermissions: [String] = []
  ) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.address = whiteRemoteAddress
    self.isAdmin = isAdmin
    self.topicDefault = defaultTopicPermission
    self.groupDefault = defaultGroupPermission
    self.topics = topicPermissions
    self.groups = groupPermissions
  }

  /// The account's members as they are after the change.
  func applied(to entries: [YAMLEntry]) -> [YAMLEntry] {
    var entries = entries
    if entries["accessKey"] == nil { entries["accessKey"] = .text(accessKey) }
    let texts = [
      ("secretKey", secretKey), ("whiteRemoteAddress", address), ("defaultTopicPerm", topicDefault),
      ("defaultGroupPerm", groupDefault),
    ]
    for (name, text) in texts {
      if let text, !text.isEmpty { entries[name] = .text(text) }
      if name == "whiteRemoteAddress", let isAdmin { entries["admin"] = .flag(isAdmin) }
    }
    if !topics.isEmpty { entries["topicPerms"] = .list(topics) }
    if !groups.isEmpty { entries["groupPerms"] = .list(groups) }
    return entries
  }

  /// The account, and nothing of its secret.
  package var description: String { "AccountChange(\(accessKey))" }
  /// The account, and nothing of its secret.
  package var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }
}
