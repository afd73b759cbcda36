import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

extension Broker {
  /// What was found on the disk.
  struct Opened {
    var store: SharedStore
    var index: MessageIndex?
    var tables: ConfigStore.Stored
    var delayLevels: DelayLevels
  }

  /// Opens store, index and configuration files. Every choice that recovery made is logged and collected.
  static func open(
    _ settings: BrokerSettings, disk: any Disk, memoryBytes: Int64, log: Logger, _ said: inout [String]
  ) throws(BrokerError) -> Opened {
    let keeping = settings.keeping
    let store: MessageStore
    do throws(StoreError) {
      var collected: [String] = []
      let reporter = RecoveryReporter(log: log)
      store = try MessageStore.open(
        disk: disk, settings: StoreSettings(settings, memoryBytes: memoryBytes),
        workers: .threads(Thread.processorCount, name: "apus-load"),
        log: { event in
          collected.append("\(event)")
          log.report(event)
        }, progress: { reporter.report($0) })
      said = collected
    } catch {
      throw .store(error)
    }
    let tables: ConfigStore.Stored
    do throws(ConfigFileError) {
      tables = try ConfigStore.load(root: keeping.root, disk: disk, light: settings.topicRules.hasLightTopics)
    } catch {
      throw .files(error)
    }
    for fallback in tables.fallbacks { log.warning("broker", "\(fallback)") }
    do throws(DiskError) {
      let warnings = StartWarnings.lines(
        logDirectory: keeping.commitLog, space: try disk.space(of: keeping.commitLog),
        logFileBytes: keeping.segmentBytes, newest: store.newestStoreTime, now: SystemClock.wall(),
        missing: store.wasClosed ? tables.missing : [])
      for line in warnings { log.warning("broker", line) }
      let index = try keeping.indexLayout.map { layout throws(DiskError) in
        try openIndex(layout, keeping, store, disk, log)
      }
      let shared = SharedStore(store, disk: disk, isSynchronous: keeping.syncsBeforeAcknowledging)
      return Opened(store: shared, index: index, tables: tables, delayLevels: store.settings.delayLevels)
    } catch {
      throw .disk(error)
    }
  }

  /// Takes the offsets of groups back to the ends of their queues, where a power loss took messages that a group had
  /// consumed: the next messages get the queue offsets of the lost ones, and the group would miss them. The file is
  /// written before any message comes, as afterwards nothing tells a new message from a lost one.
  static func takeBackOffsets(
    _ offsets: Locked<ConsumerOffsets>, to store: SharedStore, _ config: ConfigStore, _ log: Logger
  ) throws(DiskError) {
    guard !store.withLock({ $0.wasClosed }) else { return }
    var known = offsets.withLock { $0 }
    let taken = try known.takeBack { topic, id throws(DiskError) in
      guard let queue = try store.queue(topic: topic, id: id) else { return 0 }
      return store.withLock { _ in queue.maxOffset.rawValue }
    }
    guard !taken.isEmpty else { return }
    for change in taken {
      log.warning(
        "broker", "a group goes on at the end of its queue, which lost its newest messages",
        ["topic": change.topic, "group": change.group, "queue": change.queue, "from": change.from, "to": change.end])
    }
    let changed = known
    offsets.withLock { $0 = changed }
    try config.saveOffsets()
  }

  /// Makes the topics known that have queues: light ones, and after a crash those whose settings it took, as a send
  /// that makes a topic is answered before `topics.json` is written.
  static func adoptTopics(
    _ tables: BrokerTables, from store: SharedStore, _ config: ConfigStore, _ log: Logger
  ) throws(DiskError) {
    let names = store.withLock { $0.topicsWithQueues }
    tables.adoptLightTopics(names)
    guard !store.withLock({ $0.wasClosed }) else { return }
    var adopted = false
    for name in names where tables.topics.withLock({ $0.find(name) == nil }) {
      var highest: Int32?
      for id in store.withLock({ $0.queueIDs(ofTopic: name) }) {
        guard let queue = try store.queue(topic: name, id: id) else { continue }
        if store.withLock({ _ in queue.maxOffset > queue.minOffset }) { highest = id }
      }
      guard let highest else { continue }
      let made = tables.topics.withLock { $0.adopt(name, highestQueue: highest, now: SystemClock.wall()) }
      guard let made else { continue }
      adopted = true
      log.warning(
        "broker", "a topic with messages had no settings, it was made anew",
        ["topic": name, "queues": made.config.readQueueCount])
    }
    if adopted { try config.saveTopics() }
  }

  /// How many requests and reads may wait for the I/O threads.
  private static let ioCapacity = 4096

  /// Starts the threads that may wait for the device.
  static func ioThreads(_ settings: BrokerSettings) throws(BrokerError) -> IOThreads {
    do throws(SystemError) {
      return try IOThreads(count: settings.process.ioThreads, capacity: ioCapacity)
    } catch {
      throw .system(error)
    }
  }

  /// What is kept for each loop.
  static func states(
    _ settings: BrokerSettings, _ identity: BrokerIdentity, on loops: [EventLoop], _ access: AccessFiles?
  ) -> [BrokerLoop] {
    loops.map { loop in
      let state = BrokerLoop(
        loop: loop, identity: identity, serving: settings.serving,
        parkedLimit: max(settings.process.parkedPulls / loops.count, 1),
        parkedPerConnection: settings.process.parkedPullsPerConnection)
      state.access = access?.snapshot
      return state
    }
  }

  private static func openIndex(
    _ layout: IndexLayout, _ keeping: BrokerSettings.Keeping, _ store: MessageStore, _ disk: any Disk, _ log: Logger
  ) throws(DiskError) -> MessageIndex {
    let (index, removed) = try MessageIndex.open(
      disk: disk, settings: MessageIndex.Settings(directory: keeping.root + "/index", layout: layout),
      after: MessageIndex.Left(
        cleanly: store.wasClosed, checkpoint: store.indexTime, logEnd: store.marks.appended))
    for name in removed { log.info("index", "index file built anew", ["file": name]) }
    return index
  }

  /// What is served over HTTP from the broker's parts.
  static func pages(
    _ parts: BrokerParts, _ messages: any StoredMessages, _ service: BrokerService, _ transactions: Transactions,
    _ registration: NameServerRegistration
  ) -> BrokerPages {
    let metrics = MetricsPage(
      parts: parts, messages: messages, service: service, transactions: transactions, registration: registration,
      booted: SystemClock.wall())
    return BrokerPages(metrics: metrics, store: parts.store, io: parts.io)
  }

  /// Registers the broker with its topics as they are at each moment.
  static func registration(
    _ settings: BrokerSettings, _ identity: BrokerIdentity, _ tables: BrokerTables, loop: EventLoop, io: IOThreads,
    tls: ClientTLS?, log: Logger
  ) -> NameServerRegistration {
    var options = NameServerRegistration.Options()
    options.rounds = Registration.Settings(
      period: settings.registering.period, isForced: settings.registering.isForced)
    options.timeout = settings.registering.timeout
    options.isCompressed = settings.registering.isCompressed
    return NameServerRegistration(
      broker: NameServerRegistration.Broker(
        cluster: identity.cluster, name: identity.name, id: identity.id, address: identity.address,
        haServerAddress: "\(settings.identity.replicaHost):\(settings.identity.port + 1)"),
      options: options, loop: loop, resolver: io,
      topics: {
        let permission = tables.settings.withLock { $0.serving.permission }
        // A copy, so that no send waits while it is sorted.
        let topics = tables.topics.withLock { $0 }
        return TopicTable(
          version: topics.version, topics: NameServerRegistration.masked(topics.all.map(\.config), by: permission))
      },
      adopt: { answer in
        guard let ordered = answer.orderTopics else { return }
        _ = tables.topics.withLock { $0.applyOrder(Set(ordered.keys), now: SystemClock.wall()) }
      }, tls: tls, log: log)
  }
}

extension Logger {
  /// Writes what happened to a store: a warning unless it is a part of ordinary work.
  func report(_ event: StoreEvent) {
    if event.isOrdinary { info("store", "\(event)") } else { warning("store", "\(event)") }
  }
}

extension BrokerIdentity {
  /// The identity that settings describe. `brokerIP1` may be a name, which is looked up.
  init(_ settings: BrokerSettings) throws(BrokerError) {
    let identity = settings.identity
    guard let port = UInt16(exactly: identity.port) else { throw .setting("listenPort \(identity.port) is no port") }
    let found: [SocketAddress]
    do throws(SystemError) {
      found = try SocketAddress.resolve(identity.host, port: port, forBinding: false)
    } catch {
      throw .setting("brokerIP1 \(identity.host): \(error)")
    }
    guard let address = found.first(where: { !$0.isIPv6 }) ?? found.first else {
      throw .setting("brokerIP1 \(identity.host) has no address")
    }
    self.init(
      name: identity.broker, cluster: identity.cluster, region: identity.region, id: identity.id,
      storeHost: HostAddress(address), address: "\(identity.host):\(identity.port)")
  }
}

extension StoreSettings {
  /// The store's part of a broker's settings, for a machine with this much memory.
  init(_ settings: BrokerSettings, memoryBytes: Int64) {
    let (keeping, serving) = (settings.keeping, settings.serving)
    self.init(root: keeping.root)
    logDirectory = keeping.commitLog
    logFileBytes = Int(keeping.segmentBytes)
    queueFileBytes = Int(keeping.queueFileBytes)
    extendsQueues = keeping.extendsQueues
    extensionFileBytes = Int(keeping.extensionFileBytes)
    dispatchesToLightQueues = keeping.dispatchesToLightQueues
    lightQueueLimit = Int(keeping.lightQueueLimit)
    if let levels = keeping.delayLevels { delayLevels = levels }
    checksOnRecovery = keeping.checksCRCOnRecovery
    self.memoryBytes = memoryBytes / 100 * Int64(serving.memoryPercent)
    memoryPull = PullLimit(serving.fromMemory)
    diskPull = PullLimit(serving.fromDisk)
  }
}

extension StoreSettings.PullLimit {
  /// A limit in a broker's settings.
  init(_ limit: BrokerSettings.PullLimit) { self.init(bytes: limit.bytes, count: limit.messages) }
}

extension Retention.Settings {
  /// The retention part of a broker's settings.
  init(_ keeping: BrokerSettings.Keeping) {
    self.init()
    deletionHours = Set(keeping.deletionHours)
    reservedTime = keeping.retention
    maxUsedRatio = Double(keeping.diskPercent) / 100
    forcedEnabled = keeping.cleansForcibly
  }
}

extension StoreThreads.Settings {
  /// The intervals in a broker's settings.
  init(_ keeping: BrokerSettings.Keeping) {
    self.init()
    flushInterval = keeping.flushInterval
    queueInterval = keeping.queueFlushInterval
  }
}

extension Housekeeper.Intervals {
  /// The intervals in a broker's settings.
  init(_ keeping: BrokerSettings.Keeping) {
    self.init()
    files = keeping.offsetInterval
    retention = keeping.cleaningInterval
    scrubBytes = keeping.scrubBytes
    delays = keeping.delayOffsetInterval
  }
}
