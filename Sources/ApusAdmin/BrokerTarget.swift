import ApusCommandLine
import ApusProtocol

/// The brokers that a command is for: one, or those of a cluster.
enum BrokerTarget: Hashable, Sendable {
  case broker(String)
  case cluster(String)

  /// Which members of a cluster's broker groups.
  enum Members: Hashable, Sendable {
    /// The masters only.
    case masters
    /// The masters and their replicas.
    case all

    /// What one of them is called.
    var noun: String { self == .masters ? "master" : "broker" }
  }

  /// `-b` and `-c` of most commands; `clusterOption` is the long name of the second.
  static func options(cluster clusterOption: String = "clusterName") -> [Option] {
    [
      Option("brokerAddr", "b", value: "HOST:PORT", help: "The broker."),
      Option(clusterOption, "c", value: "CLUSTER", help: "All brokers of this cluster instead."),
    ]
  }

  /// The names of both, as the choice of a command.
  static let choices = ["brokerAddr", "clusterName"]

  /// Reads the two options; the broker counts when both are given, as in Java. Nil when neither is.
  init?(_ arguments: Arguments, cluster clusterOption: String = "clusterName") throws(CommandFailure) {
    if arguments.has("brokerAddr") {
      self = .broker(try arguments.required("brokerAddr"))
    } else if arguments.has(clusterOption) {
      self = .cluster(try arguments.required(clusterOption))
    } else {
      return nil
    }
  }

  /// Reads the two options of a command that has them as its choice.
  init(required arguments: Arguments) throws(CommandFailure) {
    guard let target = try BrokerTarget(arguments) else { throw arguments.failure("say which broker or cluster") }
    self = target
  }

  /// The brokers' addresses. Of a cluster, a broker group that has no such member is named on standard error, and in
  /// `failure`, which whoever has done his work at the others throws afterwards. Throws when no broker is left.
  func addresses(
    _ members: Members, _ session: AdminSession
  ) async throws(AdminError) -> (found: [String], failure: AdminError?) {
    switch self {
    case .broker(let address): return ([address], nil)
    case .cluster(let name): return try await session.client.clusterInfo(of: name).addresses(of: name, members, session)
    }
  }

  /// Does something at the brokers, one after the other; one that fails, or a broker group without such a member, does
  /// not keep the others from their turn.
  func each(
    _ members: Members, _ session: AdminSession, _ work: (String) async throws(AdminError) -> Void
  ) async throws(AdminError) {
    let (addresses, failure) = try await self.addresses(members, session)
    try await session.each(addresses, work)
    if let failure { throw failure }
  }
}

extension AdminCommand {
  /// Describes a command for one broker or the brokers of a cluster: `-b` and `-c` come first, and one of them must be
  /// given.
  static func forBrokers(
    _ name: String, _ summary: String, details: String = "", options: [Option] = [], destroys: String? = nil
  ) -> CommandDescription {
    admin(
      name, summary, details: details, options: BrokerTarget.options() + options, choices: BrokerTarget.choices,
      destroys: destroys)
  }
}

extension ClusterInfo {
  /// The addresses of a cluster's brokers. A broker group that has no such member is named on standard error, and in
  /// `failure`; throws when no broker is left.
  func addresses(
    of cluster: String, _ members: BrokerTarget.Members, _ session: AdminSession
  ) throws(AdminError) -> (found: [String], failure: AdminError?) {
    let (found, missing) = try addresses(of: cluster, members)
    return (found, session.passOver(missing, without: members.noun))
  }

  /// The addresses of a cluster's brokers, and the names of its broker groups that have no such member. Throws when
  /// none has.
  func addresses(
    of cluster: String, _ members: BrokerTarget.Members
  ) throws(AdminError) -> (found: [String], missing: [String]) {
    var found: [String] = []
    var missing: [String] = []
    for group in try groups(of: cluster) {
      let addresses = members == .all ? group.sortedAddresses : [group.masterAddress].compactMap { $0 }
      found += addresses
      if addresses.isEmpty { missing.append(group.brokerName) }
    }
    guard !found.isEmpty else {
      throw AdminError("no \(members.noun) of the cluster '\(cluster)' has registered with this name server")
    }
    return (found, missing)
  }
}
