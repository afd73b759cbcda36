import ApusCommandLine
import ApusProtocol

/// A broker's housekeeping done at once: at one broker, at those of a cluster, or at all.
struct Cleaning: Hashable, Sendable {
  let target: BrokerTarget?

  static let options = BrokerTarget.options(cluster: "cluster")

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(arguments, cluster: "cluster")
  }

  /// Whom it is for, as the question before it says.
  var place: String {
    switch target {
    case .broker(let address): "at the broker \(address)"
    case .cluster(let name): "at all brokers of the cluster \(name)"
    case nil: "at all brokers of all clusters"
    }
  }

  /// Does it at one broker after the other.
  func run(
    _ session: AdminSession, _ work: (AdminClient, String) async throws(AdminError) -> Void
  ) async throws(AdminError) {
    let addresses: [String]
    if let target {
      addresses = try await target.addresses(.all, session).found
    } else {
      addresses = try await session.client.clusterInfo().brokers.sorted { $0.key < $1.key }
        .flatMap { $0.value.sortedAddresses }
    }
    try await session.each(addresses) { address throws(AdminError) in
      try await work(session.client, address)
      if session.isJSON { session.say("", ["broker": .text(address), "result": "success"]) }
    }
    session.say("success")
  }
}

/// `cleanExpiredCQ`: removes queue files whose messages are gone.
struct CleanExpiredCQCommand: AdminCommand {
  static let description = admin(
    "cleanExpiredCQ", "Remove consume queues whose messages are gone from the log.", options: Cleaning.options,
    destroys: "remove queue files whose messages are gone from the log")

  private let cleaning: Cleaning

  init(_ arguments: Arguments) throws(CommandFailure) { cleaning = try Cleaning(arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("remove the consume queues \(cleaning.place) whose messages are gone from the log")
    try await cleaning.run(session) { client, address throws(AdminError) in
      try await client.cleanExpiredConsumeQueues(at: address)
    }
  }
}

/// `cleanUnusedTopic`: removes the queue files of topics that were deleted.
struct CleanUnusedTopicCommand: AdminCommand {
  static let description = admin(
    "cleanUnusedTopic", "Remove the queue files of topics that were deleted.", options: Cleaning.options,
    destroys: "remove the queue files of deleted topics")

  private let cleaning: Cleaning

  init(_ arguments: Arguments) throws(CommandFailure) { cleaning = try Cleaning(arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("remove the queue files of deleted topics \(cleaning.place)")
    try await cleaning.run(session) { client, address throws(AdminError) in
      try await client.cleanUnusedTopics(at: address)
    }
  }
}

/// `deleteExpiredCommitLog`: removes log files that are older than the broker keeps them.
struct DeleteExpiredCommitLogCommand: AdminCommand {
  static let description = admin(
    "deleteExpiredCommitLog", "Remove log files that are past their time.", options: Cleaning.options,
    destroys: "remove log files that are older than fileReservedTime")

  private let cleaning: Cleaning

  init(_ arguments: Arguments) throws(CommandFailure) { cleaning = try Cleaning(arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("remove the log files \(cleaning.place) that are older than fileReservedTime")
    try await cleaning.run(session) { client, address throws(AdminError) in
      try await client.deleteExpiredLog(at: address)
    }
  }
}
