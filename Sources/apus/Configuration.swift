import ApusBase
import ApusBroker
import ApusCommandLine
import ApusSystem

/// What a role is configured with: its file, and the command line's options over it.
enum Configuration {
  /// Reads a properties file; no path is an empty one.
  static func file(_ path: String?) throws(CommandFailure) -> PropertiesFile {
    guard let path else { return PropertiesFile() }
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try ProcessIO.contents(of: path, byteLimit: PropertiesFile.byteLimit)
    } catch {
      throw CommandFailure(.configuration, "the configuration file cannot be read: \(error)")
    }
    do throws(DecodeError) {
      return try PropertiesFile(parsing: bytes.rawSpan)
    } catch {
      throw CommandFailure(.configuration, "\(path): \(error)")
    }
  }

  /// The entries that `apus serve` starts its broker with: everything on this machine only, unless file or options say
  /// otherwise.
  static func serve(
    _ arguments: Arguments, file: PropertiesFile, machineAddress: String
  ) throws(CommandFailure) -> PropertiesFile {
    var properties = file.withoutTLS
    if let port = try arguments.integer("broker-port", in: 0...65_535) { properties["listenPort"] = "\(port)" }
    if let port = try arguments.integer("http-port", in: 0...65_535) {
      properties["metricsPromExporterPort"] = "\(port)"
    }
    if let store = try arguments.filled("store") { properties["storePathRootDir"] = store }
    if let loops = try arguments.integer("loops", in: 1...200) { properties["loops"] = "\(loops)" }
    properties["storePathRootDir"] = properties["storePathRootDir"] ?? "./apus-data"
    // An empty address stands for all of the machine's: that is to be said with one.
    if properties["bindAddress"]?.isEmpty == true { properties["bindAddress"] = nil }
    let bind = try arguments.filled("bind") ?? properties["bindAddress"] ?? "127.0.0.1"
    properties["bindAddress"] = bind
    properties["brokerIP1"] =
      try arguments.filled("advertise") ?? properties["brokerIP1"] ?? (isEveryAddress(bind) ? machineAddress : bind)
    return properties
  }

  /// The entries that `apus broker` starts with: Java's defaults, unless file or options say otherwise.
  static func broker(_ arguments: Arguments, file: PropertiesFile) throws(CommandFailure) -> PropertiesFile {
    var properties = file.withoutTLS
    if arguments.has("name-servers") {
      let list = try arguments.required("name-servers")
      guard list.utf8.contains(where: { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }) else {
        throw arguments.failure("option '--name-servers' names no server: '\(list)'")
      }
      properties["namesrvAddr"] = list
    }
    if let store = try arguments.filled("store") { properties["storePathRootDir"] = store }
    if let loops = try arguments.integer("loops", in: 1...200) { properties["loops"] = "\(loops)" }
    if let bind = try arguments.filled("bind") { properties["bindAddress"] = bind }
    if let host = try arguments.filled("advertise") { properties["brokerIP1"] = host }
    return properties
  }

  /// What the log is to hold at least; fails for a name that is no level.
  static func logLevel(_ arguments: Arguments) throws(CommandFailure) -> LogLevel {
    guard let name = arguments.trimmed("log-level") else { return .info }
    guard let level = LogLevel(name: name) else {
      throw arguments.failure("option '--log-level' takes debug, info, warning or error, not '\(name)'")
    }
    return level
  }

  /// Whether binding to `host` takes connections on every address of the machine.
  static func isEveryAddress(_ host: String) -> Bool { ["0.0.0.0", "::", "[::]", ""].contains(host) }

  /// The broker's settings from its entries.
  static func settings(
    _ properties: PropertiesFile, machine: BrokerSettings.Machine
  ) throws(CommandFailure) -> BrokerSettings {
    do throws(SettingError) {
      return try BrokerSettings(properties, machine: machine, now: SystemClock.wall())
    } catch {
      throw CommandFailure(.configuration, "\(error)")
    }
  }

  /// What the defaults of settings are taken from. As for Java, its system properties stand above the environment.
  static func machine(java: JavaOptions = .ofProcess) throws(CommandFailure) -> BrokerSettings.Machine {
    do throws(SystemError) {
      let own = try SocketAddress.own()
      let outside = own.first { !$0.isLoopback && !$0.isIPv6 } ?? own.first { !$0.isLoopback }
      let name = String(decoding: try ProcessIO.contents(of: "/proc/sys/kernel/hostname"), as: UTF8.self)
      return BrokerSettings.Machine(
        cores: Thread.processorCount, hostName: name.filter { !$0.isWhitespace }, address: outside?.host ?? "127.0.0.1",
        storeRoot: home(java) + "/store",
        rocketmqHome: java["rocketmq.home.dir"] ?? ProcessIO.environment("ROCKETMQ_HOME"),
        nameServers: java["rocketmq.namesrv.addr"] ?? ProcessIO.environment("NAMESRV_ADDR"))
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
  }

  /// The home directory that Java is told of, else of whoever runs this; where there is none, the current one.
  static func home(_ java: JavaOptions = .ofProcess) -> String {
    java["user.home"] ?? ProcessIO.environment("HOME") ?? "."
  }

  /// The settings that `-m` prints: those that Java marks as important.
  static let importantKeys = [
    "namesrvAddr", "brokerIP1", "brokerName", "brokerClusterName", "brokerId", "listenPort", "bindAddress",
    "adminAllow",
    "autoCreateTopicEnable", "autoCreateSubscriptionGroup", "traceTopicEnable", "rejectTransactionMessage",
    "storePathRootDir", "storePathCommitLog", "deleteWhen", "fileReservedTime", "flushDiskType", "brokerRole",
  ]

  /// The text of `-p`, or of `-m`; nil when neither was asked for.
  static func printout(_ arguments: Arguments, _ settings: BrokerSettings) -> String? {
    if arguments.has("print") { return settings.lines }
    guard arguments.has("print-important") else { return nil }
    return importantKeys.compactMap { key in settings[key].map { "\(key)=\($0)\n" } }.joined()
  }
}
