import ApusCommandLine
import ApusProtocol

/// `topicClusterList`: the clusters that a topic lies in.
struct TopicClusterListCommand: AdminCommand {
  static let description = admin(
    "topicClusterList", "List the clusters of a topic.", options: [CommonOption.topic()])

  private let topic: String

  init(_ arguments: Arguments) throws(CommandFailure) { topic = try arguments.required("topic") }

  func run(_ session: AdminSession) async throws(AdminError) {
    let clusters = try await session.client.clusterInfo()
    let names = try await session.client.route(of: topic).brokers.map { clusters.cluster(of: $0.brokerName) }
    for name in Set(names).sorted() where !name.isEmpty { session.say(name, ["cluster": .text(name)]) }
  }
}
