package import ApusBase
import ApusBrokerCore
package import ApusModel
import ApusProtocol
package import ApusRemoting
import ApusStore
import ApusStoreCore
package import ApusSystem
import Synchronization

/// The broker role, put together: opens the store, loads the tables, starts the threads, and ends them in order.
///
/// The order of a life: `init` (the store is recovered), bind ``port`` and ``secondPort``, `start`, `leave` (name
/// servers forget it), the server is made quiet, `drain` (what was accepted is answered), the server closes its
/// connections, `close`.
package final class Broker {
  /// Serves `listenPort`.
  package let port: BrokerPort
  /// Serves the port two below it: everything but pulls.
  package let secondPort: BrokerPort
  /// Metrics and probes, for an HTTP server.
  package let pages: BrokerPages
  /// What recovery said of the store.
  package let recovery: [String]
  /// Where the log ended when recovery was done: what lies before it was found on the device, what follows was stored
  /// by this broker.
  package let recoveredEnd: PhysicalOffset

  let parts: BrokerParts
  let service: BrokerService
  private let config: ConfigStore
  private let events: BrokerEvents
  private let transactions: Transactions
  private let checks: TransactionChecks
  private let registration: NameServerRegistration
  private let housekeeper: Housekeeper
  private let relay: FlushRelay
  /// Nil on a replica, whose master delivers.
  private let delayed: DelayedMessages?
  /// Nil as ``delayed``.
  let timed: TimedMessages?
  private let settings: BrokerSettings

  /// Opens the store and puts the parts together on running loops. `settingsFile` is where changes by code 25 are kept;
  /// with `clientTLS` name servers are talked to through TLS.
  package init(
    settings: BrokerSettings, settingsFile: SettingsFile?, loops: [EventLoop], ownAddresses: [HostAddress],
    disk: any Disk, memoryBytes: Int64, clientTLS: ClientTLS? = nil, log: Logger
  ) throws(BrokerError) {
    self.settings = settings
    let identity = try BrokerIdentity(settings)
    let access = try Self.accessFiles(settings, log: log)
    var said: [String] = []
    let opened = try Self.open(settings, disk: disk, memoryBytes: memoryBytes, log: log, &said)
    recovery = said
    let store = opened.store
    recoveredEnd = store.withLock { $0.marks.appended }
    let io = try Self.ioThreads(settings)
    do throws(DiskError) {
      var random = SystemRandom()
      let tables = BrokerTables(settings: settings, stored: opened.tables, now: SystemClock.wall(), seed: random.next())
      config = tables.configStore(root: settings.keeping.root, disk: disk)
      try Self.adoptTopics(tables, from: store, config, log)
      try Self.takeBackOffsets(tables.offsets, to: store, config, log)
      let commit = ConfigCommit(config: config, io: io, log: log)
      events = BrokerEvents(commit: commit)
      relay = FlushRelay()
      let threads = StoreThreads(
        store: store, settings: StoreThreads.Settings(settings.keeping),
        bitMaps: settings.filtering.mapsBits ? FilterBitMaps(tables.filters) : nil, log: log,
        onFlushed: { [relay] in relay.flushed() }, onSegment: { [relay] in relay.mayStore() })
      let index = opened.index.map { SharedIndex($0, store: store, log: log) }
      let duplicates = try DuplicateSends(
        capacity: settings.keeping.rememberedSends, rules: settings.serving.duplicates, store: store,
        root: settings.keeping.root, key: (random.next(), random.next()), log: log)
      parts = BrokerParts(
        identity: identity, tables: tables, store: store, threads: threads, index: index, duplicates: duplicates,
        io: io, listener: events, log: log, delayLevels: opened.delayLevels)
      let removals = TopicRemovals(store: store, onDecision: { [relay] in relay.mayStore() })
      let messages = StoreQueries(store: store, index: index, root: settings.keeping.root, removals: removals)
      let states = Self.states(settings, identity, on: loops, access)
      transactions = try Transactions(parts: parts, root: settings.keeping.root)
      let clients = ClientRelay(loops: loops)
      checks = TransactionChecks(parts, transactions: transactions, relay: clients, on: states[0])
      var table = tables.handlers(
        messages: messages, settingsFile: settingsFile, listener: events, booted: SystemClock.wall(),
        changes: parts.changes)
      table.add(
        .resumeCheckHalfMessage, .ioThread, ResumeCheckHalfMessageHandler(transactions: transactions, on: states[0]))
      if let access { table.add(access, identity: identity, log: log) }
      service = BrokerService(
        parts: parts, table: table, commit: commit,
        access: AdminAccess(ownAddresses: ownAddresses, networks: settings.process.adminNetworks),
        queryOffset: QueryConsumerOffsetHandler(topics: tables.topics, offsets: tables.offsets, messages: messages),
        transactions: transactions, relay: clients, states: states)
      access?.join { [weak service] in service?.adopt($0) }
      port = BrokerPort(service, servesPulls: true)
      secondPort = BrokerPort(service, servesPulls: false)
      registration = Self.registration(settings, identity, tables, loop: loops[0], io: io, tls: clientTLS, log: log)
      pages = Self.pages(parts, messages, service, transactions, registration)
      delayed = identity.id == 0 ? DelayedMessages(parts, config: config, on: states[0]) : nil
      timed = try identity.id == 0 ? TimedMessages(parts, root: settings.keeping.root, on: states[0]) : nil
      // From here on parts hold each other until the broker is closed, so nothing may fail any more.
      relay.join(service)
      events.join(registration: registration, service: service)
      if let delayed, let timed { service.join(delayed, timed) }
      housekeeper = Housekeeper(
        service: service, config: config, commit: commit, store: store, threads: threads, index: index, timed: timed,
        delayed: delayed, access: access, duplicates: duplicates, removal: tables.removal, topicRemovals: removals,
        settings: tables.settings, intervals: Housekeeper.Intervals(settings.keeping), log: log)
    } catch {
      io.stop()
      throw .disk(error)
    }
  }

  /// Prepares the log, starts the threads and begins to register with the name servers. When it throws, no thread runs
  /// but those of ``BrokerParts/io``, and the broker is to be closed.
  package func start() throws(BrokerError) {
    do throws(SystemError) {
      try parts.threads.start()
      try parts.index?.start()
      try housekeeper.start()
    } catch {
      housekeeper.stop()
      parts.threads.stop()
      parts.index?.stop()
      throw .system(error)
    }
    delayed?.start()
    timed?.start()
    if settings.identity.id == 0 { checks.start() }
    registration.start(nameServers: settings.identity.nameServers)
  }

  /// Leaves the name servers, waiting for their answers. Not to be called on a loop.
  package func leave() {
    pages.leave()
    events.leave()
    registration.stop()
  }

  /// Answers what was accepted: to be called when the server reads no more requests. Not to be called on a loop.
  package func drain(within limit: Duration) { service.drain(within: limit) }

  /// How many repeated sends were answered and not stored again.
  package var repetitionsAnswered: Int64 { parts.duplicates.answered.load(ordering: .relaxed) }

  /// Ends the threads, flushes and closes the store: to be called when the connections are closed. Each file is saved
  /// though another cannot be. Throws `unsaved` when the log is whole and on the device and something beside it could
  /// not be saved; the next start recovers then.
  package func close() throws(BrokerError) {
    delayed?.stop()
    timed?.stop()
    housekeeper.stop()
    parts.io.stop()
    parts.threads.stop()
    parts.refusals.tellRest(all: true)
    relay.leave()
    parts.index?.stop()
    for state in service.loops { state.loop.executeAndWait { [parts] in parts.messages.endWaiting(state) } }
    let isIndexWhole = parts.index?.close() ?? true
    // What the files say must not be ahead of the log.
    parts.store.flushAll()
    transactions.commitOffsets()
    var failures = config.saveAll()
    do throws(DiskError) { try transactions.saveCounts() } catch { failures.append(error) }
    do throws(DiskError) { try delayed?.saveAtEnd() } catch { failures.append(error) }
    do throws(DiskError) { try timed?.saveAtEnd() } catch { failures.append(error) }
    do throws(DiskError) { try parts.duplicates.close() } catch { failures.append(error) }
    let isWhole = isIndexWhole && failures.isEmpty
    do throws(DiskError) {
      try parts.store.withLock { (store) throws(DiskError) in try store.close(isWhole: isWhole) }
    } catch {
      guard parts.store.withLock({ $0.isFlushed }) else { throw .disk(error) }
      failures.append(error)
    }
    guard !isIndexWhole || !failures.isEmpty else { return }
    for failure in failures { parts.log.error("broker", "a file cannot be saved at the stop", ["cause": failure]) }
    throw .unsaved(failures)
  }
}
