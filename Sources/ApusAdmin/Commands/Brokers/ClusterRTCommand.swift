import ApusBase
import ApusClient
import ApusCommandLine
import ApusProtocol
import ApusSystem

/// `clusterRT`: measures how long sends take at every broker, again and again.
struct ClusterRTCommand: AdminCommand {
  static let description = admin(
    "clusterRT", "Measure how long sends take at every broker, again and again.",
    options: [
      Option("amount", "a", value: "N", help: "How many messages to each (100)."),
      Option("size", "s", value: "BYTES", help: "The size of a message (128)."),
      Option("cluster", "c", value: "CLUSTER", help: "Only this cluster."),
      Option("printLog", "p", java: "print log", value: "true|false", help: "As a line of a log (false)."),
      Option("machineRoom", "m", java: "machine room", value: "NAME", help: "The machine room in that line (noname)."),
      Option("interval", "i", value: "SECONDS", help: "The pause between rounds (10); 0 for one round."),
    ])

  static let table = Table(
    "%-24s  %-24s  %-8s  %-16s  %-16s", head: "%-24s  %-24s  %-4s  %-8s  %-8s",
    [
      .init("#Cluster Name", "cluster"), .init("#Broker Name", "brokerName"), .init("#RT", "avgRtMillis"),
      .init("#successCount", "successCount"), .init("#failCount", "failCount"),
    ])

  private let amount: Int
  private let size: Int
  private let cluster: String?
  private let isLog: Bool
  private let room: String
  private let interval: Int

  init(_ arguments: Arguments) throws(CommandFailure) {
    amount = try arguments.integer("amount", in: 1...Int(Int32.max)) ?? 100
    size = try arguments.integer("size", in: 1...4 << 20) ?? 128
    cluster = arguments.trimmed("cluster")
    isLog = try arguments.bool("printLog") ?? false
    room = arguments.trimmed("machineRoom") ?? "noname"
    interval = try arguments.integer("interval", in: 0...86_400) ?? 10
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let clusters =
      if let cluster {
        try await session.client.clusterInfo(of: cluster)
      } else {
        try await session.client.clusterInfo()
      }
    let sender = try session.sender(group: "apus-cluster-rt")
    if !isLog { session.begin(Self.table) }
    try await session.again(every: interval > 0 ? .seconds(interval) : nil) { () throws(AdminError) in
      for name in cluster.map({ [$0] }) ?? clusters.clusters.keys.sorted() {
        for group in try clusters.groups(of: name) { await measure(group.brokerName, name, sender, session) }
      }
    }
  }

  /// Every broker has a topic of its own name for this.
  private func measure(
    _ brokerName: String, _ cluster: String, _ sender: TestSender, _ session: AdminSession
  ) async {
    let message = Message(topic: brokerName, text: String(repeating: "a", count: size))
    var (sent, total) = (0, Duration.zero)
    for index in 0..<amount {
      let outcome = await sender.time(message, session)
      if outcome.isSent { sent += 1 }
      if index > 0 { total += outcome.duration }
    }
    let mean = amount > 1 ? total.inMilliseconds / Double(amount - 1) : .nan
    guard isLog, !session.isJSON else {
      return session.row(
        Self.table,
        [.text(cluster), .text(brokerName), .decimal(mean, digits: 2), Cell(sent), Cell(amount - sent)])
    }
    // Java writes the hour of China.
    let time = LocalTime.utc(SystemClock.wall().advanced(byMilliseconds: 8 * 3_600_000))
    session.say("\(time.secondsText)|\(room)|\(cluster)|\(brokerName)|\(Cell.fixed(mean, 0))")
  }
}
