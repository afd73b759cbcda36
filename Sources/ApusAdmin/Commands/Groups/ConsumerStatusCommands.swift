import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol
import ApusSystem

/// How the members of a group are doing: one of them at length, or a file for each and what is wrong with them.
private struct ConsumerStatus: Hashable, Sendable {
  let group: String
  let clientID: String?
  let broker: String?
  let withStacks: Bool

  private static let client = Option("clientId", "i", value: "ID", help: "Only this member, at length.")
  private static let stacks = Option("jstack", "s", help: "With the stacks of its threads.")
  static let options = [CommonOption.group(), client, stacks]

  init(_ arguments: Arguments, broker: String?) throws(CommandFailure) {
    group = try arguments.required("consumerGroup")
    clientID = arguments.trimmed("clientId")
    self.broker = broker
    withStacks = arguments.has("jstack")
  }

  func run(_ session: AdminSession, _ table: Table) async throws(AdminError) {
    let connections = try await session.client.consumers(of: group, broker: broker).connections
    if let clientID {
      let info = try await info(of: clientID, session)
      return session.isJSON ? session.show(info.json, as: "") : session.console.show(info.javaText)
    }
    let now = SystemClock.wall()
    var infos: [(id: String, info: ConsumerRunningInfo)] = []
    session.begin(table)
    try await session.each(connections.map(\.clientID).sorted()) { id throws(AdminError) in
      let info = try await info(of: id, session)
      infos.append((id, info))
      let name = id.map { $0.isLetter || $0.isNumber || "@#._-".contains($0) ? $0 : "_" }
      let path = "\(now.milliseconds)/\(String(name))"
      try session.write(Array(info.javaText.utf8), to: path)
      let version = connections.first { $0.clientID == id }?.version ?? 0
      let index = infos.count
      session.row(
        table,
        [
          .value(.integer(Int64(index)), shown: table.hasHead ? "\(index)" : zeroed(index, 3)), .text(id),
          .text(VersionName.name(of: version)), .text(path),
        ])
    }
    guard !infos.isEmpty else { return }
    guard ConsumerRunningInfo.subscribesAlike(infos.map(\.info), now: now) else {
      return session.say("\n\nWARN: Different subscription in the same group of consumer!!!")
    }
    session.say("\n\nSame subscription in the same group of consumer\n\nRebalance OK")
    for (id, info) in infos {
      for trouble in info.troubles(of: id, now: now) {
        session.say(trouble, ["clientId": .text(id), "trouble": .text(trouble)])
      }
    }
  }

  private func info(of id: String, _ session: AdminSession) async throws(AdminError) -> ConsumerRunningInfo {
    guard let broker else { return try await session.client.runningInfo(of: id, group: group, withStacks: withStacks) }
    return try await session.client.runningInfo(of: id, group: group, withStacks: withStacks, at: broker)
  }
}

/// `consumerStatus`: how the members of a group are doing.
struct ConsumerStatusCommand: AdminCommand {
  static let description = admin(
    "consumerStatus", "Show how the members of a consumer group are doing.",
    details: "Without -i, what each says goes into a file TIME/CLIENT below the current directory.",
    options: ConsumerStatus.options + [
      Option("brokerAddr", "b", value: "HOST:PORT", help: "Ask by way of this broker.")
    ])

  static let table = Table(
    "%-10s %-40s %-20s %s",
    [
      .init("#Index", "index"), .init("#ClientId", "clientId"), .init("#Version", "version"),
      .init("#ConsumerRunningInfoFile", "file"),
    ])

  private let status: ConsumerStatus

  init(_ arguments: Arguments) throws(CommandFailure) {
    status = try ConsumerStatus(arguments, broker: arguments.trimmed("brokerAddr"))
  }

  func run(_ session: AdminSession) async throws(AdminError) { try await status.run(session, Self.table) }
}

/// `consumer`: the older form of `consumerStatus`.
struct ConsumerCommand: AdminCommand {
  static let description = admin(
    "consumer", "Show how the members of a consumer group are doing, without heads.",
    details: "Without -i, what each says goes into a file TIME/CLIENT below the current directory.",
    options: ConsumerStatus.options)

  static let table = Table(
    "%s  %-40s %-20s %s",
    [.init("", "index"), .init("", "clientId"), .init("", "version"), .init("", "file")], hasHead: false)

  private let status: ConsumerStatus

  init(_ arguments: Arguments) throws(CommandFailure) { status = try ConsumerStatus(arguments, broker: nil) }

  func run(_ session: AdminSession) async throws(AdminError) { try await status.run(session, Self.table) }
}
