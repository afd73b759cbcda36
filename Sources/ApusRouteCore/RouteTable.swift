package import ApusBase
package import ApusModel

/// The name server's picture of the cluster: which broker group holds which queues of which topic, and where its
/// brokers listen.
///
/// One method per input; time is an argument and a connection is a number. A topic's route is encoded once and kept
/// until something that stands in it changes, so that looking a route up costs one dictionary access.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:namesrv/src/main/java/org/apache/rocketmq/namesrv/routeinfo/RouteInfoManager.java.
/// Deviations, all of them where Java's table goes wrong:
/// - Liveness is measured by a clock that does not jump, so that setting the machine's clock removes no broker.
/// - Leaving takes a broker out only where the address is its own: a replaced process that shuts down late does not
///   remove its successor, which has taken over its number within the group.
/// - A broker that comes back under another broker name or cluster leaves the old one; Java lists it in both.
/// - A broker that asks for the data version (322) over a new connection belongs to that one; in Java the end of the
///   old connection removes it. One whose number within the group is free, as another had it that left, is to register;
///   in Java it is told that nothing has changed, and clients do not find it until its topics do.
/// - Giving the write permission back adds that bit alone; Java sets read and write, and TBW102 loses its inherit bit.
/// - The number of brokers and of queue entries is limited (``RouteLimits``).
package struct RouteTable: Sendable {
  /// After how long a silence a broker is removed, by default.
  package static let defaultLiveness: Duration = .seconds(120)

  let liveness: Duration
  let limits: RouteLimits
  /// Topic to its queues by broker group, sorted by group, so that every name server answers the same. Never empty.
  var topics: [String: [QueueEntry]] = [:]
  /// Broker group to the topics that it has queues of, so that what concerns one group costs nothing for the others'
  /// topics: anybody may register a group and leave again.
  private var topicsOfGroup: [String: Set<String>] = [:]
  /// Routes as last encoded, found by the bytes of a request. Holds topics of the table only.
  var encoded: ByteKeyedTable<EncodedRoute>
  var encodedBytes = 0
  var groups: [String: BrokerGroup] = [:]
  /// Cluster to names of its groups.
  var clusters: [String: Set<String>] = [:]
  /// Address to what is known of the process there.
  private var live: [String: LiveBroker] = [:]
  private var links: [RouteLink: Set<String>] = [:]
  /// Topic to its order configuration; empty while `orderMessageEnable` is off.
  private(set) var orderTopics: [String: String] = [:]
  /// Counts changes that may concern every encoded route: addresses, filter servers, order configurations.
  var generation: UInt64 = 0
  private var queueEntryCount = 0

  /// Whether a broker is registered under an address, `host:port`.
  package func knows(brokerAt address: String) -> Bool { live[address] != nil }

  /// Makes an empty table. A random `seed` keeps clients from choosing topics that are slow to find.
  package init(liveness: Duration = defaultLiveness, limits: RouteLimits = RouteLimits(), seed: UInt64 = 0) {
    encoded = ByteKeyedTable(seed: seed)
    self.liveness = liveness
    self.limits = limits
  }

  // MARK: Brokers come and go

  /// A broker registers. Topics count only from a master, and only when its group or its number within the group is
  /// new or its data version differs from the one known. An address stands once within its group: its former number
  /// is taken away.
  package mutating func register(
    _ registration: BrokerRegistration, over link: RouteLink, now: MonotonicTime
  ) -> RegistrationOutcome {
    let broker = registration.broker
    let known = live[broker.address]
    guard known != nil || live.count < limits.brokers, hasRoom(for: registration) else { return .full }

    if let known, known.brokerName != broker.brokerName { detach(broker.address, from: known.brokerName) }
    let isNewNumber = place(broker)
    let isChanged = registration.dataVersion == nil || known?.dataVersion != registration.dataVersion
    if broker.brokerID == 0, isNewNumber || isChanged {
      for topic in registration.topics { update(topic, of: broker.brokerName) }
    }

    if let known { unlink(broker.address, from: known.link) }
    links[link, default: []].insert(broker.address)
    let filterServers = registration.filterServers ?? known?.filterServers ?? []
    if filterServers != known?.filterServers ?? [] { generation += 1 }
    live[broker.address] = LiveBroker(
      brokerName: broker.brokerName, brokerID: broker.brokerID, lastHeard: now, dataVersion: registration.dataVersion,
      link: link, haServerAddress: registration.haServerAddress, filterServers: filterServers)

    guard broker.brokerID != 0, let master = groups[broker.brokerName]?.addresses[0], let masterLive = live[master]
    else {
      return .registered(masterAddress: nil, haServerAddress: nil)
    }
    return .registered(masterAddress: master, haServerAddress: masterLive.haServerAddress)
  }

  /// A broker asks whether its data version is the one known (code 322). Only then is it a sign of life: a broker whose
  /// topics changed, or that has no place in its group, is to register. `known` is nil for a broker that is not in the
  /// table.
  package mutating func compare(
    _ version: DataVersion, of address: String, over link: RouteLink, now: MonotonicTime
  ) -> (isChanged: Bool, known: DataVersion?) {
    guard var broker = live[address] else { return (true, nil) }
    guard broker.dataVersion == version, groups[broker.brokerName]?.addresses[broker.brokerID] != nil else {
      return (true, broker.dataVersion)
    }
    if broker.link != link {
      unlink(address, from: broker.link)
      links[link, default: []].insert(address)
      broker.link = link
    }
    broker.lastHeard = now
    live[address] = broker
    return (false, version)
  }

  /// A broker leaves (code 104).
  package mutating func unregister(_ broker: BrokerIdentity) {
    guard groups[broker.brokerName]?.addresses[broker.brokerID] == broker.address else { return }
    remove(broker.address)
  }

  /// A connection ended: the brokers that registered over it are gone at once. Returns their addresses.
  package mutating func connectionLost(_ link: RouteLink) -> [String] {
    guard let addresses = links.removeValue(forKey: link)?.sorted() else { return [] }
    for address in addresses { remove(address) }
    return addresses
  }

  /// Removes the brokers that have been silent for longer than the liveness allows; their connections are to be closed.
  package mutating func scan(now: MonotonicTime) -> [ExpiredBroker] {
    var expired: [ExpiredBroker] = []
    for (address, broker) in live where now - broker.lastHeard > liveness {
      expired.append(ExpiredBroker(address: address, brokerName: broker.brokerName, link: broker.link))
    }
    expired.sort { $0.address < $1.address }
    for broker in expired { remove(broker.address) }
    return expired
  }

  // MARK: Administering

  /// Takes the write permission from every queue of a broker group, or gives it back, until the group registers with
  /// another data version. Returns how many topics that concerned.
  package mutating func allowWriting(_ isAllowed: Bool, to brokerName: String) -> Int {
    var count = 0
    for topic in topicsOfGroup[brokerName] ?? [] {
      guard let index = topics[topic]?.firstIndex(where: { $0.brokerName == brokerName }) else { continue }
      count += 1
      let permission = topics[topic]![index].permission
      let changed = isAllowed ? permission.union(.write) : permission.subtracting(.write)
      if changed != permission {
        topics[topic]![index].permission = changed
        forget(topic)
      }
    }
    return count
  }

  /// Forgets a topic, everywhere or in the groups of one cluster (code 216).
  package mutating func deleteTopic(_ topic: String, inCluster cluster: String? = nil) {
    guard let queues = topics[topic] else { return }
    let names = cluster.map { clusters[$0] ?? [] }
    var kept: [QueueEntry] = []
    for entry in queues {
      if let names, !names.contains(entry.brokerName) {
        kept.append(entry)
      } else {
        topicsOfGroup[entry.brokerName]?.remove(topic)
      }
    }
    queueEntryCount -= queues.count - kept.count
    topics[topic] = kept.isEmpty ? nil : kept
    forget(topic)
  }

  /// Sets the order configurations that routes carry: those of namespace `ORDER_TOPIC_CONFIG` while
  /// `orderMessageEnable` is on.
  package mutating func replaceOrderTopics(_ table: [String: String]) {
    guard table != orderTopics else { return }
    orderTopics = table
    generation += 1
  }

  // MARK: Parts

  /// Puts an address under its number. Returns whether that number was free, which makes this the first registration.
  private mutating func place(_ broker: BrokerIdentity) -> Bool {
    var group = groups[broker.brokerName] ?? BrokerGroup(cluster: broker.cluster)
    let before = group
    if group.cluster != broker.cluster {
      leaveCluster(group.cluster, broker.brokerName)
      group.cluster = broker.cluster
    }
    clusters[broker.cluster, default: []].insert(broker.brokerName)
    for (number, address) in group.addresses where address == broker.address && number != broker.brokerID {
      group.addresses[number] = nil
    }
    let previous = group.addresses.updateValue(broker.address, forKey: broker.brokerID)
    if group != before { generation += 1 }
    groups[broker.brokerName] = group
    return previous == nil
  }

  /// Whether the topics that a registration adds fit. They are counted only when the table is nearly full.
  private func hasRoom(for registration: BrokerRegistration) -> Bool {
    let room = limits.queueEntries - queueEntryCount
    guard registration.topics.count > room else { return true }
    let name = registration.broker.brokerName
    let added = registration.topics.count { topic in
      topics[topic.name]?.contains { $0.brokerName == name } != true
    }
    return added <= room
  }

  private mutating func update(_ config: TopicConfig, of brokerName: String) {
    let entry = QueueEntry(brokerName: brokerName, config)
    // Taken out while it changes, so that the list is not copied.
    var queues = topics.removeValue(forKey: config.name) ?? []
    let index = queues.firstIndex { $0.brokerName >= brokerName } ?? queues.count
    if index < queues.count, queues[index].brokerName == brokerName {
      if queues[index] != entry { forget(config.name) }
      queues[index] = entry
    } else {
      queues.insert(entry, at: index)
      forget(config.name)
      queueEntryCount += 1
      topicsOfGroup[brokerName, default: []].insert(config.name)
    }
    topics[config.name] = queues
  }

  /// Drops a topic's encoded route. Where two spellings could be one `String`, all of them are dropped.
  private mutating func forget(_ topic: String) {
    encoded.remove(topic)
    if !topic.utf8.allSatisfy({ $0 < 0x80 }) { generation += 1 }
  }

  /// Takes a process out of the table.
  private mutating func remove(_ address: String) {
    guard let broker = live.removeValue(forKey: address) else { return }
    unlink(address, from: broker.link)
    detach(address, from: broker.brokerName)
  }

  /// Takes an address out of a group; a group without addresses goes, and its queues with it.
  private mutating func detach(_ address: String, from brokerName: String) {
    guard var group = groups[brokerName] else { return }
    generation += 1
    group.addresses = group.addresses.filter { $0.value != address }
    guard group.addresses.isEmpty else {
      groups[brokerName] = group
      return
    }
    groups[brokerName] = nil
    leaveCluster(group.cluster, brokerName)
    removeQueues(of: brokerName)
  }

  private mutating func leaveCluster(_ cluster: String, _ brokerName: String) {
    clusters[cluster]?.remove(brokerName)
    if clusters[cluster]?.isEmpty == true { clusters[cluster] = nil }
  }

  private mutating func removeQueues(of brokerName: String) {
    for known in topicsOfGroup.removeValue(forKey: brokerName) ?? [] {
      // Spelled as it was registered last: its encoded route is found by the bytes.
      guard let topic = topics.index(forKey: known).map({ topics[$0].key }),
        let index = topics[topic]?.firstIndex(where: { $0.brokerName == brokerName })
      else { continue }
      queueEntryCount -= 1
      topics[topic]!.remove(at: index)
      if topics[topic]!.isEmpty { topics[topic] = nil }
      forget(topic)
    }
  }

  private mutating func unlink(_ address: String, from link: RouteLink) {
    links[link]?.remove(address)
    if links[link]?.isEmpty == true { links[link] = nil }
  }

  /// The filter servers of the process at an address.
  func filterServers(at address: String) -> [String] { live[address]?.filterServers ?? [] }
}

/// A broker that a scan removed.
package struct ExpiredBroker: Hashable, Sendable {
  /// Where it listened.
  package var address: String
  /// Its group.
  package var brokerName: String
  /// Its connection, to be closed.
  package var link: RouteLink
}

/// The queues of one topic in one broker group (QueueData).
struct QueueEntry: Hashable, Sendable {
  var brokerName: String
  var readQueueCount: Int32
  var writeQueueCount: Int32
  var permission: Permission
  var systemFlag: Int32

  init(brokerName: String, _ config: TopicConfig) {
    self.brokerName = brokerName
    readQueueCount = config.readQueueCount
    writeQueueCount = config.writeQueueCount
    permission = config.permission
    systemFlag = config.systemFlag
  }
}

/// A master and its replicas (BrokerData).
struct BrokerGroup: Hashable, Sendable {
  var cluster: String
  var addresses: [Int64: String] = [:]
}

/// What is known of a broker process.
private struct LiveBroker: Sendable {
  var brokerName: String
  var brokerID: Int64
  var lastHeard: MonotonicTime
  var dataVersion: DataVersion?
  var link: RouteLink
  var haServerAddress: String?
  var filterServers: [String]
}
