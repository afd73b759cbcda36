import ApusBase
import ApusBroker
import ApusCommandLine
import ApusModel
import ApusNameServer
import ApusRemoting
import ApusSystem

/// `apus serve`: a name server and a broker in one process, on the same loops, until it is asked to stop.
enum ServeCommand {
  /// How long is waited for the broker to be known to the name server beside it.
  private static let registrationLimit = Duration.seconds(3)

  /// Runs both roles.
  static func run(_ arguments: Arguments) throws(CommandFailure) {
    let path = arguments.text("config")
    let file = try Configuration.file(path)
    let machine = try Configuration.machine()
    var properties = try Configuration.serve(arguments, file: file, machineAddress: machine.address)
    let preview = try Configuration.settings(properties, machine: machine)
    if let text = Configuration.printout(arguments, preview) {
      ToolOutput.write(text)
      return
    }
    let toldPort = try arguments.integer("namesrv-port", in: 0...65_535)
    let nameServerHome = preview.keeping.root + "/namesrv"
    var adopted = try NameServerCommand.kept(in: nameServerHome)
    adopted["adminAllow"] = file["adminAllow"]
    let (nameServerSettings, _) = try NameServerCommand.settings(home: nameServerHome, file: adopted)
    let nameServerPort = toldPort ?? Int(nameServerSettings.listenPort)
    try ServerPorts(preview, nameServerPort: nameServerPort).requireDistinct()
    var tls = try Configuration.tls(arguments, file: file)
    // The broker registers with the name server beside it, which takes nothing else then.
    if tls.mode == .enforcing { tls.isClientEnabled = true }
    let process = try ServerProcess(
      arguments, loopCount: preview.process.loops, settings: RemotingSettings(preview), tls: tls)
    try process.run { () throws(CommandFailure) in
      let nameServer = try NameServerCommand.start(nameServerSettings, process: process)
      let bound = try process.bind(
        ServerProcess.address(preview.identity.bindAddress, port: nameServerPort), service: nameServer)

      properties = try BrokerRole.choosingPorts(properties)
      let local =
        Configuration.isEveryAddress(preview.identity.bindAddress) ? "127.0.0.1" : preview.identity.bindAddress
      let others = file["namesrvAddr"].map { ";\($0)" } ?? ""
      properties["namesrvAddr"] = "\(local):\(bound.port)\(others)"
      let settings = try Configuration.settings(properties, machine: machine)
      let broker = try BrokerRole(settings, file: path.map { ($0, file) }, process: process)
      try broker.start()
      process.server.start()
      awaitRegistration(of: broker, with: nameServer, process)
      process.announce(
        "name server \(settings.identity.host):\(bound.port), broker \(broker.address) "
          + "(second listener \(broker.secondPort)), \(broker.http)store \(broker.store)")
      try process.waitForStop()
      broker.leave()
      process.quiesce()
      broker.drain()
      nameServer.stop()
      broker.closePages()
      process.closeConnections()
      try broker.close()
      process.end()
    }
  }

  /// Waits until clients find the broker: ready means that the first look-up succeeds.
  private static func awaitRegistration(of broker: BrokerRole, with nameServer: NameServer, _ process: ServerProcess) {
    let deadline = SystemClock.monotonic() + registrationLimit
    let pause = WakeUp()
    while !nameServer.requests.knows(brokerAt: broker.address) {
      guard SystemClock.monotonic() < deadline else {
        process.log.warning("broker", "not registered with the name server of this process yet")
        return
      }
      pause.wait(until: SystemClock.monotonic() + .microseconds(200))
    }
  }
}
