import ApusBase
package import ApusModel
package import ApusProtocol
package import ApusSigning

/// Everything that the access control files of a broker say at one moment. Immutable: a change makes a new list.
package final class AccessList: Sendable {
  private let globalAddresses: [AddressPattern]
  private let accounts: ByteKeyedTable<Account>
  /// What was passed over, one sentence each.
  package let warnings: [String]

  /// Joins files. An account that several files have is the first one's, as by Java.
  package init(_ files: [AccessFile]) {
    globalAddresses = files.flatMap(\.globalAddresses).filter { !$0.isEmpty }
    var accounts = ByteKeyedTable<Account>()
    var places: [String: String] = [:]
    var warnings: [String] = []
    for file in files {
      for entry in file.accounts {
        if let place = places[entry.accessKey] {
          warnings.append("account \(entry.accessKey) of \(file.path):\(entry.line) has no effect: it is in \(place)")
          continue
        }
        places[entry.accessKey] = "\(file.path):\(entry.line)"
        accounts.update(Account(entry), forKey: entry.accessKey)
      }
    }
    self.accounts = accounts
    self.warnings = warnings
  }

  /// How many accounts there are.
  package var count: Int { accounts.count }

  /// Lets a request through, or throws how it is refused. To be called before its handler, with the loop's own memory.
  ///
  /// In this order, as Java does it: global addresses; the account; its addresses; the signature; sends to the trace
  /// topic; what the code asks for.
  package func check(
    _ request: borrowing Request, from peer: HostAddress, _ content: inout SignedContent
  ) throws(Refusal) -> AccessGrant {
    for pattern in globalAddresses where pattern.matches(peer) { return .unlimited }
    guard let accessKey = request.field("AccessKey") else { throw AccessDenial.noAccessKey.refusal }
    guard let account = accounts[accessKey] else { throw AccessDenial.unknown(accessKey: accessKey.text).refusal }
    if account.addresses.matches(peer) { return .unlimited }
    guard content.isSigned(request, with: account.key) else {
      throw AccessDenial.wrongSignature(accessKey: account.accessKey).refusal
    }
    switch AccessRule.rule(of: request.code) {
    case .signed: break
    case .admin:
      guard account.isAdmin else {
        throw AccessDenial.needsAdmin(code: request.code, accessKey: account.accessKey).refusal
      }
    case .resources(let needs), .storedMessage(_, let needs):
      for need in needs { try Self.require(need, of: request, account) }
    case .heartbeat: try Self.checkHeartbeat(request.body, account)
    case .queueLocks: try Self.checkLocks(request.body, account)
    case .clientCheck: try Self.checkClient(request.body, account)
    }
    return AccessGrant(account)
  }

  @inline(__always)
  private static func require(
    _ need: AccessNeed, of request: borrowing Request, _ account: Account
  ) throws(Refusal) {
    guard let name = request.field(need.name) else { return }
    switch need.resource {
    case .topic:
      if need.permission == .publish, name.equals("RMQ_SYS_TRACE_TOPIC") { return }
      try account.require(need.permission, topic: name)
    case .group: try account.require(need.permission, group: name)
    }
  }

  private static func checkHeartbeat(_ body: RawSpan, _ account: Account) throws(Refusal) {
    for consumer in try read(HeartbeatData.self, body).consumers {
      try account.require(.subscribe, group: consumer.group)
      for subscription in consumer.subscriptions { try account.require(.subscribe, topic: subscription.topic) }
    }
  }

  private static func checkLocks(_ body: RawSpan, _ account: Account) throws(Refusal) {
    let wish = try read(LockRequestBody.self, body)
    try account.require(.subscribe, group: wish.group)
    for queue in wish.queues { try account.require(.subscribe, topic: queue.topic) }
  }

  private static func checkClient(_ body: RawSpan, _ account: Account) throws(Refusal) {
    guard body.byteCount > 0 else { return }
    let check = try read(CheckClientConfig.self, body)
    if let group = check.group { try account.require(.subscribe, group: group) }
    if let subscription = check.subscription { try account.require(.subscribe, topic: subscription.topic) }
  }

  private static func read<Body: JSONBody>(_ type: Body.Type, _ body: RawSpan) throws(Refusal) -> Body {
    do throws(DecodeError) {
      return try Body(bytes: body)
    } catch {
      throw Refusal(.systemError, "the body cannot be read: \(error)")
    }
  }
}

/// What the sender of a request may do besides what was checked when it came: asked by handlers whose resources stand
/// in what they find.
package struct AccessGrant: Hashable, Sendable {
  /// Nil for a sender without limits.
  private let account: Account?

  /// A sender without limits: one of a listed address, or of a broker without access control.
  package static let unlimited = AccessGrant(nil)

  init(_ account: Account?) { self.account = account }

  /// The account; nil for a sender without limits.
  package var accessKey: String? { account?.accessKey }

  /// Throws unless the sender may do this with a topic.
  package func requires(_ permission: AccessPermission, topic: RawSpan) throws(Refusal) {
    try account?.require(permission, topic: topic)
  }

  /// Whether both are grants of the same account.
  package static func == (first: AccessGrant, second: AccessGrant) -> Bool { first.account === second.account }

  /// Hashes the account's identity.
  package func hash(into hasher: inout Hasher) { hasher.combine(account.map { ObjectIdentifier($0) }) }
}
