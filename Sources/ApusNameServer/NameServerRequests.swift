package import ApusBase
package import ApusModel
package import ApusProtocol
package import ApusRouteCore
package import ApusSystem

/// What the name server answers to requests: its tables, its settings, and one handler for each code in Handlers/.
///
/// Handlers do not block. What writes a file is handed back as work for the one thread that writes; there a change is
/// first stored and then made visible, so that what a client was told, and what it reads back, is on disk.
package final class NameServerRequests: Sendable {
  /// Who asks, and when.
  package struct Context {
    /// The peer's address.
    package var peer: HostAddress
    /// The peer's connection.
    package var link: RouteLink
    /// The time of the request.
    package var now: MonotonicTime

    /// Describes who asks, and when.
    package init(peer: HostAddress, link: RouteLink, now: MonotonicTime) {
      self.peer = peer
      self.link = link
      self.now = now
    }
  }

  /// How a request is answered.
  package enum Outcome {
    /// With this.
    case reply(Reply)
    /// With what this returns, run on the thread that writes files and nowhere else.
    case write(@Sendable () -> Reply)
  }

  let routes: Locked<RouteTable>
  let kv: Locked<KVConfig>
  let settings: Locked<NameServerSettings>
  let files: NameServerFiles
  let log: Logger
  private let access: AdminAccess

  /// Loads what was stored before. Throws when a file is damaged beyond its backup.
  package init(
    settings: NameServerSettings, ownAddresses: [HostAddress], disk: any Disk, log: Logger,
    limits: RouteLimits = RouteLimits()
  ) throws(ConfigFileError) {
    files = NameServerFiles(settings: settings, disk: disk)
    let (stored, source) = try files.loadKV()
    if case .backup(let damage) = source {
      log.warning(
        "namesrv", "KV settings loaded from the backup",
        ["cause": damage?.description ?? "the file was missing or empty"])
    }
    access = AdminAccess(ownAddresses: ownAddresses, networks: settings.adminAllow)
    kv = Locked(stored)
    var table = RouteTable(limits: limits, seed: UInt64.random(in: .min ... .max))
    table.replaceOrderTopics(Self.orderTopics(settings, stored))
    routes = Locked(table)
    self.settings = Locked(settings)
    self.log = log
  }

  /// Answers one request.
  package func answer(_ request: borrowing Request, _ context: Context) -> Outcome {
    do throws(Refusal) {
      try AdministeringCodes.nameServer.check(request.code, from: context.peer, access)
      return try dispatch(request, context)
    } catch {
      return .reply(Reply(error))
    }
  }

  private func dispatch(_ request: borrowing Request, _ context: Context) throws(Refusal) -> Outcome {
    switch request.code {
    case .getRouteInfoByTopic: .reply(getRouteInfoByTopic(request))
    case .registerBroker: .reply(try registerBroker(request, context))
    case .unregisterBroker: .reply(try unregisterBroker(request))
    case .queryDataVersion: .reply(try queryDataVersion(request, context))
    case .putKVConfig: try putKVConfig(request)
    case .deleteKVConfig: try deleteKVConfig(request)
    case .getKVConfig: .reply(try getKVConfig(request))
    case .getKVListByNamespace: .reply(try getKVListByNamespace(request))
    case .getBrokerClusterInfo: .reply(getBrokerClusterInfo())
    case .wipeWritePermOfBroker: .reply(try wipeWritePermOfBroker(request))
    case .addWritePermOfBroker: .reply(try addWritePermOfBroker(request))
    case .deleteTopicInNamesrv: .reply(try deleteTopicInNamesrv(request))
    case .getAllTopicListFromNameserver: .reply(getAllTopicListFromNameserver())
    case .getTopicsByCluster: .reply(try getTopicsByCluster(request))
    case .getSystemTopicListFromNs: .reply(getSystemTopicListFromNameserver())
    case .getUnitTopicList: .reply(getUnitTopicList())
    case .getHasUnitSubTopicList: .reply(getHasUnitSubTopicList())
    case .getHasUnitSubUnunitTopicList: .reply(getHasUnitSubUnunitTopicList())
    case .updateNamesrvConfig: try updateNamesrvConfig(request)
    case .getNamesrvConfig: .reply(getNamesrvConfig())
    default:
      // Java's name server stays silent, and the caller waits for its timeout.
      .reply(Reply(.requestCodeNotSupported, remark: " request type \(request.header.code) not supported"))
    }
  }

  /// Whether a broker is registered under an address, `host:port`.
  package func knows(brokerAt address: String) -> Bool { routes.withLock { $0.knows(brokerAt: address) } }

  // MARK: Connections and time

  /// A connection ended.
  package func connectionLost(_ link: RouteLink) {
    for address in routes.withLock({ $0.connectionLost(link) }) {
      log.info("namesrv", "broker removed, its connection ended", ["address": address])
    }
  }

  /// Removes silent brokers. Returns the connections to be closed.
  package func removeSilentBrokers(now: MonotonicTime) -> [RouteLink] {
    let expired = routes.withLock { $0.scan(now: now) }
    for broker in expired {
      log.warning("namesrv", "broker removed, it was silent", ["address": broker.address, "name": broker.brokerName])
    }
    return expired.map(\.link)
  }

  // MARK: Changes, on the writing thread

  /// Changes the KV settings: stores, then shows.
  func changeKV(_ change: (inout KVConfig) -> Bool) -> Reply {
    var changed = kv.withLock { $0 }
    guard change(&changed) else { return Reply() }
    do throws(DiskError) {
      try files.storeKV(changed)
    } catch {
      log.error("namesrv", "KV settings not stored", ["cause": error])
      return Reply(.systemError, remark: "the KV settings cannot be stored: \(error)")
    }
    let result = changed
    kv.withLock { $0 = result }
    showOrderTopics()
    return Reply()
  }

  /// Gives routes the order configurations that settings and KV settings ask for.
  func showOrderTopics() {
    let table = Self.orderTopics(settings.withLock { $0 }, kv.withLock { $0 })
    routes.withLock { $0.replaceOrderTopics(table) }
  }

  private static func orderTopics(_ settings: NameServerSettings, _ kv: KVConfig) -> [String: String] {
    settings.isOrderEnabled ? kv.values(in: KVConfig.orderTopics) ?? [:] : [:]
  }
}
