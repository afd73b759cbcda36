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
  let loop: EventLoop
  let remoting: RemotingClient
  let nameServers: NameServers
  let routes: Routes
  let log: Logger
  private let book: AddressBook
  private let threads: IOThreads
  private let keys: Locked<UniqueKeys>

  init(_ configuration: ClientConfiguration, service: any RemotingService) throws(ClientError) {
    self.configuration = configuration
    log = Logger(level: .warning)
    do throws(SystemError) {
      let own = try Self.ownAddress(configuration)
      let process = ProcessIO.processID
      let instance =
        configuration.instanceName == "DEFAULT"
        ? "\(process)#\(SystemClock.monotonic().rawValue)" : configuration.instanceName
      let unit = configuration.unitName.isEmpty ? "" : "@\(configuration.unitName)"
      clientID = "\(own.host)@\(instance)\(unit)" + (configuration.marksStreamRequests ? "@STREAM" : "")
      var random = SystemRandom()
      let maker = UInt32(truncatingIfNeeded: random.next())
      keys = Locked(
        UniqueKeys(
          address: own.bytes, processID: process, maker: maker, now: SystemClock.wall(),
          monthAround: Self.month))
      loop = try EventLoop(index: Self.loopIndex, name: "apus-client")
      threads = try IOThreads(count: 1, capacity: 256)
      try loop.start()
    } catch {
      throw ClientError(.system, "\(error)", cause: error)
    }
    let (book, type) = (AddressBook(threads: threads), HeaderType(configuration.headerFormat))
    self.book = book
    let remoting = RemotingClient(
      loop: loop, connectTimeout: configuration.connectTimeout, service: service,
      credentials: configuration.credentials.map(Credentials.init),
      extraFields: configuration.marksStreamRequests ? [ReplyField("ReqT", "0")] : [], log: log)
    self.remoting = remoting
    let listed =
      configuration.nameServers.isEmpty
      ? NameServers.parse(ProcessIO.environment("NAMESRV_ADDR") ?? "") : configuration.nameServers
    let servers = NameServers(
      listed, book: book, remoting: remoting, timeout: configuration.requestTimeout, type: type)
    nameServers = servers
    routes = Routes { topic throws(ClientError) in try await servers.route(topic) }
  }

  deinit {
    remoting.close()
    loop.stop()
    loop.join()
    threads.stop()
  }

  /// The header format of requests.
  var headerType: HeaderType { HeaderType(configuration.headerFormat) }

  /// The next id of a message.
  func nextKey() -> [UInt8] {
    let now = SystemClock.wall()
    return keys.withLock { $0.next(now: now) }
  }

  /// The address of a broker as its text says.
  func address(_ text: String) async throws(ClientError) -> SocketAddress {
    guard configuration.vipChannelEnabled else { return try await book.address(text) }
    var address = try await book.address(text)
    address.port -= 2
    return address
  }

  /// Asks a broker; a refusal is thrown.
  func ask(
    _ request: some OutgoingRequest, at broker: String, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    let answer = try await askAny(request, at: broker, timeout: timeout)
    guard answer.responseCode == .success else { throw ClientError(refusal: answer, server: broker) }
    return answer
  }

  /// Asks a broker; the answer may have any code.
  func askAny(
    _ request: some OutgoingRequest, at broker: String, timeout: Duration? = nil
  ) async throws(ClientError) -> Command {
    try await remoting.ask(
      try await address(broker), named: broker, type(of: request).code, fields: request.fields, body: request.body,
      type: headerType, timeout: timeout ?? configuration.requestTimeout)
  }

  /// Tells a broker something that it does not answer. Returns when it is on its way.
  func tell(_ request: some OutgoingRequest, at broker: String) async throws(ClientError) {
    let type = headerType
    let pending = PendingAnswer<ClientError?>()
    remoting.notify(
      try await address(broker),
      encode: { id, output in request.encode(id: id, oneway: true, type: type, into: &output) },
      done: { error in pending.resolve(error.map { ClientError($0, server: broker) }) })
    if let error = await pending.value(ifCancelled: .cancelled) { throw error }
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
  /// The 4 or 16 bytes of the address, big-endian.
  var bytes: [UInt8] {
    let parts: [UInt64] = isIPv6 ? [high, low] : [low << 32]
    return parts.flatMap { part in
      stride(from: 56, through: isIPv6 ? 0 : 32, by: -8).map { UInt8(truncatingIfNeeded: part >> $0) }
    }
  }
}
