import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `consumerProgress`: how far a group has come in each queue, or all groups in a line each.
struct ConsumerProgressCommand: AdminCommand {
  static let description = admin(
    "consumerProgress", "Show how far a consumer group, or every group, has come.",
    options: [
      Option("groupName", "g", value: "GROUP", help: "Only this group, queue by queue."),
      Option("showClientIP", "s", value: "true|false", help: "With -g: who has each queue (false)."),
    ])

  private static let heads: [Table.Column] = [
    .init("#Topic", "topic"), .init("#Broker Name", "brokerName"), .init("#QID", "queueId"),
    .init("#Broker Offset", "brokerOffset"), .init("#Consumer Offset", "consumerOffset"),
  ]
  private static let tail: [Table.Column] = [.init("#Diff", "lag"), .init("#LastTime", "lastTimestamp")]
  static let queues = Table("%-64.64s  %-32.32s  %-4s  %-20s  %-20s  %-20s  %s", heads + tail)
  static let queuesWithClients = Table(
    "%-64.64s  %-32.32s  %-4s  %-20s  %-20s  %-20s %-20s  %s", heads + [.init("#Client IP", "clientIP")] + tail)
  static let groups = Table(
    "%-64.64s  %-6s  %-24s %-5s  %-14s  %-7s  %s",
    [
      .init("#Group", "group"), .init("#Count", "count"), .init("#Version", "version"), .init("#Type", "type"),
      .init("#Model", "model"), .init("#TPS", "consumeTps"), .init("#Diff Total", "lag"),
    ])

  private let group: String?
  private let showsClients: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    group = arguments.trimmed("groupName")
    showsClients = try arguments.bool("showClientIP") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    guard let group else { return try await listGroups(session) }
    let (progress, failure) = try await session.progress(of: group)
    let clients = showsClients ? await owners(of: group, session) : [:]
    let table = showsClients ? Self.queuesWithClients : Self.queues
    session.begin(table)
    for entry in progress.entries {
      var cells: [Cell] = [
        .text(entry.queue.topic), .text(entry.queue.brokerName), Cell(entry.queue.queueID),
        Cell(entry.brokerOffset.rawValue), Cell(entry.consumerOffset.rawValue),
      ]
      if showsClients { cells.append(.text(clients[entry.queue] ?? "N/A")) }
      session.row(table, cells + [Cell(entry.lag), .seconds(entry.lastTimestamp, none: "N/A")])
    }
    session.say("\nConsume TPS: \(Cell.fixed(progress.consumeRate, 2))\nDiff Total: \(progress.lag)")
    if session.isJSON {
      session.say(
        "", ["consumeTps": .decimal(progress.consumeRate, digits: 2), "lagTotal": Cell(progress.lag)])
    }
    if let failure { throw failure }
  }

  /// The addresses of the members that have each queue, as they say themselves. Nobody has the queues of a group
  /// without members, or of one whose broker does not answer.
  private func owners(of group: String, _ session: AdminSession) async -> [MessageQueue: String] {
    let members: [ClientConnection]
    do throws(AdminError) {
      members = try await session.client.consumers(of: group).connections
    } catch {
      if error.code != .consumerNotOnline { session.warn("\(group): \(error)") }
      return [:]
    }
    var owners: [MessageQueue: String] = [:]
    for member in members {
      let address = String(member.clientID.prefix { $0 != "@" })
      do throws(AdminError) {
        let info = try await session.client.runningInfo(of: member.clientID, group: group)
        for queue in info.queues { owners[queue.queue] = address }
      } catch {
        session.warn("\(member.clientID): \(error)")
      }
    }
    return owners
  }

  private func listGroups(_ session: AdminSession) async throws(AdminError) {
    let topics = try await session.client.topics().topics
    session.begin(Self.groups)
    var incomplete: [String] = []
    for topic in topics where topic.hasPrefix(SystemTopics.retryPrefix) {
      let group = String(topic.dropFirst(SystemTopics.retryPrefix.count))
      let (cells, isComplete) = await summary(of: group, session)
      session.row(Self.groups, cells)
      if !isComplete { incomplete.append(group) }
    }
    if !incomplete.isEmpty { throw AdminError(incomplete: incomplete) }
  }

  /// A group without members or offsets is listed all the same; so is one some of whose brokers do not answer, then not
  /// completely.
  private func summary(of group: String, _ session: AdminSession) async -> (cells: [Cell], isComplete: Bool) {
    var (members, progress): (ConsumerConnection?, ConsumeStats?)
    var isComplete = true
    do throws(AdminError) {
      let found = try await session.progress(of: group)
      progress = found.stats
      if found.failure != nil { isComplete = false }
    } catch {
      if error.code != .consumerNotOnline { session.warn("\(group): \(error)") }
      if error.code == nil { isComplete = false }
    }
    do throws(AdminError) {
      members = try await session.client.consumers(of: group)
    } catch {
      if error.code != .consumerNotOnline { session.warn("\(group): \(error)") }
      if error.code == nil { isComplete = false }
    }
    let version = members?.connections.map(\.version).min()
    let isPush = members?.consumeType == .passively
    let cells: [Cell] = [
      .text(group), Cell(members?.connections.count ?? 0), .text(version.map { VersionName.name(of: $0) } ?? "OFFLINE"),
      .text(members == nil ? "" : isPush ? "PUSH" : "PULL"),
      .text(isPush ? members?.messageModel.rawValue ?? "" : ""), Self.rate(progress?.consumeRate ?? 0),
      Cell(progress?.lag ?? 0),
    ]
    return (cells, isComplete)
  }

  /// A rate that is shown, as by Java, without what is behind the point.
  static func rate(_ rate: Double) -> Cell {
    .value(Cell.decimal(rate, digits: 2).json, shown: Cell(wholePartOf: rate).text)
  }
}
