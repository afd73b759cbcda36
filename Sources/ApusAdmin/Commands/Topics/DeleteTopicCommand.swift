import ApusCommandLine
import ApusProtocol

/// `deleteTopic`: removes a topic from the brokers of a cluster and from the name servers.
struct DeleteTopicCommand: AdminCommand {
  static let description = admin(
    "deleteTopic", "Delete a topic from a cluster and from the name servers.",
    options: [
      CommonOption.topic(), Option("clusterName", "c", value: "CLUSTER", required: true, help: "The cluster."),
    ], destroys: "delete the topic with all its messages")

  private let topic: String
  private let cluster: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    cluster = try arguments.required("clusterName")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("delete the topic '\(topic)' of cluster '\(cluster)' with all its messages")
    guard try await isKnown(session.client) else {
      throw AdminError("no broker of the cluster '\(cluster)' has the topic '\(topic)'")
    }
    try await Self.delete(topic, cluster: cluster, session)
  }

  /// Whether there is anything to delete: a route at a name server, or the topic at a master, which need not have
  /// registered it. A server that does not answer may have it.
  private func isKnown(_ client: AdminClient) async throws(AdminError) -> Bool {
    let groups = try await client.clusterInfo(of: cluster).groups(of: cluster)
    for server in client.nameServers {
      do throws(AdminError) {
        if try await client.route(of: topic, atNameServer: server).brokers.contains(where: { $0.cluster == cluster }) {
          return true
        }
      } catch {
        guard error.code == .topicNotExist else { return true }
      }
    }
    for master in groups.compactMap(\.masterAddress) {
      do throws(AdminError) {
        _ = try await client.topicStats(of: topic, at: master)
        return true
      } catch {
        guard error.code == .topicNotExist else { return true }
      }
    }
    return false
  }

  /// Removes a topic from all masters of a cluster and then its routes from all name servers. A broker group whose
  /// master is away keeps the topic, and registers it again with its master: that is thrown at the end.
  static func delete(_ topic: String, cluster: String, _ session: AdminSession) async throws(AdminError) {
    let (masters, failure) = try await BrokerTarget.cluster(cluster).addresses(.masters, session)
    try await session.each(masters) { address throws(AdminError) in
      try await session.client.deleteTopic(topic, at: address)
    }
    if failure == nil {
      session.say(
        "delete topic [\(topic)] from cluster [\(cluster)] success.",
        ["topic": .text(topic), "cluster": .text(cluster), "result": "deleted"])
    }
    try await session.each(session.client.nameServers) { server throws(AdminError) in
      try await session.client.deleteRoutes(of: topic, cluster: cluster, atNameServer: server)
    }
    session.say("delete topic [\(topic)] from NameServer success.")
    if let failure { throw failure }
  }
}
