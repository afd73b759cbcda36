import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `topicStatus`: the offsets of a topic's queues.
struct TopicStatusCommand: AdminCommand {
  static let description = admin(
    "topicStatus", "Show the offsets of a topic's queues.", options: [CommonOption.topic()])

  static let table = Table(
    "%-32.32s  %-4s  %-20s  %-20s    %s",
    [
      .init("#Broker Name", "brokerName"), .init("#QID", "queueId"), .init("#Min Offset", "minOffset"),
      .init("#Max Offset", "maxOffset"), .init("#Last Updated", "lastUpdateTimestamp"),
    ])

  private let topic: String

  init(_ arguments: Arguments) throws(CommandFailure) { topic = try arguments.required("topic") }

  func run(_ session: AdminSession) async throws(AdminError) {
    let route = try await session.client.route(of: topic)
    let brokers = route.brokers.compactMap(\.preferredAddress)
    let (tables, failure) = await session.gather(from: brokers) { address throws(AdminError) in
      try await session.client.topicStats(of: topic, at: address)
    }
    let entries = tables.flatMap(\.entries)
    guard !entries.isEmpty else { throw failure ?? AdminError("no broker has queues of the topic '\(topic)'") }
    session.show(
      Self.table,
      entries.sorted { $0.queue < $1.queue }.map { entry in
        [
          .text(entry.queue.brokerName), Cell(entry.queue.queueID), Cell(entry.minOffset.rawValue),
          Cell(entry.maxOffset.rawValue), .time(entry.lastUpdate, none: ""),
        ]
      })
    if let failure { throw failure }
  }
}
