public import ApusModel

/// The codes of one role that administer it: they are accepted from where ``ApusModel/AdminAccess`` allows and
/// refused with code 16 elsewhere. Java accepts them from anyone who can connect.
public struct AdministeringCodes: Hashable, Sendable {
  /// The codes.
  public var codes: Set<RequestCode>

  /// Lists codes.
  public init(_ codes: Set<RequestCode>) { self.codes = codes }

  /// What the name server asks for: changes of its settings and routes, and its settings, which name paths of the
  /// machine.
  public static let nameServer = AdministeringCodes([
    .putKVConfig, .deleteKVConfig, .wipeWritePermOfBroker, .addWritePermOfBroker, .deleteTopicInNamesrv,
    .updateNamesrvConfig,
    .getNamesrvConfig,
  ])

  /// What the broker asks for: changes of topics, groups, settings and offsets, and its settings, which name paths of
  /// the machine.
  public static let broker = AdministeringCodes([
    .updateAndCreateTopic, .deleteTopicInBroker, .updateBrokerConfig, .getBrokerConfig,
    .updateAndCreateSubscriptionGroup, .deleteSubscriptionGroup, .updateAndCreateACLConfig, .deleteACLConfig,
    .updateGlobalWhiteAddrsConfig, .invokeBrokerToResetOffset, .cloneGroupOffset, .cleanExpiredConsumeQueue,
    .cleanUnusedTopic, .deleteExpiredCommitLog, .resumeCheckHalfMessage, .consumeMessageDirectly,
  ])

  /// Refuses a request that administers and comes from elsewhere.
  public func check(_ code: RequestCode, from peer: HostAddress, _ access: AdminAccess) throws(Refusal) {
    guard codes.contains(code), !access.allows(peer) else { return }
    throw Refusal(
      .noPermission,
      "request \(code.rawValue) administers and is accepted from this machine and from the networks of setting "
        + "\(AdminAccess.settingName) only; \(peer.host) is neither")
  }
}
