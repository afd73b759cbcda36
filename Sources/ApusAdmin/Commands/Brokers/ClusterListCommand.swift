import ApusBase
import ApusCommandLine
import ApusProtocol
import ApusSystem

/// `clusterList`: the brokers of all clusters, with what goes in and out.
struct ClusterListCommand: AdminCommand {
  static let description = admin(
    "clusterList", "List the brokers of all clusters, with their versions and rates.",
    options: [
      Option("moreStats", "m", help: "Messages of yesterday and today instead."),
      Option("interval", "i", value: "SECONDS", help: "Again and again, with so long a pause."),
    ])

  static let overview = Table(
    "%-16s  %-22s  %-4s  %-22s %-16s %19s %19s %10s %5s %6s",
    [
      .init("#Cluster Name", "cluster"), .init("#Broker Name", "brokerName"), .init("#BID", "brokerId"),
      .init("#Addr", "broker"), .init("#Version", "version"), .init("#InTPS(LOAD)", "inTps"),
      .init("#OutTPS(LOAD)", "outTps"), .init("#PCWait(ms)", "pageCacheWaitMillis"), .init("#Hour", "hours"),
      .init("#SPACE", "diskRatio"),
    ])
  static let totals = Table(
    "%-16s  %-32s %14s %14s %14s %14s",
    [
      .init("#Cluster Name", "cluster"), .init("#Broker Name", "brokerName"), .init("#InTotalYest", "inTotalYesterday"),
      .init("#OutTotalYest", "outTotalYesterday"), .init("#InTotalToday", "inTotalToday"),
      .init("#OutTotalToday", "outTotalToday"),
    ])

  private let showsTotals: Bool
  private let interval: Int?

  init(_ arguments: Arguments) throws(CommandFailure) {
    showsTotals = arguments.has("moreStats")
    interval = try arguments.integer("interval", in: 1...86_400)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await session.again(every: interval.map { .seconds($0) }) { () throws(AdminError) in
      try await list(session)
    }
  }

  private func list(_ session: AdminSession) async throws(AdminError) {
    let clusters = try await session.client.clusterInfo()
    var asked = 0
    var silent: [String] = []
    session.begin(showsTotals ? Self.totals : Self.overview)
    for cluster in clusters.clusters.keys.sorted() {
      for group in try clusters.groups(of: cluster) {
        for (id, address) in group.addresses.sorted(by: { $0.key < $1.key }) {
          let info = await figures(of: address, session)
          asked += 1
          if info == nil { silent.append(address) }
          if showsTotals {
            session.row(Self.totals, [.text(cluster), .text(group.brokerName)] + Self.totals(info))
          } else {
            let cells = Self.overview(info, now: SystemClock.wall())
            session.row(Self.overview, [.text(cluster), .text(group.brokerName), Cell(id), .text(address)] + cells)
          }
        }
      }
    }
    // Who watches a cluster goes on watching what is left of it.
    guard silent.isEmpty || interval != nil else {
      throw AdminError("failed at \(silent.joined(separator: ", ")), \(silent.count) of \(asked)")
    }
  }

  /// A broker that does not answer is listed without figures: nil.
  private func figures(of address: String, _ session: AdminSession) async -> KVTable? {
    do throws(AdminError) {
      return try await session.client.runtimeInfo(of: address)
    } catch {
      session.warn("\(address): \(error)")
      return nil
    }
  }

  /// The columns of totals behind the broker's name.
  static func totals(_ info: KVTable?) -> [Cell] {
    func number(_ key: String) -> Int64? { info?[key].flatMap { Int64($0) } }
    func difference(_ late: String, _ early: String) -> Cell {
      guard let late = number(late), let early = number(early) else { return Cell(0) }
      return Cell(late.clampedSubtracting(early))
    }
    return [
      difference("msgPutTotalTodayMorning", "msgPutTotalYesterdayMorning"),
      difference("msgGetTotalTodayMorning", "msgGetTotalYesterdayMorning"),
      difference("msgPutTotalTodayNow", "msgPutTotalTodayMorning"),
      difference("msgGetTotalTodayNow", "msgGetTotalTodayMorning"),
    ]
  }

  /// The columns of the overview behind the broker's address. What a broker does not tell is `null`, as in Java, so
  /// that the columns keep their places; of one that does not answer Java leaves texts out.
  static func overview(_ info: KVTable?, now: WallTime) -> [Cell] {
    func text(_ key: String) -> String { info.map { $0[key] ?? "null" } ?? "" }
    func rate(_ key: String, _ queue: String) -> Cell {
      let number = info?.firstNumber(key) ?? 0
      let load = "(\(text("\(queue)ThreadPoolQueueSize")),\(text("\(queue)ThreadPoolQueueHeadWaitTimeMills"))ms)"
      let shown = Cell.fixed(number, 2)
      return .value(.number(number), shown: String(repeating: " ", count: max(0, 9 - shown.count)) + shown + load)
    }
    let wait = info?["pageCacheLockTimeMills"].flatMap { Int64($0) }
    let earliest = info?["earliestMessageTimeStamp"].flatMap { Int64($0) }
    let hours = earliest.map { Double(now.milliseconds.clampedSubtracting($0)) / 3_600_000 } ?? 0
    return [
      .text(text("brokerVersionDesc")), rate("putTps", "send"), rate("getTransferedTps", "pull"),
      .value(wait.map { JSONValue.integer($0) } ?? .null, shown: text("pageCacheLockTimeMills")),
      .decimal(hours, digits: 2),
      .decimal(info?["commitLogDiskRatio"].flatMap { Double($0) } ?? 0, digits: 4),
    ]
  }
}

extension KVTable {
  /// The first of several numbers with a space between, as `putTps` has them; 0 when there is none.
  func firstNumber(_ key: String) -> Double {
    self[key]?.split(separator: " ").first.flatMap { Double($0) } ?? 0
  }
}
