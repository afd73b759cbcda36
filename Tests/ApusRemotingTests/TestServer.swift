import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Glibc
import Testing

@testable import ApusRemoting

/// A clock that stands until it is moved.
final class ManualClock: Sendable {
  private let time = Locked(MonotonicTime(nanoseconds: 0))

  var now: MonotonicTime { time.withLock { $0 } }

  func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

/// Answers with the request's body and says what it saw. Some codes ask for something else.
final class EchoService: RemotingService {
  static let stall = RequestCode(9001)
  static let large = RequestCode(9002)
  static let silent = RequestCode(9003)
  static let callBack = RequestCode(9004)

  struct Seen: Sendable {
    var requests = 0
    var closed = 0
    var turns = 0
    var answers: [String] = []
    var isStalling = false
    var unanswered: [(ConnectionID, CommandHeader)] = []
  }

  let seen = Locked(Seen())

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let header = request.header
    switch request.code {
    case EchoService.stall where seen.withLock({ $0.isStalling }): return .stalled
    case EchoService.silent: seen.withLock { $0.unanswered.append((connection.id, header)) }
    case EchoService.large: connection.send(Reply(body: [UInt8](repeating: 7, count: 100_000)), to: header)
    case EchoService.callBack:
      let seen = seen
      connection.call(RequestCode(307), body: Array("who".utf8), timeout: .seconds(5)) { result in
        let text =
          switch result {
          case .success(let command): String(decoding: command.body, as: UTF8.self)
          case .failure(let error): "\(error)"
          }
        seen.withLock { $0.answers.append(text) }
      }
    default: connection.send(Reply(body: request.body.array), to: header)
    }
    seen.withLock { $0.requests += 1 }
    return .done
  }

  func connectionClosed(_ connection: Connection) { seen.withLock { $0.closed += 1 } }

  func turnEnded(on loop: EventLoop) { seen.withLock { $0.turns += 1 } }
}

/// A server with an echo service on a port of its own.
final class TestServer {
  let service = EchoService()
  let loops: [EventLoop]
  let server: RemotingServer
  let listener: Listener
  let clock = ManualClock()

  var port: UInt16 { UInt16(listener.address.port) }

  init(
    loops count: Int = 1, tls: ServerTLS? = nil, log: Logger = Logger(level: .error),
    _ configure: (inout RemotingSettings) -> Void = { _ in }, accept: Listener.Accept? = nil
  ) throws {
    var settings = RemotingSettings()
    configure(&settings)
    let clock = clock
    loops = try (0..<count).map { try EventLoop(index: $0, name: "test-loop", clock: { clock.now }) }
    server = RemotingServer(loops: loops, settings: settings, tls: tls, log: log)
    listener = try server.bind(.loopback(port: 0), service: service, accept: accept ?? Socket.accept)
    for loop in loops { try loop.start() }
    server.start()
  }

  deinit {
    server.close(within: .zero)
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }

  /// Moves the clock and lets every loop look at its timers.
  func advance(by duration: Duration) {
    clock.advance(by: duration)
    turn()
  }

  /// Lets every loop finish the turns it is in.
  func turn() { for _ in 0..<3 { for loop in loops { loop.executeAndWait {} } } }

  /// Waits until what the service has seen satisfies a condition.
  func until(at location: SourceLocation = #_sourceLocation, _ condition: (EchoService.Seen) -> Bool) {
    wait(at: location) { _ in service.seen.withLock { condition($0) } }
  }

  /// Waits until the server satisfies a condition; a wait in vain fails the test.
  func wait(at location: SourceLocation = #_sourceLocation, until holds: (RemotingServer) -> Bool) {
    let deadline = SystemClock.monotonic() + Patience.limit
    while !holds(server) {
      guard SystemClock.monotonic() < deadline else {
        Issue.record("waited in vain", sourceLocation: location)
        return
      }
      turn()
    }
  }
}
