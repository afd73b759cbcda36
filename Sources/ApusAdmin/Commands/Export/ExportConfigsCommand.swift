import ApusBase
import ApusCommandLine
import ApusProtocol

/// `exportConfigs`: the settings of a cluster's masters and its size, as a JSON file.
struct ExportConfigsCommand: AdminCommand {
  static let description = admin(
    "exportConfigs", "Write the settings of a cluster's brokers to a file.",
    options: [
      Option("clusterName", "c", value: "CLUSTER", required: true, help: "The cluster."), ExportFile.option,
    ])

  /// The settings that say how a cluster behaves.
  private static let keys = [
    "brokerClusterName", "brokerId", "brokerName", "brokerRole", "fileReservedTime", "filterServerNums",
    "flushDiskType", "maxMessageSize", "messageDelayLevel", "msgTraceTopicName", "slaveReadEnable", "traceOn",
    "traceTopicEnable", "useTLS", "autoCreateTopicEnable", "autoCreateSubscriptionGroup",
  ]

  private let cluster: String
  private let file: ExportFile

  init(_ arguments: Arguments) throws(CommandFailure) {
    cluster = try arguments.required("clusterName")
    file = ExportFile(arguments)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    var replicas = 0
    let (configs, failure) = try await session.gather(fromMastersOf: cluster) {
      group, master throws(AdminError) -> JSONMember in
      let settings = try await session.client.settings(ofBroker: master)
      replicas += group.addresses.count - 1
      let shown = Self.keys.compactMap { key in settings[key].map { JSONMember(key, .string($0)) } }
      return JSONMember(group.brokerName, .object(shown))
    }
    let scale = JSONValue.fields([
      "masterBrokerSize": .integer(Int64(configs.count)),
      "namesrvSize": .integer(Int64(session.client.nameServers.count)), "slaveBrokerSize": .integer(Int64(replicas)),
    ])
    try file.write(
      .fields(["brokerConfigs": .object(configs), "clusterScale": scale]), name: "configs.json", failure: failure,
      session)
  }
}
