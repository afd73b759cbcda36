import ApusBase
import ApusCommandLine
import ApusProtocol

/// Settings as mqadmin lists them.
enum SettingsList {
  static let table = Table(
    "%-50s=  %s", [.init("", "key"), .init("", "value")], hasHead: false)

  /// Prints the settings of a server below a line that names it, or in JSON one object for the server, which is a
  /// `kind`: `broker` or `nameServer`.
  static func show(
    _ settings: PropertiesFile, title: String, server: String, kind: String, _ session: AdminSession
  ) {
    guard !session.isJSON else {
      let members = settings.entries.map { JSONMember($0.key, .string($0.value)) }
      return session.say("", [kind: .text(server), "settings": .value(.object(members), shown: "")])
    }
    session.say("============\(title)============")
    session.show(table, settings.entries.map { [.text($0.key), .text($0.value)] })
  }
}

/// `getBrokerConfig`: all settings of brokers.
struct GetBrokerConfigCommand: AdminCommand {
  static let description = forBrokers(
    "getBrokerConfig", "Show the settings of a broker or of all brokers of a cluster.")

  private let target: BrokerTarget

  init(_ arguments: Arguments) throws(CommandFailure) { target = try BrokerTarget(required: arguments) }

  func run(_ session: AdminSession) async throws(AdminError) {
    var titles: [String: String] = [:]
    if case .cluster(let name) = target {
      for group in try await session.client.clusterInfo(of: name).groups(of: name) {
        let master = group.masterAddress ?? "null"
        for (id, address) in group.addresses {
          titles[address] = id == 0 ? "Master: \(master)" : "My Master: \(master)=====Slave: \(address)"
        }
      }
    }
    try await target.each(.all, session) { address throws(AdminError) in
      let settings = try await session.client.settings(ofBroker: address)
      SettingsList.show(settings, title: titles[address] ?? address, server: address, kind: "broker", session)
      session.say("")
    }
  }
}

/// `updateBrokerConfig`: changes a setting of brokers that run.
struct UpdateBrokerConfigCommand: AdminCommand {
  static let description = forBrokers(
    "updateBrokerConfig", "Change a setting of a broker or of all masters of a cluster.",
    options: [
      Option("key", "k", value: "KEY", required: true, help: "The setting."),
      Option("value", "v", value: "VALUE", required: true, help: "Its new value."),
    ])

  private let target: BrokerTarget
  private let key: String
  private let value: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    target = try BrokerTarget(required: arguments)
    key = try arguments.required("key")
    value = arguments.trimmed("value") ?? ""
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await target.each(.masters, session) { address throws(AdminError) in
      let remark = try await session.client.updateBroker(address, key: key, value: value)
      session.say(
        "update broker config success, \(address)",
        [
          "broker": .text(address), "key": .text(key), "value": .text(value),
          "remark": remark.map { Cell.text($0) } ?? .value(.null, shown: ""),
        ])
      // Standard output is as mqadmin's, which shows no remark.
      if let remark, !session.isJSON { session.warn("\(address): \(remark)") }
    }
  }
}
