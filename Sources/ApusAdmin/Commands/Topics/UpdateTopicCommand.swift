import ApusCommandLine
import ApusModel
import ApusProtocol

/// `updateTopic`: makes a topic or changes it.
struct UpdateTopicCommand: AdminCommand {
  static let description = forBrokers(
    "updateTopic", "Create a topic or change it.",
    options: [
      CommonOption.topic(),
      Option("readQueueNums", "r", value: "N", help: "Queues that may be read (8)."),
      Option("writeQueueNums", "w", value: "N", help: "Queues that are written to (8)."),
      Option("perm", "p", value: "2|4|6", help: "Permission: 2 write, 4 read, 6 both (6)."),
      Option("order", "o", value: "true|false", help: "Whether order counts over queues."),
      Option("unit", "u", value: "true|false", help: "Whether it belongs to a unit."),
      Option("hasUnitSub", "s", value: "true|false", help: "Whether units subscribe to it."),
    ])

  private let target: BrokerTarget
  private let topic: TopicConfig

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    // Nobody could send to a topic without queues, or read it: that is what the permission is for.
    let queues: ClosedRange<Int32> = 1...Int32.max
    var flags: Int32 = 0
    if try arguments.bool("unit") ?? false { flags |= TopicConfig.unitFlag }
    if try arguments.bool("hasUnitSub") ?? false { flags |= TopicConfig.unitSubscribedFlag }
    topic = TopicConfig(
      name: try arguments.required("topic"),
      readQueueCount: try arguments.integer("readQueueNums", in: queues) ?? 8,
      writeQueueCount: try arguments.integer("writeQueueNums", in: queues) ?? 8,
      permission: try arguments.has("perm") ? arguments.permission() : .readWrite,
      systemFlag: flags, isOrdered: try arguments.bool("order") ?? false)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.masters, session) { address throws(AdminError) in
      try await session.client.updateTopic(topic, at: address)
      session.say(
        "create topic to \(address) success.",
        ["topic": .text(topic.name), "broker": .text(address), "result": "created"])
    }
    if topic.isOrdered { try await setOrder(session) }
    session.say(topic.javaText)
  }

  /// An order configuration says how many queues each broker group has: of one broker it is put in beside the others',
  /// of a cluster it takes the place of what was there.
  private func setOrder(_ session: AdminSession) async throws(AdminError) {
    var order = OrderConfiguration("")
    let kind: String
    switch target {
    case .broker(let address):
      kind = "broker"
      order[try await session.client.brokerName(at: address)] = topic.writeQueueCount
      try await session.addOrder(order, of: topic.name)
    case .cluster(let name):
      kind = "cluster"
      for group in try await session.client.clusterInfo(of: name).groups(of: name) {
        order[group.brokerName] = topic.writeQueueCount
      }
      try await session.putOrder(order, of: topic.name)
    }
    session.say(
      "set \(kind) orderConf. isOrder=true, orderConf=[\(order.text)]",
      ["topic": .text(topic.name), "orderConf": .text(order.text)])
  }
}

extension Arguments {
  /// The permission that `--perm` gives a topic. Throws for a number that says neither that it may be read nor that it
  /// may be written to, or more than that.
  func permission() throws(CommandFailure) -> Permission {
    let text = try required("perm")
    let allowed: [Permission] = [.write, .read, .readWrite]
    guard let permission = allowed.first(where: { "\($0.rawValue)" == text }) else {
      throw failure("option '--perm' takes 2 (write), 4 (read) or 6 (both), not '\(text)'")
    }
    return permission
  }
}

extension TopicConfig {
  /// A topic as Java prints it.
  var javaText: String {
    "TopicConfig [topicName=\(name), readQueueNums=\(readQueueCount), writeQueueNums=\(writeQueueCount),"
      + " perm=\(permission), topicFilterType=\(filter.name), topicSysFlag=\(systemFlag), order=\(isOrdered)]"
  }
}
