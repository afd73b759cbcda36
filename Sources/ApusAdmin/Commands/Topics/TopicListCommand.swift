import ApusCommandLine
import ApusModel
import ApusProtocol

/// `topicList`: the topics that brokers have registered, with `-c` their clusters and groups.
struct TopicListCommand: AdminCommand {
  static let description = admin(
    "topicList", "List all topics that the name server knows.",
    options: [Option("clusterModel", "c", help: "Show clusters and consumer groups too.")])

  static let table = Table(
    "%-20.20s  %-64.64s  %-64.64s", head: "%-20s  %-48s  %-48s",
    [.init("#Cluster Name", "cluster"), .init("#Topic", "topic"), .init("#Consumer Group", "group")])

  private let showsGroups: Bool

  init(_ arguments: Arguments) { showsGroups = arguments.has("clusterModel") }

  func run(_ session: AdminSession) async throws(AdminError) {
    let topics = try await session.client.topics().topics
    guard showsGroups else {
      for topic in topics { session.say(topic, ["topic": .text(topic)]) }
      return
    }
    let clusters = try await session.client.clusterInfo()
    session.begin(Self.table)
    var incomplete: [String] = []
    for topic in topics where !SystemTopics.isOfGroup(topic) {
      let (cluster, groups, isComplete) = await place(of: topic, clusters, session)
      for group in groups.isEmpty ? [""] : groups {
        session.row(Self.table, [.text(cluster), .text(topic), .text(group)])
      }
      if !isComplete { incomplete.append(topic) }
    }
    if !incomplete.isEmpty { throw AdminError(incomplete: incomplete) }
  }

  /// A topic that cannot be asked about is listed all the same: it may just be going, or, when no server answers, it is
  /// not known completely.
  private func place(
    of topic: String, _ clusters: ClusterInfo, _ session: AdminSession
  ) async -> (cluster: String, groups: [String], isComplete: Bool) {
    var cluster = ""
    do throws(AdminError) {
      let route = try await session.client.route(of: topic)
      cluster = route.brokers.first.map { clusters.cluster(of: $0.brokerName) } ?? ""
      return (cluster, try await session.client.groups(consuming: topic, route), true)
    } catch {
      session.warn("\(topic): \(error)")
      return (cluster, [], error.code != nil)
    }
  }
}

extension SystemTopics {
  /// Whether a topic holds the retries or the dead letters of a group.
  static func isOfGroup(_ topic: String) -> Bool {
    topic.hasPrefix(retryPrefix) || topic.hasPrefix(deadLetterPrefix)
  }
}
