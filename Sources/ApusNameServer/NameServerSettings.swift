package import ApusBase
package import ApusModel

/// The name server's settings under RocketMQ's own keys.
///
/// All keys of Java are known, kept and shown, so that existing files and tools work; those that size Java's threads
/// and buffers, and `clusterTest` with `productEnvName`, change nothing here. `adminAllow` is ours.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/namesrv/NamesrvConfig.java and
/// remoting/src/main/java/org/apache/rocketmq/remoting/netty/NettyServerConfig.java
package struct NameServerSettings: Hashable, Sendable {
  /// What kind of value a key takes.
  private enum Kind {
    case text
    case number
    case truth
  }

  /// Java's keys in the order in which Java shows them, with their defaults; nil where the default depends on the
  /// machine.
  private static let known: [(key: String, kind: Kind, standard: String?)] = [
    ("serverSocketBacklog", .number, "1024"),
    ("writeBufferHighWaterMark", .number, "0"),
    ("serverWorkerThreads", .number, "8"),
    ("serverSelectorThreads", .number, "3"),
    ("serverChannelMaxIdleTimeSeconds", .number, "120"),
    ("configBlackList", .text, "configBlackList;configStorePath;kvConfigPath"),
    ("writeBufferLowWaterMark", .number, "0"),
    ("serverSocketRcvBufSize", .number, "0"),
    ("serverAsyncSemaphoreValue", .number, "64"),
    ("kvConfigPath", .text, nil),
    ("configStorePath", .text, nil),
    ("clusterTest", .truth, "false"),
    ("orderMessageEnable", .truth, "false"),
    ("serverSocketSndBufSize", .number, "0"),
    ("serverOnewaySemaphoreValue", .number, "256"),
    ("serverCallbackExecutorThreads", .number, "0"),
    ("listenPort", .number, "9876"),
    ("rocketmqHome", .text, nil),
    ("productEnvName", .text, "center"),
    ("useEpollNativeSelector", .truth, "false"),
    ("serverPooledByteBufAllocatorEnable", .truth, "true"),
  ]

  /// Every setting with its value, in Java's order.
  private var values: PropertiesFile
  /// What else the configuration file holds: kept, so that storing does not lose it.
  private var others = PropertiesFile()
  /// The networks of setting `adminAllow`. It cannot be changed by a request.
  package private(set) var adminAllow: [Network] = []

  /// The defaults for a name server that keeps its files in `home`.
  package init(home: String) {
    values = PropertiesFile()
    for (key, _, standard) in Self.known {
      switch key {
      case "kvConfigPath": values[key] = home + "/kvConfig.json"
      case "configStorePath": values[key] = home + "/namesrv.properties"
      case "rocketmqHome": values[key] = home
      default: values[key] = standard
      }
    }
  }

  /// Takes over a configuration file. Unknown keys are returned, so that a start can warn of them. With a `path`,
  /// settings changed by requests are stored in that file, as in Java; its unknown keys are kept, its comments are not.
  /// Without one they are stored in `configStorePath`, which only `apus serve` reads at its start.
  package mutating func load(_ file: PropertiesFile, from path: String? = nil) throws(DecodeError) -> [String] {
    if let list = file[AdminAccess.settingName] { adminAllow = try Network.list(list) }
    try replace(with: file)
    for entry in file.entries where values[entry.key] == nil { others[entry.key] = entry.value }
    if let path { values["configStorePath"] = path }
    return others.entries.map(\.key).filter { $0 != AdminAccess.settingName }
  }

  /// Takes over the known keys of a request; unknown ones are ignored, as in Java. Throws before anything is changed.
  package mutating func replace(with given: PropertiesFile) throws(DecodeError) {
    // Blanks behind a value cannot be seen in a file.
    let changes = PropertiesFile(
      given.entries.map { PropertiesFile.Entry($0.key, String(Substring($0.value).trimmed)) })
    for (key, kind, _) in Self.known {
      guard let value = changes[key] else { continue }
      switch kind {
      case .text: break
      case .number:
        guard Int32(value) != nil else { throw DecodeError(field: key, offset: 0, reason: "\(value) is no number") }
      case .truth:
        guard ["true", "false"].contains(value.lowercased()) else {
          throw DecodeError(field: key, offset: 0, reason: "\(value) is neither true nor false")
        }
      }
    }
    // Kept, it would let no start succeed.
    if let port = changes["listenPort"].flatMap({ Int32($0) }), !(0...65_535).contains(port) {
      throw DecodeError(field: "listenPort", offset: 0, reason: "\(port) is not from 0 to 65535")
    }
    for entry in changes.entries where values[entry.key] != nil { values[entry.key] = entry.value }
  }

  /// The keys of a change that nobody knows: they are passed over.
  package func unknown(in changes: PropertiesFile) -> [String] {
    changes.entries.map(\.key).filter { values[$0] == nil }
  }

  /// The first of some keys that requests may not change: those of `configBlackList`, `rocketmqHome` and `adminAllow`.
  package func forbidden(in changes: PropertiesFile) -> String? {
    let list = text("configBlackList").split(separator: ";").map { $0.trimmed }
    let fixed = ["rocketmqHome", AdminAccess.settingName]
    return changes.entries.map(\.key).first { key in fixed.contains(key) || list.contains { $0 == key } }
  }

  /// The settings as properties text, one a line.
  package var properties: [UInt8] { values.text }

  /// What is stored: the settings, and what else the configuration file held.
  package var stored: [UInt8] { values.text + others.text }

  /// Where the KV settings are kept.
  package var kvConfigPath: String { text("kvConfigPath") }
  /// Where settings changed by requests are kept.
  package var configStorePath: String { text("configStorePath") }
  /// The port to listen on; 0 lets the system choose.
  package var listenPort: Int32 { Int32(text("listenPort")) ?? 9876 }
  /// Whether routes carry order configurations.
  package var isOrderEnabled: Bool { text("orderMessageEnable").lowercased() == "true" }

  private func text(_ key: String) -> String { values[key] ?? "" }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var rest = self
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
