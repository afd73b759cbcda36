import ApusBase
import ApusBroker
import ApusModel
import ApusNameServer
import ApusProtocol
import ApusRemoting
import ApusSystem
import Foundation
import Testing

@testable import ApusClient

/// A name server and brokers that registered with it, in this process, with stores that end with it.
final class Cluster {
  /// One broker and its threads.
  final class Member {
    let broker: Broker
    let server: RemotingServer
    let loops: [EventLoop]
    let port: UInt16

    init(
      _ name: String, directory: String, nameServer: String, tls: (server: ServerTLS, client: ClientTLS)?,
      _ entries: [(String, String)]
    ) throws {
      let machine = BrokerSettings.Machine(cores: 2, hostName: name, address: "127.0.0.1", storeRoot: directory)
      let log = Logger(level: .error)
      loops = [try EventLoop(index: 0, name: "test-\(name)")]
      server = RemotingServer(loops: loops, tls: tls?.server, log: log)
      for loop in loops { try loop.start() }
      // The port is part of what the broker registers, so a free one is looked for first.
      let probe = try Socket.listen(on: .loopback(port: 0), backlog: 1)
      port = try Socket.localAddress(probe).port
      let own = [
        ("brokerClusterName", "TestCluster"), ("brokerName", name), ("mappedFileSizeCommitLog", "1048576"),
        ("maxHashSlotNum", "1000"), ("maxIndexNum", "4000"), ("brokerIP1", "127.0.0.1"), ("listenPort", "\(port)"),
        ("namesrvAddr", nameServer), ("registerBrokerTimeoutMills", "\(Patience.limit.components.seconds * 1000)"),
      ]
      let properties = PropertiesFile((own + entries).map { PropertiesFile.Entry($0.0, $0.1) })
      let settings = try BrokerSettings(properties, machine: machine, now: SystemClock.wall())
      broker = try Broker(
        settings: settings, settingsFile: nil, loops: loops, ownAddresses: [HostAddress(ipv4: 0x7F00_0001, port: 0)],
        disk: PosixDisk(), memoryBytes: 1 << 30, clientTLS: tls?.client, log: log)
      // The probe has kept the port from others until now.
      Socket.close(probe)
      try server.bind(.loopback(port: port), service: broker.port)
      try broker.start()
      server.start()
    }

    func stop() throws {
      broker.leave()
      server.quiesce()
      broker.drain(within: Patience.end)
      server.close(within: Patience.end)
      try broker.close()
      for loop in loops { loop.stop() }
      for loop in loops { loop.join() }
    }
  }

  let nameServerAddress: String
  private(set) var members: [String: Member] = [:]
  private let directory: String
  private let loop: EventLoop
  private let server: RemotingServer
  private let nameServer: NameServer
  private let tls: (server: ServerTLS, client: ClientTLS)?
  private var isNameServerRunning = true

  init(
    _ names: [String] = ["fx-a"], _ entries: [(String, String)] = [],
    tls: (server: ServerTLS, client: ClientTLS)? = nil
  ) throws {
    self.tls = tls
    directory = NSTemporaryDirectory() + "apus-client-" + UUID().uuidString
    let log = Logger(level: .error)
    loop = try EventLoop(index: 0, name: "test-namesrv")
    nameServer = try NameServer(
      settings: NameServerSettings(home: directory + "/namesrv"), ownAddresses: [], disk: PosixDisk(), log: log)
    server = RemotingServer(loops: [loop], tls: tls?.server, log: log)
    let address = try server.bind(.loopback(port: 0), service: nameServer).address
    nameServerAddress = "127.0.0.1:\(address.port)"
    server.start()
    nameServer.start(on: [loop])
    try loop.start()
    for name in names { try start(name, entries) }
  }

  /// Starts a broker, or starts one again over its store.
  func start(_ name: String, _ entries: [(String, String)] = []) throws {
    members[name] = try Member(
      name, directory: directory + "/" + name, nameServer: nameServerAddress, tls: tls, entries)
  }

  /// Stops a broker.
  func stop(_ name: String) throws { try members.removeValue(forKey: name)?.stop() }

  /// Stops the name server for good.
  func stopNameServer() {
    guard isNameServerRunning else { return }
    isNameServerRunning = false
    server.quiesce()
    nameServer.stop()
    server.close(within: Patience.end)
    loop.stop()
    loop.join()
  }

  /// A patient client of this cluster. Its brokers have registered, as they are now, when it is returned.
  func client(_ configure: (inout ClientConfiguration) -> Void = { _ in }) async throws -> MessageClient {
    var configuration = ClientConfiguration.patient([nameServerAddress])
    configure(&configuration)
    let client = try MessageClient(configuration)
    let addresses = Set(members.values.map { "127.0.0.1:\($0.port)" })
    try await until { await masters(client) == addresses }
    return client
  }

  /// All messages of a queue, as they are stored.
  func records(in queue: MessageQueue, by client: MessageClient) async throws -> [ReceivedMessage] {
    let runtime = client.runtime
    let member = try await runtime.member(0, of: queue)
    let pull = Pull(
      group: "reader", queue: queue, offset: 0, limit: 32, commit: nil, suspend: nil,
      subscription: SubscriptionData(topic: queue.topic), version: 0)
    return try await pull.answer(
      from: try await runtime.address(member.address, for: .pullMessage), named: member.address, by: runtime,
      timeout: Patience.limit
    ).messages
  }

  /// Where the brokers listen that the name server knows.
  private func masters(_ client: MessageClient) async -> Set<String> {
    do throws(ClientError) {
      return Set(try await client.runtime.nameServers.route("TBW102").brokers.compactMap { $0.addresses[0] })
    } catch {
      return []
    }
  }

  deinit {
    do {
      for member in members.values { try member.stop() }
    } catch {
      Issue.record("a broker does not close: \(error)")
    }
    stopNameServer()
    do {
      // Nobody made it in a cluster without brokers.
      if FileManager.default.fileExists(atPath: directory) { try FileManager.default.removeItem(atPath: directory) }
    } catch {
      Issue.record("the store cannot be removed: \(error)")
    }
  }
}
