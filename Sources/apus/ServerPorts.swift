import ApusBroker
import ApusCommandLine

/// The ports that a server process is asked to listen on, each with the setting that asks for it.
struct ServerPorts {
  private struct Wish {
    var setting: String
    var host: String
    /// 0 for a port that the system chooses, less for none.
    var port: Int
  }

  private let wishes: [Wish]

  /// The ports of a broker, and that of the name server beside it; nil when there is none.
  init(_ settings: BrokerSettings, nameServerPort: Int? = nil) {
    let host = settings.identity.bindAddress
    let port = Int(settings.identity.port)
    var wishes = [
      Wish(setting: "the broker's port (listenPort)", host: host, port: port),
      Wish(setting: "its second listener (listenPort − 2)", host: host, port: port - 2),
      Wish(
        setting: "metrics (metricsPromExporterPort)", host: settings.process.metricsHost,
        port: settings.process.metricsPort),
    ]
    if let nameServerPort {
      wishes.append(Wish(setting: "the name server (--namesrv-port)", host: host, port: nameServerPort))
    }
    self.wishes = wishes
  }

  /// Fails when two of them are the same port: the second to take it would say that another process has it.
  func requireDistinct() throws(CommandFailure) {
    for (index, wish) in wishes.enumerated() where wish.port > 0 {
      for other in wishes[..<index] where other.port == wish.port && Self.overlap(other.host, wish.host) {
        throw CommandFailure(
          .configuration,
          "\(other.setting) and \(wish.setting) cannot both be port \(wish.port); choose another for one")
      }
    }
  }

  /// Whether one port cannot be taken on both addresses.
  private static func overlap(_ one: String, _ other: String) -> Bool {
    one == other || Configuration.isEveryAddress(one) || Configuration.isEveryAddress(other)
  }
}
