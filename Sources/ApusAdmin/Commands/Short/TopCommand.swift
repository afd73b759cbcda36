import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `apus top`: topics and groups with the most traffic and the largest lags, again and again on a terminal.
struct TopCommand: AdminCommand {
  static let description = CommandDescription(
    name: "top", summary: "Watch topics and groups: rates and lags.",
    details: "On a terminal the table is shown anew every two seconds; else it is printed once.",
    options: [
      Option("once", help: "Print the table once."),
      Option("interval", "i", value: "SECONDS", help: "The pause between tables (2)."),
      Option("all", "a", help: "The system's topics too."),
    ] + CommonOption.all)

  private static let table = Table(
    "%-40.40s  %-40.40s %12s %11s %11s",
    [
      .init("TOPIC", "topic"), .init("GROUP", "group"), .init("LAG", "lag"), .init("IN/S", "inTps"),
      .init("OUT/S", "outTps"),
    ])

  private let isOnce: Bool
  private let interval: Int
  private let showsAll: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    isOnce = arguments.has("once")
    interval = try arguments.integer("interval", in: 1...3600) ?? 2
    showsAll = arguments.has("all")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let isLive = session.console.isOutputTerminal && !isOnce && !session.isJSON
    try await session.again(every: isLive ? .seconds(interval) : nil) { () throws(AdminError) in
      let (flows, incomplete) = try await self.flows(session)
      // Clears the screen and goes to its first line.
      if isLive { session.console.write("\u{1B}[2J\u{1B}[H") }
      session.show(
        Self.table,
        flows.map {
          [
            .text($0.topic), .text($0.group ?? ""), Cell($0.lag), .decimal($0.inRate, digits: 2),
            .decimal($0.outRate, digits: 2),
          ]
        })
      if !isLive, !incomplete.isEmpty { throw AdminError(incomplete: incomplete) }
    }
  }

  /// What goes through the topics, the most first, and the topics of which brokers did not tell everything.
  private func flows(_ session: AdminSession) async throws(AdminError) -> (flows: [TopicFlow], incomplete: [String]) {
    var flows: [TopicFlow] = []
    var incomplete: [String] = []
    for topic in try await session.client.topics().topics where isShown(topic) {
      do throws(AdminError) {
        let (found, isComplete) = try await session.flows(of: topic)
        flows += found
        if !isComplete { incomplete.append(topic) }
      } catch {
        // A topic that is going while it is looked at; a broker group has a topic of its name that nobody may know.
        if error.code != .topicNotExist { session.warn("\(topic): \(error)") }
        if error.code == nil { incomplete.append(topic) }
      }
    }
    flows.sort { ($1.inRate + $1.outRate, $1.lag, $0.topic) < ($0.inRate + $0.outRate, $0.lag, $1.topic) }
    return (flows, incomplete)
  }

  private func isShown(_ topic: String) -> Bool {
    showsAll || !(SystemTopics.contains(topic) || SystemTopics.isOfGroup(topic))
  }
}
