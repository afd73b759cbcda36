import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `brokerConsumeStats`: how far all groups of a broker have come.
struct BrokerConsumeStatsCommand: AdminCommand {
  static let description = admin(
    "brokerConsumeStats", "Show how far all consumer groups of a broker have come.",
    options: [
      Option("brokerAddr", "b", value: "HOST:PORT", required: true, help: "The broker."),
      Option("timeoutMillis", "t", value: "N", help: "How long to wait for it (50000)."),
      Option("level", "l", value: "N", help: "Only queues with so many messages before the group (0)."),
      Option("order", "o", value: "true|false", help: "Only topics whose order counts (false)."),
    ])

  static let table = Table(
    "%-64.64s  %-64s  %-32.32s  %-4s  %-20s  %-20s  %-20s  %s",
    [
      .init("#Topic", "topic"), .init("#Group", "group"), .init("#Broker Name", "brokerName"), .init("#QID", "queueId"),
      .init("#Broker Offset", "brokerOffset"), .init("#Consumer Offset", "consumerOffset"), .init("#Diff", "lag"),
      .init("#LastTime", "lastTimestamp"),
    ])

  private let broker: String
  private let timeout: Duration
  private let level: Int64
  private let orderedOnly: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    broker = try arguments.required("brokerAddr")
    timeout = .milliseconds(try arguments.integer("timeoutMillis", in: 1...3_600_000) ?? 50_000)
    level = try arguments.integer("level", in: Int64.min...Int64.max) ?? 0
    orderedOnly = try arguments.bool("order") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let all = try await session.client.progressOfAll(at: broker, orderedOnly: orderedOnly, timeout: timeout)
    session.begin(Self.table)
    for group in all.groups {
      for entry in group.topics.flatMap({ $0.entries.sorted { $0.queue < $1.queue } }) {
        // As in Java a queue that nothing was consumed of is not listed.
        guard entry.lag >= level, entry.lastTimestamp.milliseconds > 0 else { continue }
        session.row(
          Self.table,
          [
            .text(entry.queue.topic), .text(group.name), .text(entry.queue.brokerName), Cell(entry.queue.queueID),
            Cell(entry.brokerOffset.rawValue), Cell(entry.consumerOffset.rawValue), Cell(entry.lag),
            .seconds(entry.lastTimestamp, none: "-"),
          ])
      }
    }
    session.say("\nDiff Total: \(all.totalDifference)", ["lagTotal": Cell(all.totalDifference)])
  }
}
