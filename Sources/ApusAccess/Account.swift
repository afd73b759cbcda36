import ApusBase
import ApusModel
package import ApusProtocol
import ApusSigning

/// One account of the access control files: who may do what.
///
/// An object, so that a request that is answered on another thread can keep it. Immutable; accounts that change are
/// made anew. Its secret is kept as a ``SignatureKey`` only.
package final class Account: Sendable {
  /// What files and requests call it.
  package let accessKey: String
  /// Whether it may send requests that administer.
  package let isAdmin: Bool
  /// What it signs with.
  let key: SignatureKey
  /// From where it needs no signature and has no limits.
  let addresses: AddressPattern
  private let topicDefault: AccessPermission
  private let groupDefault: AccessPermission
  private let topics: ByteKeyedTable<AccessPermission>
  private let groups: ByteKeyedTable<AccessPermission>
  /// An account that administers and lists no resources may use all of them.
  private let hasNoLimits: Bool

  /// Takes over what a file says.
  init(_ entry: AccountEntry) {
    accessKey = entry.accessKey
    isAdmin = entry.isAdmin
    key = SignatureKey(secret: entry.secretKey)
    addresses = entry.addresses
    topicDefault = entry.topicDefault
    groupDefault = entry.groupDefault
    var topics = ByteKeyedTable<AccessPermission>()
    var groups = ByteKeyedTable<AccessPermission>()
    for (name, permission) in entry.topics {
      // A retry topic stands for its group, wherever it is listed.
      if name.hasPrefix(SystemTopics.retryPrefix) {
        groups.update(permission, forKey: String(name.dropFirst(SystemTopics.retryPrefix.count)))
      } else {
        topics.update(permission, forKey: name)
      }
    }
    for (name, permission) in entry.groups { groups.update(permission, forKey: name) }
    self.topics = topics
    self.groups = groups
    hasNoLimits = isAdmin && topics.isEmpty && groups.isEmpty
  }

  /// Throws unless the account may do this with a topic. A group's retry topic is the group's: whoever may consume for
  /// the group may send to it and pull from it.
  package func require(_ needed: AccessPermission, topic: RawSpan) throws(Refusal) {
    if topic.starts(with: "%RETRY%") {
      return try require(.subscribe, group: topic.extracting(SystemTopics.retryPrefix.utf8.count..<topic.byteCount))
    }
    guard hasNoLimits || (topics[topic] ?? unlisted(topic)).grants(needed) else {
      throw AccessDenial.noTopicPermission(topic.text).refusal
    }
  }

  /// What counts for a topic that the account does not list. Where messages of all topics wait or lie that were given
  /// up, the account's default would open topics that it denies by name.
  private func unlisted(_ topic: RawSpan) -> AccessPermission {
    SystemTopics.holdsOthersMessages(topic) ? .deny : topicDefault
  }

  /// Throws unless the account may do this with a group.
  package func require(_ needed: AccessPermission, group: RawSpan) throws(Refusal) {
    guard hasNoLimits || (groups[group] ?? groupDefault).grants(needed) else {
      throw AccessDenial.noGroupPermission(group.text).refusal
    }
  }

  /// Throws unless the account may do this with a topic.
  package func require(_ needed: AccessPermission, topic: String) throws(Refusal) {
    try unsafe require(needed, topic: topic.utf8Span.span.bytes)
  }

  /// Throws unless the account may do this with a group.
  package func require(_ needed: AccessPermission, group: String) throws(Refusal) {
    try unsafe require(needed, group: group.utf8Span.span.bytes)
  }
}

/// Why a request is not let through, in Java's words.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/plain/PlainPermissionManager.java.
/// Deviation: Java adds the place in its source.
package enum AccessDenial: Hashable, Sendable {
  /// The request names no account.
  case noAccessKey
  /// No file knows the account.
  case unknown(accessKey: String)
  /// The signature is missing or wrong.
  case wrongSignature(accessKey: String)
  /// The account does not administer.
  case needsAdmin(code: RequestCode, accessKey: String)
  /// The account may not do this with a topic.
  case noTopicPermission(String)
  /// The account may not do this with a group.
  case noGroupPermission(String)

  /// What the client is told. Code 1, as by Java.
  package var refusal: Refusal {
    let text =
      switch self {
      case .noAccessKey: "No accessKey is configured"
      case .unknown(let accessKey): "No acl config for \(accessKey)"
      case .wrongSignature(let accessKey): "Check signature failed for accessKey=\(accessKey)"
      case .needsAdmin(let code, let accessKey):
        "Need admin permission for request code=\(code.rawValue), but accessKey=\(accessKey) is not"
      case .noTopicPermission(let topic): "No default permission for topic:\(topic)"
      case .noGroupPermission(let group): "No default permission for group:\(group)"
      }
    return Refusal(.systemError, "org.apache.rocketmq.acl.common.AclException: \(text)")
  }
}
