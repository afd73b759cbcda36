import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// A whole broker behind a port, on two loops, with its store in a directory of its own.
final class ServedBroker {
  let broker: Broker
  let port: UInt16
  /// The port that answers everything but pulls.
  let secondPort: UInt16
  /// How long the end waits for what is under way.
  var endLimit = Duration.seconds(60)
  /// Whether the store has failed, so that it cannot be closed in order.
  var isBroken = false
  /// Why the broker did not close in order; nil before it ended and when it did.
  private(set) var closeFailure: BrokerError?
  private var isRunning = true
  private let loops: [EventLoop]
  /// Serves both ports.
  let server: RemotingServer
  private let directory: String
  private let isTemporary: Bool

  /// A broker with these settings over an empty store, over one in `kept`, which stays when the broker ends, or
  /// over one in `last`, which does not.
  init(
    _ entries: [(String, String)] = [], kept: String? = nil, last: String? = nil, disk: any Disk = PosixDisk(),
    log: Logger? = nil
  ) throws {
    directory = kept ?? last ?? Self.newDirectory()
    isTemporary = kept == nil
    let machine = BrokerSettings.Machine(cores: 2, hostName: "fx-a", address: "127.0.0.1", storeRoot: directory)
    let own = [
      ("brokerClusterName", "FxCluster"), ("brokerName", "fx-a"), ("mappedFileSizeCommitLog", "1048576"),
      ("maxHashSlotNum", "1000"), ("maxIndexNum", "4000"), ("brokerIP1", "127.0.0.1"),
      // A device that stands still for seconds is no failure.
      ("syncFlushTimeout", "\(Patience.limit.components.seconds * 1000)"),
    ]
    let properties = PropertiesFile((own + entries).map { PropertiesFile.Entry($0.0, $0.1) })
    let settings = try BrokerSettings(properties, machine: machine, now: SystemClock.wall())
    let log = log ?? Logger(level: .error)
    let loops = try (0..<2).map { try EventLoop(index: $0, name: "test-broker-\($0)") }
    self.loops = loops
    server = RemotingServer(loops: loops, log: log)
    for loop in loops { try loop.start() }
    do {
      broker = try Broker(
        settings: settings, settingsFile: nil, loops: loops, ownAddresses: [HostAddress(ipv4: 0x7F00_0001, port: 0)],
        disk: disk, memoryBytes: 1 << 30, log: log)
    } catch {
      for loop in loops { loop.stop() }
      for loop in loops { loop.join() }
      throw error
    }
    port = UInt16(try server.bind(.loopback(port: 0), service: broker.port).address.port)
    secondPort = UInt16(try server.bind(.loopback(port: 0), service: broker.secondPort).address.port)
    try broker.start()
    server.start()
  }

  deinit { stop() }

  /// Ends the broker in order; once is enough.
  func stop() {
    guard isRunning else { return }
    isRunning = false
    broker.leave()
    server.quiesce()
    broker.drain(within: endLimit)
    server.close(within: endLimit)
    do throws(BrokerError) {
      try broker.close()
    } catch {
      closeFailure = error
      // A store that has failed says so again when it is closed.
      if !isBroken { Issue.record("the broker does not close: \(error)") }
    }
    if isTemporary {
      do {
        try FileManager.default.removeItem(atPath: directory)
      } catch {
        Issue.record("the store cannot be removed: \(error)")
      }
    }
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }

  /// The path of a directory that does not exist yet.
  static func newDirectory() -> String { NSTemporaryDirectory() + "apus-broker-" + UUID().uuidString }

  /// Copies the store as it is now: what a process that is killed at this moment leaves behind.
  func killed() throws -> String {
    let copy = Self.newDirectory()
    try Self.copy(directory, to: copy)
    // The broker goes on meanwhile, and writes to the log first: what was copied of it before the other files may be
    // older than they are, which no kill leaves behind.
    try Self.copy(directory + "/commitlog", to: copy)
    return copy
  }

  private static func copy(_ source: String, to target: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["cp", "-R", source, target]
    // It complains of files that are renamed meanwhile, and copies the others.
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
  }

  /// Waits until the settings of a topic are in its file: an answer to the send that made it does not.
  func awaitSettings(of topic: String) throws {
    try Patience.wait {
      let file = FileManager.default.contents(atPath: directory + "/config/topics.json")
      return file.map { String(decoding: $0, as: UTF8.self).contains("\"\(topic)\"") } ?? false
    }
  }

  /// Another client of this broker.
  func client(_ answer: @escaping @Sendable (Command) -> Reply? = { _ in nil }) throws -> TestClient {
    try TestClient(port: port, answer)
  }
}

/// A client on a loop of its own, which answers what the broker asks it; nil leaves it without an answer.
final class TestClient: Sendable {
  private final class Service: RemotingService {
    let asked = Locked<[Command]>([])
    let arrival = WakeUp()
    let answer: @Sendable (Command) -> Reply?

    init(_ answer: @escaping @Sendable (Command) -> Reply?) { self.answer = answer }

    func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
      let command = Command(copying: request)
      if let reply = answer(command) { connection.send(reply, to: command.header) }
      asked.withLock { $0.append(command) }
      arrival.signal()
      return .done
    }
  }

  private let loop: EventLoop
  private let client: RemotingClient
  private let service: Service
  private let address: SocketAddress

  init(port: UInt16, _ answer: @escaping @Sendable (Command) -> Reply?) throws {
    address = .loopback(port: port)
    loop = try EventLoop(index: 200, name: "test-client")
    service = Service(answer)
    client = RemotingClient(
      loop: loop, connectTimeout: Patience.limit, service: service, log: Logger(level: .error))
    try loop.start()
  }

  deinit {
    client.close()
    loop.stop()
    loop.join()
  }

  /// Asks the broker and waits for its answer.
  func ask(
    _ code: RequestCode, _ fields: [ReplyField] = [], body: [UInt8] = [], timeout: Duration = Patience.limit
  ) throws -> Command {
    let done = WakeUp()
    let result = Locked<Result<Command, CallError>?>(nil)
    client.call(address, code, fields: fields, body: body, timeout: timeout) { answer in
      result.withLock { $0 = answer }
      done.signal()
    }
    while true {
      if let value = result.withLock({ $0 }) { return try value.get() }
      done.wait(until: nil)
    }
  }

  func ask(_ request: some OutgoingRequest) throws -> Command {
    try ask(type(of: request).code, request.fields, body: request.body)
  }

  /// Says who it is.
  func heartbeat(_ id: String, producer: String? = nil, consumer: ConsumerData? = nil) throws {
    let data = HeartbeatData(
      clientID: id, producerGroups: producer.map { [$0] } ?? [], consumers: consumer.map { [$0] } ?? [])
    #expect(try ask(.heartbeat, body: data.bytes()).responseCode == .success)
  }

  /// The first request of a code that the broker sent, waited for.
  func request(
    _ code: RequestCode, at location: SourceLocation = #_sourceLocation,
    where matches: (Command) -> Bool = { _ in true }
  ) throws -> Command {
    let deadline = SystemClock.monotonic() + Patience.limit
    while true {
      let asked = service.asked.withLock { $0 }
      if let found = asked.first(where: { $0.header.code == code.rawValue && matches($0) }) { return found }
      try #require(service.arrival.wait(until: deadline), "the broker does not ask", sourceLocation: location)
    }
  }

  /// How many requests of a code came so far.
  func count(_ code: RequestCode) -> Int {
    service.asked.withLock { $0.count { $0.header.code == code.rawValue } }
  }

  /// Closes the connection.
  func disconnect() { client.disconnect(address) }
}
