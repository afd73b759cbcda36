import ApusBase
import ApusCommandLine
import ApusModel
import ApusNameServer
import ApusRemoting
import ApusSystem

/// `apus namesrv`: a name server until it is asked to stop.
enum NameServerCommand {
  /// The key of the address to listen on: the process's, as the TLS settings are, and no request changes it.
  private static let bindKey = "bindAddress"

  /// Runs the role.
  static func run(_ arguments: Arguments) throws(CommandFailure) {
    let path = arguments.text("config")
    let file = try Configuration.file(path)
    let (settings, unknown) = try settings(home: Configuration.home() + "/namesrv", file: file, path: path)
    if arguments.has("print") {
      ToolOutput.write(String(decoding: settings.properties, as: UTF8.self))
      return
    }
    let process = try ServerProcess(
      arguments, loopCount: 1, settings: RemotingSettings(), tls: Configuration.tls(arguments, file: file))
    for key in unknown { process.log.warning("config", "setting is not known and has no effect", ["key": key]) }
    let host = try host(arguments, file: file)
    try process.run { () throws(CommandFailure) in try serve(settings, on: host, process) }
  }

  /// Where to listen: as the command line says, else the file, under the broker's key; else on all addresses.
  static func host(_ arguments: Arguments, file: PropertiesFile) throws(CommandFailure) -> String {
    try arguments.filled("bind") ?? file[bindKey] ?? "0.0.0.0"
  }

  private static func serve(
    _ settings: NameServerSettings, on host: String, _ process: ServerProcess
  ) throws(CommandFailure) {
    let nameServer = try start(settings, process: process)
    let address = try process.bind(ServerProcess.address(host, port: port(settings)), service: nameServer)
    process.server.start()
    process.announce("name server \(address)")
    try process.waitForStop()
    process.quiesce()
    nameServer.stop()
    process.closeConnections()
    process.end()
  }

  /// Settings from a file over the defaults of a name server that keeps its files in `home`, and the keys that nobody
  /// knows. With the file's `path`, what requests change is written there, of a link to its target; all else that the
  /// file holds stays in it, as the process's TLS settings.
  static func settings(
    home: String, file: PropertiesFile, path: String? = nil
  ) throws(CommandFailure) -> (NameServerSettings, unknown: [String]) {
    var settings = NameServerSettings(home: home)
    let unknown: [String]
    do throws(DecodeError) {
      let target = path.map { PrivateFile.resolved($0) }
      unknown = try settings.load(file, from: target).filter { !$0.hasPrefix(TLSSettings.prefix) && $0 != bindKey }
    } catch {
      throw CommandFailure(.configuration, "setting \(error.field): \(error.reason)")
    }
    _ = try port(settings)
    return (settings, unknown)
  }

  /// The settings that requests changed when the name server of `apus serve` ran in `home` before; empty when none did.
  ///
  /// Where files are follows from the store, which may have moved since, and who may administer is for the file of the
  /// command line to say: those keys are left out.
  static func kept(in home: String) throws(CommandFailure) -> PropertiesFile {
    var file = ConfigFile(path: NameServerSettings(home: home).configStorePath)
    do throws(ConfigFileError) {
      let loaded = try file.load(from: PosixDisk()) { (bytes) throws(DecodeError) in
        try PropertiesFile(parsing: bytes)
      }
      let told: Set<String> = ["kvConfigPath", "configStorePath", "rocketmqHome", "adminAllow"]
      return PropertiesFile((loaded?.value.entries ?? []).filter { !told.contains($0.key) })
    } catch {
      throw CommandFailure(.disk, "\(error)")
    }
  }

  private static func port(_ settings: NameServerSettings) throws(CommandFailure) -> Int {
    guard (0...65_535).contains(settings.listenPort) else {
      throw CommandFailure(
        .configuration, "setting listenPort is \(settings.listenPort) but must be a number from 0 to 65535")
    }
    return Int(settings.listenPort)
  }

  /// Makes a name server that begins to work on the process's loops; it is still to be bound.
  static func start(_ settings: NameServerSettings, process: ServerProcess) throws(CommandFailure) -> NameServer {
    do throws(NameServerError) {
      let nameServer = try NameServer(
        settings: settings, ownAddresses: process.ownAddresses, disk: PosixDisk(), log: process.log)
      nameServer.start(on: process.loops)
      return nameServer
    } catch {
      switch error {
      case .files: throw CommandFailure(.disk, "\(error)")
      case .system: throw CommandFailure(.failure, "\(error)")
      }
    }
  }
}
