import ApusBase
import ApusBroker
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSimulator
import ApusSystem
import Foundation
import Synchronization
import Testing

/// A broker's registration against real name servers, over sockets of this machine.
@Suite(.timeLimit(.minutes(10))) struct BrokerRegistrationTests {
  /// What a broker would have: topics with a version, and what it was told.
  private final class Broker: Sendable {
    let topics = Locked(TopicTable(version: DataVersion(timestamp: WallTime(milliseconds: 1)), topics: []))
    let adopted = Locked<[Registration.Answer]>([])
    let resolver: IOThreads
    let loop: EventLoop
    let registration: NameServerRegistration

    init(
      _ name: String, id: Int64 = 0, options given: NameServerRegistration.Options = .init(),
      log: Logger = Logger(level: .error)
    ) throws {
      var options = given
      options.timeout = Patience.limit
      resolver = try IOThreads(count: 1, capacity: 64)
      loop = try EventLoop(index: 9)
      let (topics, adopted) = (topics, adopted)
      registration = NameServerRegistration(
        broker: .init(
          cluster: "C", name: name, id: id, address: "\(name)-\(id):10911", haServerAddress: "\(name)-\(id):10912"),
        options: options, loop: loop, resolver: resolver, topics: { topics.withLock { $0 } },
        adopt: { answer in adopted.withLock { $0.append(answer) } }, log: log)
      try loop.start()
    }

    func add(_ topic: String) {
      topics.withLock {
        $0.topics.append(TopicConfig(name: topic))
        $0.version.advance(now: WallTime(milliseconds: 2))
      }
    }

    func stop() {
      registration.stop()
      loop.stop()
      loop.join()
      resolver.stop()
    }
  }

  private func topics(of command: Command) throws -> [String] { try TopicList(bytes: command.body).topics }

  @Test(arguments: [false, true])
  func `registers with all name servers, follows changes, and leaves them`(_ isCompressed: Bool) async throws {
    let servers = [try RunningNameServer(loopIndex: 0), try RunningNameServer(loopIndex: 1)]
    defer { for server in servers { server.stop() } }
    var options = NameServerRegistration.Options()
    options.isCompressed = isCompressed
    let broker = try Broker("a", options: options)
    broker.add("T")
    broker.registration.start(nameServers: servers.map { $0.address.description })
    let all = GetAllTopicListFromNameserver.Request()
    for server in servers { #expect(try await server.eventually(all) { try topics(of: $0) == ["T"] }) }
    broker.add("U")
    broker.registration.topicsChanged()
    for server in servers { #expect(try await server.eventually(all) { try topics(of: $0) == ["T", "U"] }) }
    broker.stop()
    // Nothing to wait for: stop returns when the name servers have answered.
    for server in servers { #expect(try topics(of: try await server.call(all)) == []) }
  }

  @Test func `a replica learns its master, and ordered topics are adopted`() async throws {
    let server = try RunningNameServer()
    defer { server.stop() }
    _ = try await server.call(PutKVConfig.Request(namespace: "ORDER_TOPIC_CONFIG", key: "T", value: "a:4"))
    let master = try Broker("a")
    defer { master.stop() }
    master.registration.start(nameServers: [server.address.description])
    let clusters = GetBrokerClusterInfo.Request()
    #expect(try await server.eventually(clusters) { String(decoding: $0.body, as: UTF8.self).contains("a-0:10911") })
    let replica = try Broker("a", id: 1)
    defer { replica.stop() }
    replica.registration.start(nameServers: [server.address.description])
    let expected = Registration.Answer(
      masterAddress: "a-0:10911", haServerAddress: "a-0:10912", orderTopics: ["T": "a:4"])
    #expect(try await server.eventually(clusters) { _ in replica.adopted.withLock { $0 } == [expected] })
  }

  @Test func `a name server that cannot be reached holds nothing up`() async throws {
    let server = try RunningNameServer()
    defer { server.stop() }
    let broker = try Broker("a")
    broker.add("T")
    broker.registration.start(nameServers: ["127.0.0.1:1", "no such host:9876", server.address.description])
    let all = GetAllTopicListFromNameserver.Request()
    #expect(try await server.eventually(all) { try topics(of: $0) == ["T"] })
    broker.stop()
  }

  @Test func `the log tells of the first registration and of the leaving, not of every round`() async throws {
    let path = NSTemporaryDirectory() + "apus-registration-" + UUID().uuidString
    defer {
      do {
        try FileManager.default.removeItem(atPath: path)
      } catch {
        Issue.record("the log cannot be removed: \(error)")
      }
    }
    let server = try RunningNameServer()
    defer { server.stop() }
    let broker = try Broker("a", log: try Logger(path: path))
    broker.add("T")
    broker.registration.start(nameServers: [server.address.description])
    let all = GetAllTopicListFromNameserver.Request()
    #expect(try await server.eventually(all) { try topics(of: $0) == ["T"] })
    broker.add("U")
    broker.registration.topicsChanged()
    #expect(try await server.eventually(all) { try topics(of: $0) == ["T", "U"] })
    broker.stop()
    let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    let lines = text.split(separator: "\n").compactMap { $0.split(separator: " ", maxSplits: 1).last }
    let name = server.address.description
    #expect(
      lines == ["INFO broker: registered nameServer=\(name)", "INFO broker: unregistered nameServer=\(name)"])
  }

  @Test func `a registration that no frame can hold is compressed`() throws {
    let broker = NameServerRegistration.Broker(
      cluster: "C", name: "a", id: 0, address: "a:10911", haServerAddress: "a:10912")
    let topics = TopicTable(
      version: DataVersion(timestamp: WallTime(milliseconds: 1)), topics: (0..<10).map { TopicConfig(name: "T\($0)") })
    var options = NameServerRegistration.Options()
    let plain = NameServerRegistration.registration(of: broker, with: topics, options)
    #expect(!plain.isCompressed)
    #expect(try plain.content(version: RegisterBrokerBody.firstVersion).topics.topics == topics.topics)
    options.plainBytes = plain.body.count
    #expect(!NameServerRegistration.registration(of: broker, with: topics, options).isCompressed)
    options.plainBytes -= 1
    let deflated = NameServerRegistration.registration(of: broker, with: topics, options)
    #expect(deflated.isCompressed)
    let inflated = try Zlib.inflate(deflated.body.rawSpan, limit: 1 << 20)
    #expect(try RegisterBrokerBody(inflated: inflated.rawSpan).topics.topics == topics.topics)
  }

  @Test func `a broker without full permission registers all topics with its own`() {
    let topics = [TopicConfig(name: "T", readQueueCount: 3, permission: [.read, .write, .inherit], systemFlag: 1)]
    #expect(NameServerRegistration.masked(topics, by: .readWrite) == topics)
    #expect(
      NameServerRegistration.masked(topics, by: .read)
        == [TopicConfig(name: "T", readQueueCount: 3, permission: .read)])
  }
}
