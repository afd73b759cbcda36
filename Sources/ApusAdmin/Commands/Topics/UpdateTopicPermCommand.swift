import ApusCommandLine
import ApusModel
import ApusProtocol

/// `updateTopicPerm`: changes who may do what with a topic, and leaves the rest of it.
struct UpdateTopicPermCommand: AdminCommand {
  static let description = forBrokers(
    "updateTopicPerm", "Change a topic's permission.",
    options: [
      CommonOption.topic(),
      Option("perm", "p", value: "2|4|6", required: true, help: "Permission: 2 write, 4 read, 6 both."),
    ])

  private let target: BrokerTarget
  private let topic: String
  private let permission: Permission

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    topic = try arguments.required("topic")
    permission = try arguments.permission()
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let route = try await session.client.route(of: topic)
    if case .broker(let address) = target {
      guard let group = route.brokers.first(where: { $0.masterAddress == address }) else {
        throw AdminError("no master of the topic '\(topic)' has the address \(address)")
      }
      let old = try await settings(try queues(of: group.brokerName, route), at: address, session)
      guard old.permission != permission else { return session.say("new perm equals to the old one!") }
      let changed = try await change(old, at: address, session)
      return session.say("\(changed.javaText).")
    }
    var count = 0
    try await target.each(.masters, session) { address throws(AdminError) in
      guard let group = route.brokers.first(where: { $0.masterAddress == address }) else {
        return session.warn("\(address) does not have the topic '\(topic)'")
      }
      let old = try await settings(try queues(of: group.brokerName, route), at: address, session)
      _ = try await change(old, at: address, session)
      count += 1
    }
    guard count > 0 else { throw AdminError("no master of the cluster has the topic '\(topic)'") }
  }

  private func queues(of brokerName: String, _ route: TopicRouteData) throws(AdminError) -> QueueData {
    guard let queues = route.queues.first(where: { $0.brokerName == brokerName }) else {
      throw AdminError("the route of '\(topic)' names no queues of \(brokerName)")
    }
    return queues
  }

  /// The broker's own settings of the topic: a route does not tell whether its order counts, and its permission may
  /// have been taken away at the name servers (`wipeWritePerm`).
  private func settings(
    _ queues: QueueData, at address: String, _ session: AdminSession
  ) async throws(AdminError) -> TopicConfig {
    let known = try await session.client.allTopics(at: address).topics.first { $0.name == topic }
    return known
      ?? TopicConfig(
        name: topic, readQueueCount: queues.readQueueCount, writeQueueCount: queues.writeQueueCount,
        permission: queues.permission, systemFlag: queues.systemFlag)
  }

  /// Changes the permission and leaves the other settings.
  private func change(
    _ old: TopicConfig, at address: String, _ session: AdminSession
  ) async throws(AdminError) -> TopicConfig {
    var config = old
    config.permission = permission
    try await session.client.updateTopic(config, at: address)
    session.say(
      "update topic perm from \(old.permission.rawValue) to \(permission.rawValue) in \(address) success.",
      [
        "topic": .text(topic), "broker": .text(address), "oldPerm": Cell(old.permission.rawValue),
        "perm": Cell(permission.rawValue),
      ])
    return config
  }
}
