import ApusBase
import ApusCommandLine
import ApusProtocol

/// `consumerConnection`: who a consumer group's members are and what they want.
struct ConsumerConnectionCommand: AdminCommand {
  static let description = admin(
    "consumerConnection", "Show the members of a consumer group and its subscriptions.",
    options: [
      CommonOption.group(), Option("brokerAddr", "b", value: "HOST:PORT", help: "Ask this broker."),
    ])

  static let members = Table(
    "%-36s %-22s %-10s %s",
    [
      .init("#ClientId", "clientId"), .init("#ClientAddr", "clientAddr"), .init("#Language", "language"),
      .init("#Version", "version"),
    ])
  static let subscriptions = Table(
    "%-20s %s", [.init("#Topic", "topic"), .init("#SubExpression", "subExpression")])

  private let group: String
  private let broker: String?

  init(_ arguments: Arguments) throws(CommandFailure) {
    group = try arguments.required("consumerGroup")
    broker = arguments.trimmed("brokerAddr")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let found = try await session.client.consumers(of: group, broker: broker)
    session.show(Self.members, found.connections.map(\.cells))
    session.say("\nBelow is subscription:")
    session.show(Self.subscriptions, found.subscriptions.map { [.text($0.topic), .text($0.expression)] })
    session.say("")
    if session.isJSON {
      session.say(
        "",
        [
          "consumeType": .text(found.consumeType.rawValue), "messageModel": .text(found.messageModel.rawValue),
          "consumeFromWhere": .text(found.consumeFromWhere.rawValue),
        ])
    }
    session.say("ConsumeType: \(found.consumeType.rawValue)")
    session.say("MessageModel: \(found.messageModel.rawValue)")
    session.say("ConsumeFromWhere: \(found.consumeFromWhere.rawValue)")
  }
}

extension ClientConnection {
  /// Id, address, language and version.
  var cells: [Cell] {
    [.text(clientID), .text(address), .text(language.description), .text(VersionName.name(of: version))]
  }
}

/// `producerConnection`: who a producer group's members are.
struct ProducerConnectionCommand: AdminCommand {
  static let description = admin(
    "producerConnection", "Show the members of a producer group.",
    options: [
      Option("producerGroup", "g", value: "GROUP", required: true, help: "The producer group."),
      CommonOption.topic("A topic that it sends to."),
    ])

  static let members = Table(
    "%s  %-32s %-22s %-8s %s",
    [
      .init("", nil), .init("", "clientId"), .init("", "clientAddr"), .init("", "language"), .init("", "version"),
    ], hasHead: false)

  private let group: String
  private let topic: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    group = try arguments.required("producerGroup")
    topic = try arguments.required("topic")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let route = try await session.client.route(of: topic)
    let answer = try await session.client.firstAnswer(of: route.brokers) { address throws(AdminError) in
      try await session.client.producers(of: group, at: address)
    }
    guard let found = answer else { throw AdminError("the topic '\(topic)' has no broker") }
    for (index, connection) in found.connections.enumerated() {
      session.row(Self.members, [.text(zeroed(index + 1, 4))] + connection.cells)
    }
  }
}

/// `producer`: all producers that are connected to a broker.
struct ProducerCommand: AdminCommand {
  static let description = admin(
    "producer", "List all producers that are connected to a broker.",
    options: [Option("broker", "b", value: "HOST:PORT", required: true, help: "The broker.")])

  private let broker: String

  init(_ arguments: Arguments) throws(CommandFailure) { broker = try arguments.required("broker") }

  func run(_ session: AdminSession) async throws(AdminError) {
    for group in try await session.client.producers(at: broker).groups {
      guard !group.producers.isEmpty else {
        session.say("producer group (\(group.name)) instances are empty")
        continue
      }
      for producer in group.producers {
        session.say(
          "producer group (\(group.name)) instance : clientId=\(producer.clientID),remoteIP=\(producer.remoteAddress),"
            + " language=\(producer.language), version=\(producer.version),"
            + " lastUpdateTimestamp=\(producer.lastUpdate.milliseconds)",
          [
            "group": .text(group.name), "clientId": .text(producer.clientID),
            "clientAddr": .text(producer.remoteAddress), "language": .text(producer.language.description),
            "version": .text(VersionName.name(of: producer.version)),
            "lastUpdateTimestamp": Cell(producer.lastUpdate.milliseconds),
          ])
      }
    }
  }
}
