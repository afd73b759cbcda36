import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Testing

@testable import ApusBroker

/// How much is held of what clients are asked and say.
@Suite(.timeLimit(.minutes(10))) struct ClientRelayTests {
  /// Answers everybody, and keeps the numbers of their connections.
  private final class Entrance: RemotingService {
    let connections = Locked<[UInt64]>([])

    func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
      let number = connection.id.rawValue
      connections.withLock { $0.append(number) }
      connection.send(Reply(), to: request.header)
      return .done
    }
  }

  private let code = RequestCode.getConsumerStatusFromClient

  @Test func `what is on its way to another loop is bounded by its bytes`() throws {
    let loops = try (0..<2).map { try EventLoop(index: $0, name: "test-relay-\($0)") }
    let relay = ClientRelay(loops: loops, passingLimit: 1000)
    let call = ClientCall(
      connection: 1 << 56, code: code, fields: [ReplyField("a", "xyz")], body: [UInt8](repeating: 1, count: 600))
    let outcomes = Locked<[CallError]>([])
    for _ in 0..<2 {
      relay.call(call, timeout: Patience.limit, on: loops[0]) { outcome in
        if case .failure(let error) = outcome { outcomes.withLock { $0.append(error) } }
      }
    }
    // Neither loop runs yet.
    let refused = outcomes.withLock { $0 }
    #expect(refused == [.unreachable("too much is on its way to clients")])
    #expect(relay.passingBytes == 604)
    #expect(relay.waitingCount == 1)
    relay.notify(call, on: loops[0])
    #expect(relay.passingBytes == 604)
    for loop in loops { try loop.start() }
    try Patience.wait { outcomes.withLock { $0.count } == 2 }
    let all = outcomes.withLock { $0 }
    #expect(all.last == .closed)
    #expect(relay.passingBytes == 0)
    #expect(relay.waitingCount == 0)
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }

  @Test func `answers for which there is no room count as not given`() throws {
    let loop = try EventLoop(index: 0, name: "test-relay")
    let server = RemotingServer(loops: [loop], log: Logger(level: .error))
    let entrance = Entrance()
    try loop.start()
    let port = UInt16(try server.bind(.loopback(port: 0), service: entrance).address.port)
    server.start()
    let clients = try (0..<3).map { _ in
      try TestClient(port: port) { _ in Reply(body: [UInt8](repeating: 1, count: 600)) }
    }
    for client in clients { #expect(try client.ask(.heartbeat).responseCode == .success) }
    let relay = ClientRelay(loops: [loop], gatheredLimit: 1300)
    let calls = entrance.connections.withLock { $0 }.map { ClientCall(connection: $0, code: code, fields: []) }
    #expect(calls.count == 3)
    for _ in 0..<2 {
      let (outcomes, done) = (Locked<[ClientRelay.Outcome]>([]), WakeUp())
      loop.execute {
        relay.callAll(calls, timeout: Patience.limit, on: loop) { all in
          outcomes.withLock { $0 = all }
          done.signal()
        }
      }
      #expect(done.wait(until: SystemClock.monotonic() + Patience.limit))
      let said = outcomes.withLock { $0 }
      let bodies = said.compactMap { outcome -> Int? in
        guard case .success(let answer) = outcome else { return nil }
        return answer.body.count
      }
      #expect(said.count == 3)
      #expect(bodies == [600, 600])
      #expect(relay.gatheredBytes == 0)
    }
    try Patience.wait { clients.allSatisfy { $0.count(code) == 2 } }
    server.close(within: Patience.limit)
    loop.stop()
    loop.join()
  }
}
