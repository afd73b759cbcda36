import ApusBase
import ApusBroker
import ApusCommandLine
import ApusHTTP
import ApusModel
import ApusSystem

/// A broker with its two ports in a server process.
struct BrokerRole {
  /// How long requests that were accepted may take when the process stops.
  private static let drainLimit = Duration.seconds(10)

  /// What clients are told to connect to, `host:port`.
  let address: String
  /// The port of the second listener.
  let secondPort: Int
  /// Where the messages are.
  let store: String
  private let broker: Broker
  /// Serves metrics and probes; nil when that is off.
  private let pages: HTTPServer?

  /// The settings with the ports that port 0 stands for, once they are chosen.
  static func choosingPorts(_ properties: PropertiesFile) throws(CommandFailure) -> PropertiesFile {
    guard properties["listenPort"] == "0" else { return properties }
    var chosen = properties
    let host = properties["bindAddress"] ?? "0.0.0.0"
    chosen["listenPort"] = "\(try ServerProcess.freePortPair(on: ServerProcess.address(host, port: 0)))"
    return chosen
  }

  /// Opens the store and takes the ports. `file` is where changes of settings by request are kept, with what it holds.
  init(
    _ settings: BrokerSettings, file: (path: String, properties: PropertiesFile)?, process: ServerProcess
  ) throws(CommandFailure) {
    let port = Int(settings.identity.port)
    guard port > 2 else {
      throw CommandFailure(
        .configuration, "setting listenPort is \(port) but must be from 3 to 65535: a second listener has N − 2")
    }
    let first = try ServerProcess.address(settings.identity.bindAddress, port: port)
    let second = try ServerProcess.address(settings.identity.bindAddress, port: port - 2)
    // Recovery may take a while, and its end is a bad time to find out.
    try process.requireFree(first)
    try process.requireFree(second)
    let metricsPort = settings.process.metricsPort
    let third =
      metricsPort > 0 ? try ServerProcess.address(settings.process.metricsHost, port: metricsPort) : nil
    if let third { try process.requireFree(third) }
    for warning in settings.warnings { process.log.warning("config", warning) }
    let disk = PosixDisk()
    broker = try process.awaitingPredecessor { () throws(CommandFailure) in
      do throws(BrokerError) {
        return try Broker(
          settings: settings,
          // Of a link the target is written, not the link replaced.
          settingsFile: file.map {
            SettingsFile(path: PrivateFile.resolved($0.path), properties: $0.properties, disk: disk)
          },
          loops: process.loops, ownAddresses: process.ownAddresses, disk: disk, memoryBytes: try Self.memoryBytes(),
          clientTLS: process.clientTLS, log: process.log)
      } catch {
        throw Self.failure(error, store: settings.keeping.root)
      }
    }
    address = "\(settings.identity.host):\(port)"
    secondPort = port - 2
    store = settings.keeping.root
    do throws(CommandFailure) {
      _ = try process.bind(first, service: broker.port)
      _ = try process.bind(second, service: broker.secondPort)
      broker.pages.join(process.server, version: Version.number)
      let service = broker.pages
      pages = try third.map { (address) throws(CommandFailure) in try process.bindHTTP(address, service: service) }
    } catch {
      try Self.close(broker, store: store)
      throw error
    }
  }

  /// What the line that says 'ready' tells of metrics and probes.
  var http: String { pages.map { "http \($0.address), " } ?? "" }

  /// Starts the broker's threads and its registration with the name servers.
  func start() throws(CommandFailure) {
    do throws(BrokerError) {
      try broker.start()
    } catch {
      throw Self.failure(error, store: store)
    }
    pages?.start()
  }

  /// Leaves the name servers. The first step of stopping.
  func leave() { broker.leave() }

  /// Answers what was accepted; nothing more is read by then.
  func drain() { broker.drain(within: Self.drainLimit) }

  /// Flushes and closes the store. The last step of stopping.
  func close() throws(CommandFailure) { try Self.close(broker, store: store) }

  /// Ends the serving of metrics and probes, before the store closes.
  func closePages() { pages?.stop() }

  private static func close(_ broker: Broker, store: String) throws(CommandFailure) {
    do throws(BrokerError) {
      try broker.close()
    } catch {
      throw Self.failure(error, store: store)
    }
  }

  private static func failure(_ error: BrokerError, store: String) -> CommandFailure {
    switch error {
    case .store where error.isStoreInUse:
      CommandFailure(.storeInUse, "another process has the store \(store) open; stop it first")
    case .store, .files, .disk: CommandFailure(.disk, "the store \(store): \(error)")
    case .setting: CommandFailure(.configuration, "\(error)")
    case .system: CommandFailure(.failure, "\(error)")
    case .unsaved:
      CommandFailure(
        .unsaved, "the store \(store): every message is in the log, but \(error); the next start recovers")
    }
  }

  /// The machine's memory, or what a container leaves of it.
  private static func memoryBytes() throws(BrokerError) -> Int64 {
    do throws(SystemError) {
      let text = String(decoding: try ProcessIO.contents(of: "/proc/meminfo"), as: UTF8.self)
      let machine = (ProcText.number("MemTotal:", in: text) ?? 0) * 1024
      return min(machine, MemoryQuota.bytes ?? machine)
    } catch {
      throw .system(error)
    }
  }
}
