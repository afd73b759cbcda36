import ApusBase
import ApusClientCore
import ApusHTTP
import ApusProtocol
import ApusRemoting
import ApusSystem
import Testing

@testable import ApusClient

/// How clients find name servers, and go on without them.
@Suite(.timeLimit(.minutes(10))) struct DiscoveryTests {
  /// An address server whose answer can be changed.
  private final class Addresses: HTTPService {
    let answer = Locked(HTTPResponse(.ok, ""))
    let paths = Locked<[String]>([])

    func answer(_ request: HTTPRequest, _ completion: @escaping @Sendable (HTTPResponse) -> Void) {
      paths.withLock { $0.append(request.path) }
      completion(answer.withLock { $0 })
    }

    func say(_ text: String) { answer.withLock { $0 = HTTPResponse(.ok, text) } }
  }

  /// Serves addresses on a loop of its own while `body` runs.
  private static func withAddresses(_ body: (Addresses, String) async throws -> Void) async throws {
    let loop = try EventLoop(index: 9, name: "test-addresses")
    let service = Addresses()
    let server = try HTTPServer(on: .loopback(port: 0), service: service, loop: loop, log: Logger(level: .error))
    try loop.start()
    server.start()
    do {
      try await body(service, "127.0.0.1:\(server.address.port)")
    } catch {
      Issue.record("\(error)")
    }
    server.stop()
    loop.stop()
    loop.join()
  }

  @Test func `an address server tells where name servers are, to clients of a unit at a place of their own`()
    async throws
  {
    let cluster = try Cluster()
    _ = try await cluster.client()
    let unused = try UnusedPort()
    try await Self.withAddresses { service, domain in
      service.say("  \(unused.address);\(cluster.nameServerAddress) \r\nand more that is ignored")
      for (unit, path) in [("", "/rocketmq/group1"), ("unit7", "/rocketmq/group1-unit7")] {
        var configuration = ClientConfiguration.patient()
        configuration.addressServer = AddressServer(domain: domain, subgroup: "group1")
        configuration.unitName = unit
        let client = try MessageClient(configuration)
        #expect(client.clientID.hasSuffix("@unit7") == !unit.isEmpty)
        try await client.producer(group: "pg").send(Message(topic: "Found", text: "x"))
        #expect(service.paths.withLock { $0.last } == path)
      }
    }
  }

  @Test func `the list is read again, and kept when that fails`() async throws {
    try await Self.withAddresses { service, domain in
      service.say("127.0.0.1:1;127.0.0.1:2")
      var configuration = ClientConfiguration.patient()
      configuration.addressServer = AddressServer(url: "http://\(domain)/any?place=here")
      let client = try MessageClient(configuration)
      defer { withExtendedLifetime(client) {} }
      let servers = client.runtime.nameServers
      #expect(servers.all == [])
      #expect(try await servers.discover() == ["127.0.0.1:1", "127.0.0.1:2"])
      service.say("127.0.0.1:3")
      try await servers.discover()
      #expect(servers.all == ["127.0.0.1:3"])
      for answer in [
        HTTPResponse(.unavailable, "127.0.0.1:4"), HTTPResponse(.ok, ""), HTTPResponse(.ok, " ; ;"),
        HTTPResponse(.ok, contentType: "text/plain", body: Array(repeating: UInt8(ascii: "x"), count: 1 << 20)),
      ] {
        service.answer.withLock { $0 = answer }
        await #expect(throws: ClientError(.noNameServer, "")) { try await servers.discover() }
        #expect(servers.all == ["127.0.0.1:3"])
      }
    }
  }

  @Test func `an address server that cannot be asked is named`() async throws {
    let unused = try UnusedPort()
    defer { withExtendedLifetime(unused) {} }
    var configuration = ClientConfiguration.patient()
    configuration.addressServer = AddressServer(domain: unused.address)
    let producer = try MessageClient(configuration).producer(group: "pg")
    do throws(ClientError) {
      try await producer.send(Message(topic: "T", text: "x"))
      Issue.record("nobody can have taken the message")
    } catch {
      #expect(error.code == .noNameServer)
      #expect(error.server == configuration.addressServer?.url)
      #expect(error.cause != nil)
    }
    configuration.addressServer = AddressServer(url: "https://example")
    #expect(throws: ClientError(.invalidArgument, "")) { try MessageClient(configuration) }
    #expect(AddressServer().url == "http://jmenv.tbsite.net:8080/rocketmq/nsaddr")
  }

  @Test func `the next name server is asked when one does not answer, and stays the one`() async throws {
    let cluster = try Cluster()
    _ = try await cluster.client()
    let dead = try UnusedPort()
    defer { withExtendedLifetime(dead) {} }
    let client = try MessageClient(
      ClientConfiguration.patient([dead.address, "no.such.host.invalid:9876", cluster.nameServerAddress]))
    for topic in ["TBW102", "TBW102"] { _ = try await client.runtime.nameServers.route(topic) }
    try await client.producer(group: "pg").send(Message(topic: "Failover", text: "x"))
  }

  @Test func `a name server that knows nothing yet is passed over while another one knows`() async throws {
    let (cluster, new) = (try Cluster(), try Cluster([]))
    _ = try await cluster.client()
    // Clients begin with any of them.
    let servers = Array(repeating: new.nameServerAddress, count: 7) + [cluster.nameServerAddress]
    for number in 0..<4 {
      let client = try MessageClient(.patient(servers))
      try await client.producer(group: "pg").send(Message(topic: "Known\(number)", text: "x"))
      await #expect(throws: ClientError(.unknownTopic, "")) { try await client.runtime.nameServers.route("Nobody") }
    }
    // It is needed until here.
    #expect(new.members.isEmpty)
  }

  @Test func `a name server that does not answer is asked first no more, also while the others know nothing`()
    async throws
  {
    // They refuse, or hang up on, whatever is no route.
    let (refusing, mute) = (try MuteServer { _, _ in Reply(.topicNotExist) }, try MuteServer(hangsUp: true))
    // Clients begin with any of them.
    let servers = Array(repeating: mute.address, count: 7) + [refusing.address]
    for _ in 0..<4 {
      let client = try MessageClient(.patient(servers))
      let request = GetBrokerClusterInfo.Request()
      #expect(try await client.runtime.nameServers.ask(request).responseCode == .topicNotExist)
      let asked = mute.asked.withLock { $0 }
      _ = try await client.runtime.nameServers.ask(request) { _ in true }
      #expect(mute.asked.withLock { $0 } == asked)
    }
    for server in [refusing, mute] { server.stop() }
  }

  @Test func `a name with several addresses is tried at each, and looked up again when all have failed`() async throws {
    let cluster = try Cluster()
    _ = try await cluster.client()
    let port = try #require(UInt16(cluster.nameServerAddress.split(separator: ":")[1]))
    let lookUps = Locked(0)
    let threads = try IOThreads(count: 1, capacity: 16)
    let loop = try EventLoop(index: 210, name: "test-names")
    try loop.start()
    let remoting = RemotingClient(loop: loop, log: Logger(level: .error))
    let (dead, live) = (SocketAddress(ipv4: 0x7F00_0009, port: port), SocketAddress.loopback(port: port))
    let book = AddressBook(
      threads: threads,
      resolve: { _, _ in
        lookUps.withLock { $0 += 1 }
        return [dead, live]
      })
    let servers = NameServers(
      ["ns.example:9876"], source: nil, book: book, remoting: remoting, timeout: Patience.limit, type: .json)
    _ = try await servers.route("TBW102")
    #expect(try await book.addresses("ns.example:9876") == [live, dead])
    #expect(lookUps.withLock { $0 } == 1)
    cluster.stopNameServer()
    await #expect(throws: ClientError(.noNameServer, "")) { try await servers.route("TBW102") }
    await #expect(throws: ClientError(.noNameServer, "")) { try await servers.route("TBW102") }
    #expect(lookUps.withLock { $0 } > 1)
    remoting.close()
    loop.stop()
    loop.join()
    threads.stop()
  }

  @Test func `an address in numbers does not wait for names that nobody can look up`() async throws {
    let threads = try IOThreads(count: 1, capacity: 16)
    let (isAsked, released) = (Locked(false), WakeUp())
    let book = AddressBook(
      threads: threads,
      resolve: { _, port in
        isAsked.withLock { $0 = true }
        released.wait(until: nil)
        return [.loopback(port: port)]
      })
    let slow = Task { try await book.address("slow.example:1") }
    try await until { isAsked.withLock { $0 } }
    for text in ["10.0.0.1:10911", "[::1]:10911"] {
      #expect(try await book.address(text).description == text)
    }
    released.signal()
    #expect(try await slow.value == .loopback(port: 1))
    threads.stop()
  }

  @Test func `with all name servers down sends and pulls go on by the routes that are known`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let first = try await producer.send(Message(topic: "GoesOn", text: "before"))
    cluster.stopNameServer()
    await #expect(throws: ClientError(.noNameServer, "")) { try await client.runtime.routes.refresh("GoesOn") }
    for number in 0..<20 { try await producer.send(Message(topic: "GoesOn", text: "\(number)")) }
    #expect(try await client.runtime.maxOffset(of: first.queue) > 1)
    await #expect(throws: ClientError(.noNameServer, "")) {
      try await producer.send(Message(topic: "NeverHeardOf", text: "x"))
    }
  }

  @Test func `the route of a topic that no name server knows stays in use for two minutes`() async throws {
    let (found, time) = (Locked<TopicRouteData?>(nil), Locked(MonotonicTime(nanoseconds: 0)))
    let routes = Routes(
      fetch: { _ throws(ClientError) in
        guard let data = found.withLock({ $0 }) else { throw ClientError(.unknownTopic, "gone") }
        return data
      }, clock: { time.withLock { $0 } })
    let queues = QueueData(brokerName: "b", readQueueCount: 1, writeQueueCount: 1, permission: [.read, .write])
    let brokers = [BrokerData(cluster: "c", brokerName: "b", addresses: [0: "127.0.0.1:1"])]
    func look(after pause: Duration) async throws -> Bool {
      time.withLock { $0 = $0 + pause }
      await #expect(throws: ClientError(.unknownTopic, "")) { try await routes.refresh("T") }
      return routes.known("T") != nil
    }
    for _ in 0..<2 {
      found.withLock { $0 = TopicRouteData(queues: [queues], brokers: brokers) }
      _ = try await routes.refresh("T")
      found.withLock { $0 = nil }
      #expect(try await look(after: .seconds(600)))
      #expect(try await look(after: .seconds(119)))
      #expect(try await routes.route("T").writeQueues.count == 1)
    }
    #expect(try await !look(after: .seconds(1)))
    await #expect(throws: ClientError(.unknownTopic, "")) { try await routes.route("T") }
  }

  @Test func `the environment names name servers where the settings do not`() {
    #expect(NameServers.parse(" a:1 ; b:2,c:3;; ") == ["a:1", "b:2", "c:3"])
    #expect(NameServers.parse("") == [])
  }

  @Test func `a list in one text is taken apart, as Java takes it`() throws {
    let client = try MessageClient(ClientConfiguration(nameServers: ["a:1; b:2", " ", "c:3"]))
    #expect(client.nameServers == ["a:1", "b:2", "c:3"])
  }
}
