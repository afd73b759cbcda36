import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `topicRoute`: the brokers and queues of a topic.
struct TopicRouteCommand: AdminCommand {
  static let description = admin(
    "topicRoute", "Show where a topic lies.",
    options: [CommonOption.topic(), Option("list", "l", help: "As a table instead of JSON.")])

  static let table = Table(
    "%-45s %-32s %-50s %-10s %-11s %-5s",
    [
      .init("#ClusterName", "cluster"), .init("#BrokerName", "brokerName"), .init("#BrokerAddrs", "brokerAddrs"),
      .init("#ReadQueue", "readQueueNums"), .init("#WriteQueue", "writeQueueNums"), .init("#Perm", "perm"),
    ])

  private let topic: String
  private let isTable: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    isTable = arguments.has("list")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let route = try await session.client.route(of: topic)
    guard isTable else { return session.show(route.json, as: route.json.text(.pretty)) }
    session.begin(Self.table)
    let queues = Dictionary(route.queues.map { ($0.brokerName, $0) }) { _, last in last }
    for broker in route.brokers.sorted(by: { $0.brokerName < $1.brokerName }) {
      guard let data = queues[broker.brokerName] else { continue }
      let addresses = broker.addresses.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      session.row(
        Self.table,
        [
          .text(broker.cluster), .text(broker.brokerName),
          .value(broker.json["brokerAddrs"] ?? .null, shown: "{\(addresses.joined(separator: ", "))}"),
          Cell(data.readQueueCount), Cell(data.writeQueueCount), Cell(data.permission.rawValue),
        ])
    }
    session.say(String(repeating: "-", count: 158))
    guard !session.isJSON else { return }
    session.row(
      Self.table,
      [
        "Total:", Cell(queues.count), "", Cell(route.queues.reduce(0) { $0 + Int($1.readQueueCount) }),
        Cell(route.queues.reduce(0) { $0 + Int($1.writeQueueCount) }), "",
      ])
  }
}
