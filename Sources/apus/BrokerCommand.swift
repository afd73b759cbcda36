import ApusBase
import ApusBroker
import ApusCommandLine
import ApusRemoting
import ApusSystem

/// `apus broker`: a broker until it is asked to stop.
enum BrokerCommand {
  /// Runs the role.
  static func run(_ arguments: Arguments) throws(CommandFailure) {
    let path = arguments.text("config")
    let file = try Configuration.file(path)
    let properties = try BrokerRole.choosingPorts(Configuration.broker(arguments, file: file))
    let settings = try Configuration.settings(properties, machine: Configuration.machine())
    if let text = Configuration.printout(arguments, settings) {
      ToolOutput.write(text)
      return
    }
    try ServerPorts(settings).requireDistinct()
    let process = try ServerProcess(
      arguments, loopCount: settings.process.loops, settings: RemotingSettings(settings),
      tls: Configuration.tls(arguments, file: file))
    try process.run { () throws(CommandFailure) in
      try serve(settings, file: path.map { ($0, file) }, process)
    }
  }

  private static func serve(
    _ settings: BrokerSettings, file: (path: String, properties: PropertiesFile)?, _ process: ServerProcess
  ) throws(CommandFailure) {
    let broker = try BrokerRole(settings, file: file, process: process)
    try broker.start()
    process.server.start()
    let nameServers = settings.identity.nameServers
    let registered = nameServers.isEmpty ? "none" : nameServers.joined(separator: ";")
    process.announce(
      "broker \(broker.address) (second listener \(broker.secondPort)), name servers \(registered), "
        + "\(broker.http)store \(broker.store)")
    try process.waitForStop()
    broker.leave()
    process.quiesce()
    broker.drain()
    broker.closePages()
    process.closeConnections()
    try broker.close()
    process.end()
  }
}

extension RemotingSettings {
  /// The limits that a broker's settings ask for.
  init(_ settings: BrokerSettings) {
    self.init()
    inboundBudget = Int(clamping: settings.process.inboundBytes)
    connectionInboundBudget = settings.process.connectionInboundBytes
    idleLimit = settings.process.idleTime
    backlog = settings.process.backlog
    socketSendBuffer = settings.process.socketSendBuffer
    socketReceiveBuffer = settings.process.socketReceiveBuffer
  }
}
