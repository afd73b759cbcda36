import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSigning
import ApusSystem

/// What producers and consumers of one client share: the event loop, connections, name servers, routes and ids.
final class ClientRuntime: Sendable {
  let configuration: ClientConfiguration
  /// `ip@instance[@unit][@STREAM]`: who this client is to the brokers.
  let clientID: String
  /// The client id without what tells processes apart: who it is to the files that it finds again.
  let localID: String
  let loop: EventLoop
  /// Runs tasks on the loop, which ends with it.
  let executor: LoopExecutor
  let remoting: RemotingClient
  let nameServers: NameServers
  let routes: Routes
  let log: Logger
  private let book: AddressBook
  private let threads: IOThreads
  private let keys: Locked<UniqueKeys>

  init(_ configuration: ClientConfiguration, service: any RemotingService, log: Logger) throws(ClientError) {
    try PositiveSettings.check([
      "pollNameServerInterval": configuration.pollNameServerInterval,
      "rebalanceInterval": configuration.rebalanceInterval,
      "heartbeatBrokerInterval": configuration.heartbeatBrokerInterval,
      "persistConsumerOffsetInterval": configuration.persistConsumerOffsetInterval,
      "requestTimeout": configuration.requestTimeout, "connectTimeout": configuration.connectTimeout,
    ])
    self.configuration = configuration
    self.log = log
    let tls = try configuration.tls.map { (given) throws(ClientError) in try ClientTLS(given) }
    let source = try configuration.addressServer.map { (given) throws(ClientError) in
      try given.url(unit: configuration.unitName)
    }
    do throws(SystemError) {
      let own = try Self.ownAddress(configuration)
      let process = ProcessIO.processID
      let instance =
        configuration.instanceName == "DEFAULT"
        ? "\(process)#\(SystemClock.monotonic().rawValue)" : configuration.instanceName
      let unit = configuration.unitName.isEmpty ? "" : "@\(configuration.unitName)"
      let suffix = unit + (configuration.marksStreamRequests ? "@STREAM" : "")
      clientID = "\(own.host)@\(instance)\(suffix)"
      localID = "\(own.host)@\(configuration.instanceName)\(suffix)"
      var random = SystemRandom()
      let maker = UInt32(truncatingIfNeeded: random.next())
      keys = Locked(
        UniqueKeys(
          address: own.bytes, processID: process, maker: maker, now: SystemClock.wall(),
          monthAround: Self.month))
      loop = try EventLoop(index: Self.loopIndex, name: "apus-client")
      threads = try IOThreads(count: 1, capacity: 256)
      try loop.start()
      executor = LoopExecutor(loop)
    } catch {
      throw ClientError(.system, "\(error)", cause: error)
    }
    let remoting = RemotingClient(
      loop: loop, connectTimeout: configuration.connectTimeout, service: service, tls: tls,
      credentials: configuration.credentials.map(Credentials.init),
      extraFields: configuration.marksStreamRequests ? [ReplyField("ReqT", "0")] : [], log: log)
    self.remoting = remoting
    let isVIP = configuration.vipChannelEnabled
    let book = AddressBook(
      threads: threads,
      found: { address, host in
        guard tls != nil else { return }
        remoting.name(address, host)
        if isVIP { remoting.name(address.vip, host) }
      })
    self.book = book
    let given = configuration.nameServers.flatMap { NameServers.parse($0) }
    let servers = NameServers(
      given.isEmpty ? NameServers.parse(ProcessIO.environment("NAMESRV_ADDR") ?? "") : given,
      source: source.map { [loop] in
        AddressServerQuery(url: $0, book: book, loop: loop, timeout: configuration.requestTimeout)
      }, book: book, remoting: remoting, timeout: configuration.requestTimeout,
      type: HeaderType(configuration.headerFormat))
    nameServers = servers
    routes = Routes { topic throws(ClientError) in try await servers.route(topic) }
  }

  // The last reference may go on one of the threads that end here, so none is waited for.
  deinit {
    remoting.close()
    threads.finish()
  }

  /// The header format of requests.
  var headerType: HeaderType { HeaderType(configuration.headerFormat) }

  /// The next id of a message.
  func nextKey() -> [UInt8] {
    let now = SystemClock.wall()
    return keys.withLock { $0.next(now: now) }
  }

  /// The address of a broker as its text says, for requests of this code.
  func address(
    _ text: String, for code: RequestCode, by deadline: MonotonicTime? = nil
  ) async throws(ClientError) -> SocketAddress {
    let address = try await book.address(text, by: deadline)
    return configuration.vipChannelEnabled && !Self.plainCodes.contains(code) ? address.vip : address
  }

  /// A broker could not be reached: another address of its name is tried next, if there is one.
  func unreachable(_ broker: String, at address: SocketAddress, _ error: ClientError) {
    if error.code == .unreachable { book.failed(broker, at: address) }
  }

  /// What goes to a broker's usual port also where `vipChannelEnabled` sends the rest to the other one: that one serves
  /// no pulls, and brokers ask producers and consumers where their heartbeats come from.
  private static let plainCodes: Set<RequestCode> = [.pullMessage, .heartbeat, .unregisterClient, .endTransaction]

  /// Does work that may wait for the disk on a thread for it. It is done even if the task is cancelled.
  func perform<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async throws(ClientError) -> Result {
    let result: Result? = await withCheckedContinuation { continuation in
      let isAccepted = threads.submit { continuation.resume(returning: work()) }
      if !isAccepted { continuation.resume(returning: nil) }
    }
    guard let result else { throw ClientError(.busy, "too much waits for this machine's disk") }
    return result
  }

  /// Asks a broker; a refusal is thrown. Some answers are others for clients of another language.
  func ask(
    _ request: some OutgoingRequest, at broker: String, as language: Language = .java, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    let answer = try await askAny(request, at: broker, as: language, timeout: timeout)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: broker) }
    return answer
  }

  /// Asks a broker; the answer may have any code.
  func askAny(
    _ request: some OutgoingRequest, at broker: String, as language: Language = .java, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    let deadline = SystemClock.monotonic() + (timeout ?? configuration.requestTimeout)
    let code = type(of: request).code
    let address = try await address(broker, for: code, by: deadline)
    do throws(ClientError) {
      return try await remoting.ask(
        address, named: broker, code, fields: request.fields, body: request.body, type: headerType,
        language: language, timeout: try deadline.left())
    } catch {
      unreachable(broker, at: address, error)
      throw error
    }
  }

  /// Tells a broker something that it does not answer. Returns when it is on its way.
  func tell(_ request: some OutgoingRequest, at broker: String) async throws(ClientError) {
    let type = headerType
    let pending = PendingAnswer<ClientError?>()
    let code = Swift.type(of: request).code
    let deadline = SystemClock.monotonic() + configuration.requestTimeout
    remoting.notify(
      try await address(broker, for: code, by: deadline), timeout: try deadline.left(),
      encode: { id, output in request.encode(id: id, oneway: true, type: type, into: &output) },
      done: { error in pending.resolve(error.map { ClientError($0, server: broker) }) })
    if let error = await pending.value(ifCancelled: .cancelled) { throw error }
  }

  /// Warns that something failed, and why; `name` and `value` say of what. What was cut short because its task was
  /// cancelled, as everything is at the end, is no failure. What fails for each queue again and again as long as a
  /// `broker` is away is said of the broker once in ten seconds.
  func warn(_ message: String, _ name: String, _ value: String, broker: String? = nil, cause: ClientError) {
    guard cause.code != .cancelled else { return }
    if let broker {
      log.warning("client", message, about: broker, [name: value, "cause": cause])
    } else {
      log.warning("client", message, [name: value, "cause": cause])
    }
  }

  /// Fails what is under way and closes the connections.
  func close() { remoting.close() }

  /// Beside the indices that servers of one process use.
  private static let loopIndex = 200

  private static func ownAddress(_ configuration: ClientConfiguration) throws(SystemError) -> SocketAddress {
    if let text = configuration.clientIP, let found = try SocketAddress.resolve(text, port: 0).first { return found }
    let own = try SocketAddress.own()
    return own.first { !$0.isLoopback && !$0.isIPv6 } ?? own.first { !$0.isLoopback } ?? .loopback(port: 0)
  }

  private static func month(around now: WallTime) -> Range<WallTime> {
    let local = LocalTime(now)
    let start = LocalTime.moment(year: local.year, month: local.month, day: 1)
    let next = local.month == 12 ? (local.year + 1, 1) : (local.year, local.month + 1)
    let end = LocalTime.moment(year: next.0, month: next.1, day: 1)
    return start <= now && now < end ? start..<end : now..<now.advanced(byMilliseconds: 86_400_000)
  }
}

extension MonotonicTime {
  /// The time until then. Throws when it is over: nothing has been asked yet.
  func left() throws(ClientError) -> Duration {
    let left = self - SystemClock.monotonic()
    guard left > .zero else { throw ClientError(.timedOut, "the time limit was over before anything was sent") }
    return left
  }
}

extension HeaderType {
  /// The wire's name of a format.
  init(_ format: ClientConfiguration.HeaderFormat) {
    switch format {
    case .json: self = .json
    case .binary: self = .binary
    }
  }
}

extension SocketAddress {
  /// The broker's second port, for everything but pulls.
  var vip: SocketAddress {
    var address = self
    address.port = port > 2 ? port - 2 : port
    return address
  }

  /// The 4 or 16 bytes of the address, big-endian.
  var bytes: [UInt8] {
    let parts: [UInt64] = isIPv6 ? [high, low] : [low << 32]
    return parts.flatMap { part in
      stride(from: 56, through: isIPv6 ? 0 : 32, by: -8).map { UInt8(truncatingIfNeeded: part >> $0) }
    }
  }
}
