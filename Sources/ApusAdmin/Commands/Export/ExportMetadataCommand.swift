import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol
import ApusSystem

/// `exportMetadata`: the topics and groups of a broker or of a cluster's masters, as a JSON file.
struct ExportMetadataCommand: AdminCommand {
  static let description = admin(
    "exportMetadata", "Write topics and groups to a file.",
    options: [
      Option("clusterName", "c", value: "CLUSTER", help: "Of all masters of this cluster, taken together."),
      Option("brokerAddr", "b", value: "HOST:PORT", help: "Of this broker."), ExportFile.option,
      Option("topic", "t", help: "Only topics."), Option("subscriptionGroup", "g", help: "Only groups."),
      Option("specialTopic", "s", help: "With the topics of retries and dead letters."),
    ], choices: BrokerTarget.choices)

  private let target: BrokerTarget
  private let file: ExportFile
  private let hasTopics: Bool
  private let hasGroups: Bool
  private let withGroupTopics: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    file = ExportFile(arguments)
    // Topics count when both are asked for, as in Java.
    hasTopics = arguments.has("topic") || !arguments.has("subscriptionGroup")
    hasGroups = !arguments.has("topic")
    withGroupTopics = arguments.has("specialTopic")
    if arguments.has("brokerAddr"), hasTopics, hasGroups {
      throw arguments.failure("of one broker, say what to export: --topic or --subscriptionGroup")
    }
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    if case .broker(let address) = target {
      if hasTopics {
        let topics = try await session.client.userTopics(at: address, withGroupTopics: withGroupTopics)
        return try file.write(topics.json, name: "topic.json", session)
      }
      return try file.write(
        try await session.client.userGroups(at: address).json, name: "subscriptionGroup.json", session)
    }
    let (masters, withoutMaster) = try await target.addresses(.masters, session)
    let (parts, failure) = await session.gather(from: masters) { address throws(AdminError) -> Metadata in
      Metadata(
        topics: try await session.client.userTopics(at: address, withGroupTopics: withGroupTopics),
        groups: try await session.client.userGroups(at: address))
    }
    if parts.isEmpty, let failure { throw failure }
    let (topics, groups) = Metadata.merged(parts)
    var members = [JSONMember("exportTime", .integer(SystemClock.wall().milliseconds))]
    if hasGroups {
      let table = groups.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }
      members.append(JSONMember("subscriptionGroupTable", .object(table)))
    }
    if hasTopics {
      let table = topics.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }
      members.append(JSONMember("topicConfigTable", .object(table)))
    }
    let name = hasTopics && hasGroups ? "metadata.json" : hasTopics ? "topic.json" : "subscriptionGroup.json"
    try file.write(.object(members), name: name, failure: failure ?? withoutMaster, session)
  }
}

/// The topics and groups of a broker.
private struct Metadata: Hashable, Sendable {
  var topics: TopicTable
  var groups: SubscriptionGroupTable

  /// Those of several brokers by name. As in Java the numbers of queues are added up; of the rest the last one counts.
  static func merged(
    _ parts: [Metadata]
  ) -> (topics: [String: TopicConfig], groups: [String: SubscriptionGroupConfig]) {
    var (topics, groups): ([String: TopicConfig], [String: SubscriptionGroupConfig]) = ([:], [:])
    for part in parts {
      for var topic in part.topics.topics {
        if let known = topics[topic.name] {
          topic.readQueueCount = topic.readQueueCount.clampedAdding(known.readQueueCount)
          topic.writeQueueCount = topic.writeQueueCount.clampedAdding(known.writeQueueCount)
        }
        topics[topic.name] = topic
      }
      for var group in part.groups.groups {
        if let known = groups[group.name] {
          group.retryQueueCount = group.retryQueueCount.clampedAdding(known.retryQueueCount)
        }
        groups[group.name] = group
      }
    }
    return (topics, groups)
  }
}

extension AdminClient {
  /// The topics of a broker that are not the system's; those of retries and dead letters only when asked for.
  func userTopics(at broker: String, withGroupTopics: Bool) async throws(AdminError) -> TopicTable {
    let system = Set(try await systemTopics(at: broker).topics)
    var table = try await allTopics(at: broker)
    table.topics.removeAll {
      system.contains($0.name) || SystemTopics.contains($0.name)
        || (!withGroupTopics && SystemTopics.isOfGroup($0.name))
    }
    return table
  }

  /// The consumer groups of a broker that are not the system's.
  func userGroups(at broker: String) async throws(AdminError) -> SubscriptionGroupTable {
    var table = try await groups(at: broker)
    table.groups.removeAll { SystemGroups.contains($0.name) }
    return table
  }
}

extension SystemGroups {
  /// Whether a group belongs to the system.
  static func contains(_ group: String) -> Bool {
    let names = [
      defaultConsumer, defaultProducer, toolsConsumer, filterServerConsumer, selfTestConsumer, selfTestProducer,
      scheduleConsumer, monitorConsumer, clientInnerProducer, transactionConsumer,
    ]
    return group.hasPrefix(systemPrefix) || names.contains(group) || cloud.contains(group)
  }
}
