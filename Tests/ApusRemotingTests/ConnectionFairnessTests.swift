import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusRemoting
@testable import ApusSystem

/// What one connection does before others have their turn, on a loop whose turns the test makes.
@Suite(.timeLimit(.minutes(10))) struct ConnectionFairnessTests {
  /// Answers, and takes a time by the clock for each request.
  private final class SlowService: RemotingService {
    let handled = Locked(0)
    private let clock: ManualClock
    private let time: Duration

    init(_ clock: ManualClock, time: Duration) {
      self.clock = clock
      self.time = time
    }

    func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
      connection.send(Reply(body: request.body.array), to: request.header)
      handled.withLock { $0 += 1 }
      clock.advance(by: time)
      return .done
    }
  }

  /// A server with one connection, and the connection's other end.
  private final class ManualServer {
    private let service: SlowService
    private let loop: EventLoop
    private let server: RemotingServer
    private let peer: Int32

    init(
      readBufferBytes: Int = 256 << 10, time: Duration = .zero,
      _ configure: (inout RemotingSettings) -> Void = { _ in }
    ) throws {
      var settings = RemotingSettings()
      configure(&settings)
      let clock = ManualClock()
      service = SlowService(clock, time: time)
      loop = try EventLoop(name: "test-loop", readBufferBytes: readBufferBytes, clock: { clock.now })
      server = RemotingServer(loops: [loop], settings: settings, log: Logger(level: .error))
      let (own, other) = try Socket.pair()
      peer = other
      server.adopt(own, peer: HostAddress(ipv4: 0x7F00_0001, port: 9), service: service)
      loop.runTurn()
    }

    deinit {
      loop.stop()
      loop.runTurn()
      Socket.close(peer)
    }

    /// Runs one turn; returns how many requests were handled in it.
    func turn() -> Int {
      let before = service.handled.withLock { $0 }
      loop.runTurn()
      return service.handled.withLock { $0 } - before
    }

    /// Sends bytes, which must fit the socket.
    func send(_ bytes: [UInt8]) {
      let sent = Socket.send(peer, bytes.rawSpan)
      #expect(sent == bytes.count)
    }

    /// The ids of the answers that have come, in their order.
    func answers() throws -> [Int32] {
      var received: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe Socket.receive(peer, into: $0) }
        guard count > 0 else { break }
        received.append(contentsOf: buffer[..<count])
      }
      var ids: [Int32] = []
      while let answer = try TestClient.takeFrame(&received) { ids.append(answer.header.id.rawValue) }
      return ids
    }
  }

  @Test func `a peer that sends without a pause gets no more turns for it`() throws {
    let server = try ManualServer(readBufferBytes: 256)
    let frame = TestClient.frame(RequestCode(310), id: 1, flag: CommandHeader.onewayFlag, type: .binary)
    let frames = Array(repeatElement(frame, count: 140).joined())
    for _ in 0..<10 {
      server.send(frames)
      #expect(server.turn() > 0)
    }
    // Nothing new has come: what is read now is read because the loop was asked to call again. Two reads at most.
    let (read, limit) = (server.turn(), 2 * 256 / frame.count + 1)
    #expect(read > 0)
    #expect(read <= limit)
  }

  @Test func `a peer whose requests take long waits for the next turn with the others`() throws {
    let server = try ManualServer(time: .milliseconds(1))
    let ids: [Int32] = Array(1...50)
    server.send(Array(ids.map { TestClient.frame(RequestCode(310), id: $0) }.joined()))
    var handled = server.turn()
    #expect((1...5).contains(handled))
    for _ in ids { handled += server.turn() }
    #expect(handled == ids.count)
    #expect(try server.answers() == ids)
  }

  @Test func `a peer whose requests were answered at length waits for the next turn with the others`() throws {
    let server = try ManualServer { $0.outputHighMark = 4096 }
    let body = [UInt8](repeating: 1, count: 1000)
    let ids: [Int32] = Array(1...50)
    server.send(Array(ids.map { TestClient.frame(RequestCode(310), id: $0, body: body) }.joined()))
    var handled = server.turn()
    #expect((1...10).contains(handled))
    for _ in ids { handled += server.turn() }
    #expect(handled == ids.count)
    #expect(try server.answers() == ids)
  }
}
