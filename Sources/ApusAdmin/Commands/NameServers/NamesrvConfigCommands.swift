import ApusBase
import ApusCommandLine

/// `getNamesrvConfig`: the settings of all name servers.
struct GetNamesrvConfigCommand: AdminCommand {
  static let description = admin("getNamesrvConfig", "Show the settings of the name servers.")

  init(_ arguments: Arguments) {}

  func run(_ session: AdminSession) async throws(AdminError) {
    try await session.each(session.client.nameServers) { server throws(AdminError) in
      SettingsList.show(
        try await session.client.settings(ofNameServer: server), title: server, server: server, kind: "nameServer",
        session)
    }
  }
}

/// `updateNamesrvConfig`: changes a setting of all name servers.
struct UpdateNamesrvConfigCommand: AdminCommand {
  static let description = admin(
    "updateNamesrvConfig", "Change a setting of the name servers.",
    options: [
      Option("key", "k", value: "KEY", required: true, help: "The setting."),
      Option("value", "v", value: "VALUE", required: true, help: "Its new value."),
    ])

  private let key: String
  private let value: String
  /// Java names the servers only when they were given.
  private let namesServers: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    key = try arguments.required("key")
    value = arguments.trimmed("value") ?? ""
    namesServers = arguments.has("namesrvAddr")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let servers = session.client.nameServers
    try await session.each(servers) { server throws(AdminError) in
      let remark = try await session.client.updateNameServer(server, key: key, value: value)
      // Standard output is as mqadmin's, which shows no remark.
      if let remark { session.warn("\(server): \(remark)") }
    }
    let named = namesServers ? "[\(servers.joined(separator: ", "))]" : ""
    session.say(
      "update name server config success!\(named)\n\(key) : \(value)",
      [
        "nameServers": .value(.array(servers.map { .string($0) }), shown: named), "key": .text(key),
        "value": .text(value),
      ])
  }
}
