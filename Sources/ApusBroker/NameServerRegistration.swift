import ApusBase
package import ApusBrokerCore
package import ApusModel
package import ApusProtocol
package import ApusRemoting
package import ApusSystem
import Synchronization

/// Registers a broker with its name servers: runs ``ApusBrokerCore/Registration`` on an event loop and carries out what
/// it asks for over a client of its own.
package final class NameServerRegistration: @unchecked Sendable {
  /// Who registers.
  package struct Broker: Hashable, Sendable {
    /// The cluster.
    package var cluster: String
    /// The group.
    package var name: String
    /// The number within the group; 0 is the master.
    package var id: Int64
    /// Where clients reach it, as `host:port`.
    package var address: String
    /// Where replicas reach it, as `host:port`.
    package var haServerAddress: String

    /// Describes a broker.
    package init(cluster: String, name: String, id: Int64, address: String, haServerAddress: String) {
      self.cluster = cluster
      self.name = name
      self.id = id
      self.address = address
      self.haServerAddress = haServerAddress
    }
  }

  /// How it registers.
  package struct Options: Sendable {
    /// When.
    package var rounds = Registration.Settings()
    /// How long a call may take (`registerBrokerTimeoutMills`).
    package var timeout = Registration.defaultTimeout
    /// Whether registrations are compressed (`compressedRegister`).
    package var isCompressed = false
    /// With more bytes than this they are in any case: name servers take no frame of more than 16 MiB, which some
    /// 90,000 topics fill.
    package var plainBytes = 15 << 20

    /// Java's defaults.
    package init() {}
  }

  /// What the broker's topics are at present, already masked where the broker's own permission is less than theirs: see
  /// ``masked(_:by:)``. Called on a thread that may take its time, as does what is made of them.
  package typealias Topics = @Sendable () -> TopicTable

  private let broker: Broker
  private let options: Options
  private let client: RemotingClient
  private let loop: EventLoop
  private let resolver: IOThreads
  private let topics: Topics
  private let adopt: @Sendable (Registration.Answer) -> Void
  private let log: Logger
  private let configuredCount = Atomic(0)
  private let knowingCount = Atomic(0)
  /// Owned by the loop, as everything below it.
  private var core: Registration
  private var addresses: [String: SocketAddress] = [:]
  /// The name servers that know this broker, as far as it knows.
  private var knowing: Set<String> = [] {
    didSet { knowingCount.store(knowing.count, ordering: .relaxed) }
  }
  private var timer: EventLoop.Timer?

  /// Sets up registration on a loop; nothing happens before `start`. `resolver` looks up host names, which blocks.
  /// `adopt` is called on the loop with what name servers say of the master and of ordered topics.
  package init(
    broker: Broker, options: Options = Options(), loop: EventLoop, resolver: IOThreads, topics: @escaping Topics,
    adopt: @escaping @Sendable (Registration.Answer) -> Void, tls: ClientTLS? = nil, log: Logger
  ) {
    self.broker = broker
    self.options = options
    self.loop = loop
    self.resolver = resolver
    self.topics = topics
    self.adopt = adopt
    self.log = log
    core = Registration(settings: options.rounds)
    let watch = ConnectionWatch()
    client = RemotingClient(loop: loop, service: watch, tls: tls, log: log)
    loop.execute { [weak self] in
      watch.onClose = { peer in self?.connectionClosed(peer) }
    }
  }

  /// The topics as a broker with restricted permission registers them: all with its own permission and without flags
  /// (`brokerPermission` without READ or WRITE).
  package static func masked(_ topics: [TopicConfig], by permission: Permission) -> [TopicConfig] {
    guard !permission.isSuperset(of: .readWrite) else { return topics }
    return topics.map {
      TopicConfig(
        name: $0.name, readQueueCount: $0.readQueueCount, writeQueueCount: $0.writeQueueCount, permission: permission)
    }
  }

  // MARK: From any thread

  /// With how many name servers it is to be registered, and how many know it as far as it knows.
  package var counts: (configured: Int, registered: Int) {
    (configuredCount.load(ordering: .relaxed), knowingCount.load(ordering: .relaxed))
  }

  /// Registers with name servers, given as `host:port`, and keeps registering.
  package func start(nameServers: [String]) {
    configuredCount.store(Set(nameServers).count, ordering: .relaxed)
    loop.execute { [self] in run(core.start(nameServers: nameServers, now: loop.now)) }
  }

  /// The name servers are others now.
  package func replaceNameServers(_ nameServers: [String]) {
    configuredCount.store(Set(nameServers).count, ordering: .relaxed)
    loop.execute { [self] in
      knowing.formIntersection(nameServers)
      run(core.replaceNameServers(nameServers, now: loop.now))
    }
  }

  /// A topic or the broker's permission changed: registers at once.
  package func topicsChanged() {
    loop.execute { [self] in run(core.topicsChanged()) }
  }

  /// Leaves all name servers and waits until they have answered, at most as long as a call may take. Not to be called
  /// on the loop.
  package func stop() {
    let deadline = SystemClock.monotonic() + options.timeout
    let done = WakeUp()
    let isAccepted = loop.execute { [self] in
      if let timer { loop.cancel(timer) }
      timer = nil
      leave(core.stop()) { done.signal() }
    }
    if isAccepted { done.wait(until: deadline) }
    client.close()
  }

  // MARK: On the loop

  private func run(_ actions: [Registration.Action]) {
    for action in actions {
      switch action {
      case .compareVersion(let nameServer): compareVersion(with: nameServer)
      case .register(let nameServer): register(with: nameServer)
      case .unregister: preconditionFailure("only stop leaves name servers")
      case .adopt(let answer): adopt(answer)
      }
    }
    schedule()
  }

  private func schedule() {
    if let timer { loop.cancel(timer) }
    timer = core.nextDue.map { due in
      loop.schedule(at: due) { [self] in
        timer = nil
        run(core.tick(now: loop.now))
      }
    }
  }

  private func compareVersion(with nameServer: String) {
    let ask: @Sendable () -> QueryDataVersion.Request = { [broker, topics] in
      QueryDataVersion.Request(
        brokerName: broker.name, brokerAddress: broker.address, clusterName: broker.cluster, brokerID: broker.id,
        version: topics().version)
    }
    call(nameServer, ask) { [self] command in
      // A name server that does not know the request, or fails at it, is to be registered with.
      let isChanged = command.responseCode != .success || command["changed"] != "false"
      if !isChanged { registered(nameServer) }
      run(core.compared(nameServer: nameServer, isChanged: isChanged, now: loop.now))
    }
  }

  private func register(with nameServer: String) {
    let tell: @Sendable () -> RegisterBroker.Request = { [broker, options, topics] in
      Self.registration(of: broker, with: topics(), options)
    }
    call(nameServer, tell) { [self] command in
      guard command.responseCode == .success else {
        return failed(nameServer, "code \(command.header.code): \(command.remark ?? "")")
      }
      do throws(DecodeError) {
        let response = try RegisterBroker.Response(command)
        registered(nameServer)
        run(core.registered(nameServer: nameServer, Self.answer(response), now: loop.now))
      } catch {
        failed(nameServer, "\(error)")
      }
    }
  }

  /// What a broker with these topics tells name servers.
  package static func registration(
    of broker: Broker, with topics: TopicTable, _ options: Options
  ) -> RegisterBroker.Request {
    let content = RegisterBrokerBody(topics: topics)
    var body = options.isCompressed ? [] : content.bytes()
    let isCompressed = options.isCompressed || body.count > options.plainBytes
    if isCompressed {
      let inflated = content.inflated
      body = Zlib.deflate(inflated.rawSpan, level: 9)
    }
    return RegisterBroker.Request(
      brokerName: broker.name, brokerAddress: broker.address, clusterName: broker.cluster,
      haServerAddress: broker.haServerAddress, brokerID: broker.id, isCompressed: isCompressed, body: body)
  }

  private static func answer(_ response: RegisterBroker.Response) -> Registration.Answer {
    let orderTopics = response.orderConfiguration.map { table in
      Dictionary(table.rows.map { ($0.key, $0.value) }) { $1 }
    }
    return Registration.Answer(
      masterAddress: response.masterAddress, haServerAddress: response.haServerAddress, orderTopics: orderTopics)
  }

  /// Leaves name servers; `done` is called when all have answered or failed to.
  private func leave(_ actions: [Registration.Action], _ done: @escaping @Sendable () -> Void) {
    let targets = actions.compactMap { action -> SocketAddress? in
      if case .unregister(let nameServer) = action { addresses[nameServer] } else { nil }
    }
    guard !targets.isEmpty else { return done() }
    let left = Locked(targets.count)
    let request = UnregisterBroker.Request(
      brokerName: broker.name, brokerAddress: broker.address, clusterName: broker.cluster, brokerID: broker.id)
    for target in targets {
      client.call(target, UnregisterBroker.Request.code, fields: request.fields, timeout: options.timeout) {
        [log] result in
        switch result {
        case .success: log.info("broker", "unregistered", ["nameServer": target])
        case .failure(let error):
          log.warning("broker", "not unregistered", ["nameServer": target, "cause": error])
        }
        let isLast = left.withLock { count in
          count -= 1
          return count == 0
        }
        if isLast { done() }
      }
    }
  }

  /// Tells the log of the first registration, and of the first after one that failed or a connection that was lost.
  private func registered(_ nameServer: String) {
    if knowing.insert(nameServer).inserted {
      log.info("broker", "registered", ["nameServer": nameServer])
    } else {
      log.debug("broker", "registered anew", ["nameServer": nameServer])
    }
  }

  private func failed(_ nameServer: String, _ reason: String) {
    knowing.remove(nameServer)
    log.warning("broker", "not registered", ["nameServer": nameServer, "cause": reason])
    run(core.failed(nameServer: nameServer, now: loop.now))
  }

  private func connectionClosed(_ peer: SocketAddress) {
    for (nameServer, address) in addresses where address == peer {
      knowing.remove(nameServer)
      core.connectionLost(nameServer: nameServer, now: loop.now)
    }
    schedule()
  }

  // MARK: Calls

  /// Asks a name server what `make` makes, off the loop. Its name is looked up again for every call, as it may have
  /// moved.
  private func call<Message: OutgoingRequest>(
    _ nameServer: String, _ make: @escaping @Sendable () -> Message, _ answered: @escaping @Sendable (Command) -> Void
  ) {
    let code = Message.code
    let isAccepted = resolver.submit { [self] in
      do throws(SystemError) {
        let address = try Self.resolve(nameServer)
        let request = make()
        let (fields, body) = (request.fields, request.body)
        loop.execute { [self] in
          addresses[nameServer] = address
          client.name(address, Self.parts(nameServer).host)
          client.call(address, code, fields: fields, body: body, timeout: options.timeout) { [self] result in
            switch result {
            case .success(let command): answered(command)
            case .failure(let error): failed(nameServer, "\(error)")
            }
          }
        }
      } catch {
        loop.execute { [self] in failed(nameServer, "\(error)") }
      }
    }
    if !isAccepted { failed(nameServer, "too much work waits for the I/O threads") }
  }

  private static func resolve(_ nameServer: String) throws(SystemError) -> SocketAddress {
    let (host, port) = parts(nameServer)
    return try SocketAddress.resolve(host, port: port)[0]
  }

  /// The port of a name server that is named without one.
  private static let usualPort: UInt16 = 9876

  private static func parts(_ nameServer: String) -> (host: String, port: UInt16) {
    let colon = nameServer.lastIndex(of: ":") ?? nameServer.endIndex
    let port = colon == nameServer.endIndex ? nil : UInt16(nameServer[nameServer.index(after: colon)...])
    return (String(nameServer[..<colon]), port ?? usualPort)
  }
}

/// Tells of closed connections to name servers, and answers that it serves nothing. Belongs to the loop.
private final class ConnectionWatch: RemotingService, @unchecked Sendable {
  var onClose: ((SocketAddress) -> Void)?

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let remark = " request type \(request.header.code) not supported"
    connection.send(Reply(.requestCodeNotSupported, remark: remark), to: request.header)
    return .done
  }

  func connectionClosed(_ connection: Connection) { onClose?(SocketAddress(connection.peer)) }
}
