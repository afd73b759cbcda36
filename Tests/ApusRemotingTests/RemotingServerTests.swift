import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Glibc
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) struct RemotingServerTests {
  private static let echo = RequestCode(310)

  @Test(arguments: [HeaderType.json, .binary]) func `answers in the request's header type`(type: HeaderType) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(Self.echo, id: 7, body: [1, 2, 3], type: type))
    let answer = try #require(try client.receive())
    #expect(answer.header.id == RequestID(7))
    #expect(answer.header.isResponse)
    #expect(answer.header.type == type)
    #expect(answer.body == [1, 2, 3])
  }

  @Test(arguments: [1, 3, 7, 64]) func `frames in pieces are put together`(size: Int) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    try Socket.disableDelay(client.descriptor)
    let bytes = (1...3).flatMap { TestClient.frame(Self.echo, id: $0, body: [UInt8](repeating: 9, count: 100)) }
    for start in stride(from: 0, to: bytes.count, by: size) {
      client.send(bytes[start..<min(start + size, bytes.count)])
      server.turn()
    }
    for id in 1...3 { #expect(try client.receive()?.header.id == RequestID(Int32(id))) }
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `many frames in one piece are answered in order`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send((1...2000).flatMap { TestClient.frame(Self.echo, id: $0, body: [UInt8](repeating: 1, count: 300)) })
    for id in 1...2000 { #expect(try client.receive()?.header.id == RequestID(Int32(id))) }
  }

  @Test(arguments: [10_000, 100_000, 300_000, 5_000_000, 16_000_000])
  func `large frames between small ones arrive whole`(size: Int) throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    client.send(
      TestClient.frame(Self.echo, id: 1) + TestClient.frame(RequestCode(9003), id: 2, body: body)
        + TestClient.frame(Self.echo, id: 3, body: Array(body.prefix(100_000))) + TestClient.frame(Self.echo, id: 4))
    #expect(try client.receive()?.header.id == RequestID(1))
    #expect(try client.receive()?.body == Array(body.prefix(100_000)))
    #expect(try client.receive()?.header.id == RequestID(4))
    #expect(server.server.inboundBytes == 0)
    #expect(server.service.seen.withLock { $0.unanswered.count } == 1)
  }

  @Test func `a oneway request gets no answer`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(Self.echo, id: 1, flag: CommandHeader.onewayFlag) + TestClient.frame(Self.echo, id: 2))
    #expect(try client.receive()?.header.id == RequestID(2))
  }

  @Test func `an answer made later on another thread arrives`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(EchoService.silent, id: 5))
    server.until { !$0.unanswered.isEmpty }
    let (id, header) = server.service.seen.withLock { $0.unanswered[0] }
    let loop = server.loops[id.loop]
    loop.execute { loop.connection(id)?.send(Reply(body: [4]), to: header) }
    #expect(try client.receive()?.body == [4])
  }

  @Test func `a stalled request is handed over again and the ones behind it wait`() throws {
    let server = try TestServer()
    server.service.seen.withLock { $0.isStalling = true }
    let client = try TestClient(port: server.port)
    let other = try TestClient(port: server.port)
    client.send(
      TestClient.frame(Self.echo, id: 1) + TestClient.frame(EchoService.stall, id: 2, body: [2])
        + TestClient.frame(Self.echo, id: 3))
    #expect(try client.receive()?.header.id == RequestID(1))
    client.send(TestClient.frame(Self.echo, id: 4))
    // Other connections go on meanwhile.
    other.send(TestClient.frame(Self.echo, id: 9))
    #expect(try other.receive()?.header.id == RequestID(9))
    #expect(server.service.seen.withLock { $0.requests } == 2)
    let loop = server.loops[0]
    loop.executeAndWait { loop.resumeStalled() }
    server.turn()
    #expect(server.service.seen.withLock { $0.requests } == 2)
    server.service.seen.withLock { $0.isStalling = false }
    loop.executeAndWait { loop.resumeStalled() }
    for id in 2...4 { #expect(try client.receive()?.header.id == RequestID(Int32(id))) }
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a peer that does not fetch its answers is not read until it does`() throws {
    let server = try TestServer {
      $0.outputHighMark = 200_000; $0.outputLowMark = 50_000; $0.socketSendBuffer = 131_072
    }
    let client = try TestClient(port: server.port, receiveBuffer: 131_072)
    client.send((1...500).flatMap { TestClient.frame(EchoService.large, id: $0) })
    server.until { $0.requests > 0 }
    server.turn()
    let handled = server.service.seen.withLock { $0.requests }
    #expect(handled < 20)
    #expect(server.server.outboundBytes < 500_000)
    for id in 1...500 { #expect(try client.receive()?.header.id == RequestID(Int32(id))) }
    server.turn()
    #expect(server.server.outboundBytes == 0)
  }

  @Test func `the process's output budget holds back whoever has not fetched`() throws {
    let server = try TestServer {
      $0.outboundBudget = 1_000_000; $0.socketSendBuffer = 131_072
    }
    let clients = try (0..<20).map { _ in try TestClient(port: server.port, receiveBuffer: 131_072) }
    for client in clients { client.send((1...100).flatMap { TestClient.frame(EchoService.large, id: $0) }) }
    server.until { $0.requests > 10 }
    server.turn()
    // Each may be over its mark by the frames of one turn only once the budget is spent.
    #expect(server.server.outboundBytes < 20 << 20)
    for client in clients {
      for id in 1...100 { #expect(try client.receive()?.header.id == RequestID(Int32(id))) }
    }
    server.turn()
    #expect(server.server.outboundBytes == 0)
  }

  @Test func `calls the peer and takes its answer`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(EchoService.callBack, id: 1))
    let asked = try #require(try client.receive())
    #expect(asked.header.code == 307)
    client.send(
      TestClient.frame(RequestCode(0), id: asked.header.id.rawValue, body: Array("me".utf8), flag: 1)
        + TestClient.frame(RequestCode(0), id: 12_345, flag: 1) + TestClient.frame(EchoService.callBack, id: 2))
    _ = try client.receive()
    server.until { $0.answers == ["me"] }
    server.advance(by: .seconds(6))
    server.until { $0.answers == ["me", "no answer in time"] }
  }

  @Test func `services hear of turns and of each closed connection once`() throws {
    let server = try TestServer(loops: 3)
    do {
      let clients = try (0..<9).map { _ in try TestClient(port: server.port) }
      for client in clients { client.send(TestClient.frame(Self.echo, id: 1)) }
      for client in clients { #expect(try client.receive() != nil) }
      #expect(server.server.connectionCount == 9)
      // Spread evenly: each loop has three of them and the first the listener too.
      #expect(server.loops.map(\.load) == [4, 3, 3])
      #expect(server.service.seen.withLock { $0.turns } >= 3)
    }
    server.until { $0.closed == 9 }
    #expect(server.server.connectionCount == 0)
  }

  @Test func `a port in use is an error that names it`() throws {
    let server = try TestServer()
    let other = RemotingServer(loops: server.loops, log: Logger(level: .error))
    let error = #expect(throws: SystemError.self) {
      try other.bind(.loopback(port: server.port), service: EchoService())
    }
    #expect(error?.description.contains("port in use: listen on 127.0.0.1:\(server.port)") == true)
  }

  @Test func `running out of descriptors pauses accepting and goes on afterwards`() throws {
    let failures = Locked(1)
    let server = try TestServer(accept: { descriptor in
      let fails = failures.withLock { left in
        defer { left -= 1 }
        return left > 0
      }
      return fails ? .exhausted(errno: EMFILE) : Socket.accept(descriptor)
    })
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(Self.echo, id: 1))
    server.wait { _ in failures.withLock { $0 } <= 0 }
    // The turn in which accepting failed ends before the clock moves: the pause begins in it.
    server.turn()
    #expect(server.server.connectionCount == 0)
    server.advance(by: .milliseconds(100))
    #expect(try client.receive()?.header.id == RequestID(1))
  }

  @Test func `no more connections are taken than there may be, and further ones wait`() throws {
    let server = try TestServer { $0.connectionLimit = 1 }
    var first: TestClient? = try TestClient(port: server.port)
    first?.send(TestClient.frame(Self.echo, id: 1))
    #expect(try first?.receive()?.header.id == RequestID(1))
    let second = try TestClient(port: server.port)
    second.send(TestClient.frame(Self.echo, id: 2))
    server.turn()
    #expect(server.server.connectionCount == 1)
    first = nil
    server.wait { $0.connectionCount == 0 }
    server.advance(by: .milliseconds(100))
    #expect(try second.receive()?.header.id == RequestID(2))
  }

  @Test func `quiescing reads no more but answers what was read`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(EchoService.silent, id: 1))
    server.until { !$0.unanswered.isEmpty }
    server.server.quiesce()
    client.send(TestClient.frame(Self.echo, id: 2))
    #expect(throws: SystemError.self) { try TestServer.probe(server.port) }
    let (id, header) = server.service.seen.withLock { $0.unanswered[0] }
    let loop = server.loops[0]
    // The answer and the end come from different threads, the answer first.
    loop.execute { loop.connection(id)?.send(Reply(body: [1]), to: header) }
    server.server.close(within: .seconds(5))
    #expect(try client.receive()?.header.id == RequestID(1))
    #expect(try client.isClosed())
    #expect(server.service.seen.withLock { ($0.requests, $0.closed) } == (1, 1))
  }

  @Test func `closing ends the connections of all loops and frees the port`() throws {
    let server = try TestServer(loops: 3)
    let clients = try (0..<6).map { _ in try TestClient(port: server.port) }
    for client in clients { client.send(TestClient.frame(Self.echo, id: 1)) }
    for client in clients { #expect(try client.receive() != nil) }
    server.server.close(within: .seconds(5))
    for client in clients { #expect(try client.isClosed()) }
    #expect(server.service.seen.withLock { $0.closed } == 6)
    Socket.close(try Socket.listen(on: .loopback(port: server.port)))
  }

  @Test func `closing waits no longer than told for a peer that does not fetch`() throws {
    let server = try TestServer {
      $0.socketSendBuffer = 131_072; $0.outputHighMark = 10 << 20
    }
    let client = try TestClient(port: server.port, receiveBuffer: 131_072)
    client.send((1...100).flatMap { TestClient.frame(EchoService.large, id: $0) })
    server.until { $0.requests == 100 }
    let isDone = Locked(false)
    let remoting = server.server
    let closer = try Thread.start(name: "closer") {
      remoting.close(within: .seconds(3))
      isDone.withLock { $0 = true }
    }
    server.wait { remoting in
      server.advance(by: .milliseconds(100))
      return remoting.connectionCount == 0
    }
    closer.join()
    #expect(isDone.withLock { $0 })
    #expect(server.clock.now.rawValue >= 3_000_000_000)
  }
}

extension TestServer {
  /// Connects and waits for the outcome.
  static func probe(_ port: UInt16) throws {
    let client = try TestClient(port: port)
    // A refused connection shows as an error of the socket once writing is tried.
    var event = pollfd(fd: client.descriptor, events: Int16(POLLOUT), revents: 0)
    _ = unsafe poll(&event, 1, 5000)
    let errno = Socket.connectionError(client.descriptor)
    if errno != 0 { throw SystemError(errno: errno, operation: "connect") }
  }
}
