import ApusBase
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) final class RemotingClientTests: Sendable {
  let loop: EventLoop
  let client: RemotingClient

  init() throws {
    loop = try EventLoop(index: 200, name: "client")
    client = RemotingClient(loop: loop, connectTimeout: Patience.limit, log: Logger(level: .error))
    try loop.start()
  }

  deinit {
    client.close()
    loop.stop()
    loop.join()
  }

  private func call(
    _ port: UInt16, _ code: RequestCode, body: [UInt8] = [], timeout: Duration = Patience.limit
  ) -> Result<Command, CallError> {
    let done = WakeUp()
    let result = Locked<Result<Command, CallError>?>(nil)
    client.call(.loopback(port: port), code, body: body, timeout: timeout) { answer in
      result.withLock { $0 = answer }
      done.signal()
    }
    while true {
      if let value = result.withLock({ $0 }) { return value }
      done.wait(until: nil)
    }
  }

  @Test func `a call connects and brings the answer`() throws {
    let server = try TestServer()
    #expect(try call(server.port, RequestCode(310), body: [1, 2]).get().body == [1, 2])
    #expect(try call(server.port, RequestCode(310), body: [3]).get().body == [3])
    #expect(server.server.connectionCount == 1)
  }

  @Test func `many calls at once get each its own answer`() throws {
    let server = try TestServer()
    let sums = Locked((count: 0, wrong: 0))
    let done = WakeUp()
    for number in 0..<500 {
      let body = Array("\(number)".utf8)
      client.call(.loopback(port: server.port), RequestCode(310), body: body, timeout: Patience.limit) {
        let isRight: Bool =
          switch $0 {
          case .success(let answer): answer.body == body
          case .failure: false
          }
        let count = sums.withLock { sums in
          sums.count += 1
          if !isRight { sums.wrong += 1 }
          return sums.count
        }
        if count == 500 { done.signal() }
      }
    }
    done.wait(until: nil)
    #expect(sums.withLock { $0 } == (500, 0))
    #expect(server.server.connectionCount == 1)
  }

  @Test func `a server that is not there is unreachable`() throws {
    let port = try UnusedPort()
    defer { withExtendedLifetime(port) {} }
    guard case .failure(.unreachable(let reason)) = call(port.number, RequestCode(310)) else {
      Issue.record("reached a port that nobody listens on")
      return
    }
    #expect(reason == "connect to 127.0.0.1:\(port.number): Connection refused")
  }

  @Test func `no answer in time fails the call`() throws {
    let server = try TestServer()
    #expect(call(server.port, EchoService.silent, timeout: .milliseconds(50)) == .failure(.timedOut))
  }

  @Test func `a call's time covers connecting`() throws {
    // A full backlog leaves connecting undecided.
    let descriptor = try Socket.listen(on: .loopback(port: 0), backlog: 0)
    defer { Socket.close(descriptor) }
    let address = try Socket.localAddress(descriptor)
    let fillers = try (0..<4).map { _ in try Socket.connect(to: address) }
    defer { for filler in fillers { Socket.close(filler) } }
    #expect(call(address.port, RequestCode(310), timeout: .milliseconds(50)) == .failure(.timedOut))
  }

  @Test func `a lost connection fails its calls and the next call connects again`() throws {
    let server = try TestServer()
    #expect(try call(server.port, RequestCode(310), body: [1]).get().body == [1])
    let failed = Locked<CallError?>(nil)
    let done = WakeUp()
    client.call(.loopback(port: server.port), EchoService.silent, timeout: Patience.limit) { result in
      if case .failure(let error) = result { failed.withLock { $0 = error } }
      done.signal()
    }
    server.until { !$0.unanswered.isEmpty }
    let (id, _) = server.service.seen.withLock { $0.unanswered[0] }
    let loop = server.loops[0]
    loop.execute { loop.connection(id)?.close() }
    done.wait(until: nil)
    #expect(failed.withLock { $0 } == .closed)
    #expect(try call(server.port, RequestCode(310), body: [2]).get().body == [2])
  }

  /// Begins a call with more bytes than the system holds for a peer that fetches nothing; `done` is woken when it has
  /// ended, with a failure if there is no answer.
  private static func beginLargeCall(
    of address: SocketAddress, by client: RemotingClient
  ) -> (done: WakeUp, failure: Locked<CallError?>) {
    let (done, failure) = (WakeUp(), Locked<CallError?>(nil))
    client.call(
      address, RequestCode(310), body: [UInt8](repeating: 1, count: 16 << 20), timeout: Patience.limit
    ) { result in
      if case .failure(let error) = result { failure.withLock { $0 = error } }
      done.signal()
    }
    return (done, failure)
  }

  @Test func `a connection whose peer acknowledges nothing is given up, and a new one is made`() throws {
    // The system takes connections and, until it has enough, bytes; nobody reads them.
    let descriptor = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(descriptor) }
    let address = try Socket.localAddress(descriptor)
    let loop = try EventLoop(index: 201, name: "client")
    var settings = RemotingSettings()
    settings.unacknowledgedLimit = .milliseconds(200)
    settings.sendDeadline = .seconds(3600)
    settings.idleLimit = .seconds(3600)
    let client = RemotingClient(
      loop: loop, settings: settings, connectTimeout: Patience.limit, log: Logger(level: .error))
    try loop.start()
    for _ in 0..<2 {
      let (done, failure) = Self.beginLargeCall(of: address, by: client)
      done.wait(until: nil)
      #expect(failure.withLock { $0 } == .closed)
    }
    client.close()
    loop.stop()
    loop.join()
  }

  @Test func `the end of the loop fails what waits and closes a connection whose peer fetches nothing`() throws {
    let descriptor = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(descriptor) }
    let address = try Socket.localAddress(descriptor)
    let loop = try EventLoop(index: 202, name: "client")
    let client = RemotingClient(loop: loop, connectTimeout: Patience.limit, log: Logger(level: .error))
    try loop.start()
    let (done, failure) = Self.beginLargeCall(of: address, by: client)
    let isSent = Locked(false)
    while !isSent.withLock({ $0 }) {
      client.countCalls { count in isSent.withLock { $0 = count > 0 } }
      loop.executeAndWait {}
    }
    #expect(loop.load == 1)
    client.close()
    loop.stop()
    loop.join()
    #expect(done.wait(until: SystemClock.monotonic() + Patience.limit))
    #expect(failure.withLock { $0 } == .closed)
    #expect(loop.load == 0)
  }

  @Test func `a closed client refuses`() throws {
    let server = try TestServer()
    client.close()
    #expect(call(server.port, RequestCode(310)) == .failure(.ended))
  }
}
