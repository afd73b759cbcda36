import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `updateSubGroup`: makes a consumer group or changes it.
struct UpdateSubGroupCommand: AdminCommand {
  static let description = forBrokers(
    "updateSubGroup", "Create a consumer group or change it.",
    options: [
      CommonOption.group("groupName"),
      Option("consumeEnable", "s", value: "true|false", help: "Whether it may consume (true)."),
      Option(
        "consumeFromMinEnable", "m", value: "true|false", help: "Whether it begins with the oldest message (false)."),
      Option("consumeBroadcastEnable", "d", value: "true|false", help: "Whether it may broadcast (false)."),
      Option("retryQueueNums", "q", value: "N", help: "Queues of its retry topic (1)."),
      Option("retryMaxTimes", "r", value: "N", help: "How often a message is delivered again (16)."),
      Option("brokerId", "i", value: "N", help: "The member of broker groups to consume from (0)."),
      Option("whichBrokerWhenConsumeSlowly", "w", value: "N", help: "The member to consume from when slow (1)."),
      Option("notifyConsumerIdsChanged", "a", value: "true|false", help: "Whether members are told of others (true)."),
    ])

  private let target: BrokerTarget
  private let group: SubscriptionGroupConfig

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    var group = SubscriptionGroupConfig(name: try arguments.required("groupName"))
    let numbers: ClosedRange<Int32> = 0...Int32.max
    group.consumeEnabled = try arguments.bool("consumeEnable") ?? true
    group.consumeFromMinEnabled = try arguments.bool("consumeFromMinEnable") ?? false
    group.consumeBroadcastEnabled = try arguments.bool("consumeBroadcastEnable") ?? false
    group.retryQueueCount = try arguments.integer("retryQueueNums", in: numbers) ?? group.retryQueueCount
    group.retryMaxTimes = try arguments.integer("retryMaxTimes", in: -1...Int32.max) ?? group.retryMaxTimes
    group.brokerID = try arguments.integer("brokerId", in: 0...Int64.max) ?? group.brokerID
    group.whichBrokerWhenConsumeSlowly =
      try arguments.integer("whichBrokerWhenConsumeSlowly", in: 0...Int64.max) ?? group.whichBrokerWhenConsumeSlowly
    group.notifyConsumerIDsChangedEnabled = try arguments.bool("notifyConsumerIdsChanged") ?? true
    self.group = group
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.masters, session) { address throws(AdminError) in
      try await session.client.updateGroup(group, at: address)
      session.say(
        "create subscription group to \(address) success.",
        ["group": .text(group.name), "broker": .text(address), "result": "created"])
    }
    session.say(group.javaText)
  }
}

extension SubscriptionGroupConfig {
  /// The settings by Java's names, in the order in which Java declares them.
  var javaFields: [(name: String, value: String)] {
    [
      ("groupName", name), ("consumeEnable", "\(consumeEnabled)"), ("consumeFromMinEnable", "\(consumeFromMinEnabled)"),
      ("consumeBroadcastEnable", "\(consumeBroadcastEnabled)"), ("retryQueueNums", "\(retryQueueCount)"),
      ("retryMaxTimes", "\(retryMaxTimes)"), ("brokerId", "\(brokerID)"),
      ("whichBrokerWhenConsumeSlowly", "\(whichBrokerWhenConsumeSlowly)"),
      ("notifyConsumerIdsChangedEnable", "\(notifyConsumerIDsChangedEnabled)"),
    ]
  }

  /// A group as Java prints it.
  var javaText: String {
    "SubscriptionGroupConfig [\(javaFields.map { "\($0.name)=\($0.value)" }.joined(separator: ", "))]"
  }
}

/// `deleteSubGroup`: removes a consumer group, and from a cluster its retries and dead letters too.
struct DeleteSubGroupCommand: AdminCommand {
  static let description = forBrokers(
    "deleteSubGroup", "Delete a consumer group.",
    details: "Of a cluster, the topics of the group's retries and dead letters are deleted too.",
    options: [
      CommonOption.group("groupName"),
      Option("removeOffset", "r", value: "true|false", help: "Whether its offsets go too (false)."),
    ], destroys: "delete the consumer group")

  private let target: BrokerTarget
  private let group: String
  private let removesOffsets: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    group = try arguments.required("groupName")
    removesOffsets = try arguments.bool("removeOffset") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    var what = "delete the consumer group '\(group)'"
    if case .cluster = target { what += ", its retries and its dead letters" }
    try session.confirm(what)
    var isKnown = false
    let (masters, failure) = try await target.addresses(.masters, session)
    try await session.each(masters) { address throws(AdminError) in
      let hadGroup = try await session.client.groups(at: address).groups.contains { $0.name == group }
      try await session.client.deleteGroup(group, removingOffsets: removesOffsets, at: address)
      guard hadGroup else { return session.warn("\(address) does not know the consumer group '\(group)'") }
      isKnown = true
      var place = "from broker [\(address)]"
      if case .cluster(let name) = target { place += " in cluster [\(name)]" }
      session.say(
        "delete subscription group [\(group)] \(place) success.",
        ["group": .text(group), "broker": .text(address), "result": "deleted"])
    }
    if case .cluster(let name) = target {
      do throws(AdminError) {
        try await deleteTopics(cluster: name, session)
      } catch {
        throw failure ?? error
      }
    }
    // Offsets may have been left when the group was deleted without them.
    guard isKnown || removesOffsets else { throw AdminError("no broker knows the consumer group '\(group)'") }
  }

  /// Deletes the topics of the group's retries and dead letters.
  private func deleteTopics(cluster: String, _ session: AdminSession) async throws(AdminError) {
    var failures: [String] = []
    for topic in [SystemTopics.retryTopic(of: group), SystemTopics.deadLetterTopic(of: group)] {
      do throws(AdminError) {
        try await DeleteTopicCommand.delete(topic, cluster: cluster, session)
      } catch {
        session.warn("\(topic): \(error)")
        failures.append(topic)
      }
    }
    guard failures.isEmpty else {
      throw AdminError("the group is deleted, but not \(failures.joined(separator: " and ")); deleteTopic deletes it")
    }
  }
}

/// `getConsumerConfig`: the settings of a consumer group at every broker group.
struct GetConsumerConfigCommand: AdminCommand {
  static let description = admin(
    "getConsumerConfig", "Show the settings of a consumer group.", options: [CommonOption.group("groupName")])

  static let lines = Table("%-40s=  %s", [.init("", "key"), .init("", "value")], hasHead: false)

  private let group: String

  init(_ arguments: Arguments) throws(CommandFailure) { group = try arguments.required("groupName") }

  func run(_ session: AdminSession) async throws(AdminError) {
    let clusters = try await session.client.clusterInfo()
    let brokers = clusters.brokers.values.sorted { $0.brokerName < $1.brokerName }
    var isKnown = false
    try await session.each(brokers.compactMap(\.preferredAddress)) { address throws(AdminError) in
      let known = try await session.client.groups(at: address).groups
      guard let config = known.first(where: { $0.name == group }) else { return }
      isKnown = true
      show(config, of: try clusters.brokerName(at: address), clusters, session)
    }
    guard isKnown else { throw AdminError("no broker knows the consumer group '\(group)'") }
  }

  private func show(
    _ config: SubscriptionGroupConfig, of brokerName: String, _ clusters: ClusterInfo, _ session: AdminSession
  ) {
    guard !session.isJSON else {
      return session.say("", ["brokerName": .text(brokerName), "config": .value(config.json, shown: "")])
    }
    let rule = String(repeating: "=", count: 29)
    session.say("\(rule)\(clusters.cluster(of: brokerName)):\(brokerName)\(rule)")
    session.show(Self.lines, config.javaFields.map { [.text($0.name), .text($0.value)] })
  }
}
