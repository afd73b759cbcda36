import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Glibc
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) struct HostileInputTests {
  private static let echo = RequestCode(310)

  /// The first bytes of a frame that announces more than it sends.
  private static func beginning(of length: Int32, header: Int = 0) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(length)
    writer.write(Int32(header))
    return writer.array
  }

  @Test(arguments: [
    Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 3, 0, 0, 0],
    [0, 0, 0, 10, 2, 0, 0, 2, 1, 2, 3, 4, 5, 6], [0, 0, 0, 6, 0, 0, 0, 3, 1, 2],
    [0, 0, 0, 8, 0, 0, 0, 4] + Array("{\"a\"".utf8), [0, 0, 0, 4, 0, 0, 0, 0], [0, 0, 0, 6, 1, 0, 0, 2, 0, 1],
  ]) func `garbage closes its connection and no other`(bytes: [UInt8]) throws {
    let server = try TestServer()
    let good = try TestClient(port: server.port)
    let bad = try TestClient(port: server.port)
    bad.send(TestClient.frame(Self.echo, id: 1) + bytes + [UInt8](repeating: 0, count: 100))
    #expect(try bad.receive()?.header.id == RequestID(1))
    #expect(try bad.isClosed())
    good.send(TestClient.frame(Self.echo, id: 2))
    #expect(try good.receive()?.header.id == RequestID(2))
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a frame beyond the limit is refused with a reason when its header tells whom`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    var frame = TestClient.frame(Self.echo, id: 77)
    frame.replaceSubrange(0..<4, with: [1, 0, 0, 0])
    client.send(frame + [UInt8](repeating: 0, count: 500_000))
    let answer = try #require(try client.receive())
    #expect(answer.header.id == RequestID(77))
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark?.contains("16777216") == true)
    Socket.endSending(client.descriptor)
    #expect(try client.isClosed())
  }

  @Test func `a peer that is refused and stays is closed after the linger limit`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    var frame = TestClient.frame(Self.echo, id: 77)
    frame.replaceSubrange(0..<4, with: [1, 0, 0, 0])
    client.send(frame)
    #expect(try client.receive() != nil)
    server.turn()
    #expect(server.server.connectionCount == 1)
    server.advance(by: .seconds(1))
    #expect(server.server.connectionCount == 0)
  }

  @Test func `a header that does not come in time closes the connection`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    client.send(Self.beginning(of: 1000, header: 500).prefix(5))
    server.wait { $0.inboundBytes > 0 }
    server.advance(by: .milliseconds(9900))
    #expect(server.server.connectionCount == 1)
    server.advance(by: .milliseconds(200))
    #expect(server.server.connectionCount == 0)
    #expect(try client.isClosed())
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a body that does not come in time closes the connection, however it trickles`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    let frame = TestClient.frame(Self.echo, id: 1, body: [UInt8](repeating: 1, count: 100_000))
    client.send(frame.prefix(1000))
    server.wait { $0.inboundBytes > 0 }
    for _ in 0..<59 {
      client.send([1])
      server.advance(by: .seconds(1))
    }
    #expect(server.server.connectionCount == 1)
    server.advance(by: .seconds(2))
    #expect(server.server.connectionCount == 0)
  }

  @Test func `whole frames in good time are no reason to close`() throws {
    let server = try TestServer()
    let client = try TestClient(port: server.port)
    for id in 1...30 {
      let frame = TestClient.frame(Self.echo, id: Int32(id))
      client.send(frame.prefix(20))
      server.advance(by: .seconds(8))
      client.send(frame.dropFirst(20))
      #expect(try client.receive()?.header.id == RequestID(Int32(id)))
    }
  }

  @Test func `an idle connection is closed after its time, one in use is not`() throws {
    let server = try TestServer()
    let idle = try TestClient(port: server.port)
    let busy = try TestClient(port: server.port)
    for id in 1...13 {
      busy.send(TestClient.frame(Self.echo, id: Int32(id)))
      #expect(try busy.receive() != nil)
      #expect(server.server.connectionCount == (id > 12 ? 1 : 2))
      server.advance(by: .seconds(10))
    }
    #expect(try idle.isClosed())
    server.advance(by: .seconds(120))
    #expect(try busy.isClosed())
  }

  @Test func `a peer that never fetches is closed`() throws {
    let server = try TestServer {
      $0.outputHighMark = 200_000; $0.socketSendBuffer = 131_072
    }
    let client = try TestClient(port: server.port, receiveBuffer: 131_072)
    client.send((1...100).flatMap { TestClient.frame(EchoService.large, id: $0) })
    server.until { $0.requests > 0 }
    server.turn()
    server.advance(by: .seconds(59))
    #expect(server.server.connectionCount == 1)
    // What the kernel still takes of the answers is progress, and the minute begins anew.
    server.wait { remoting in
      server.advance(by: .seconds(2))
      return remoting.connectionCount == 0
    }
    #expect(server.server.outboundBytes == 0)
  }

  @Test func `announced lengths take no memory`() throws {
    let server = try TestServer()
    let clients = try (0..<200).map { _ in try TestClient(port: server.port) }
    for client in clients { client.send(Self.beginning(of: 16_000_000) + [UInt8](repeating: 0, count: 400)) }
    server.wait { $0.inboundBytes >= 200 * 400 }
    #expect(server.server.inboundBytes <= 200 * 512)
  }

  @Test func `unfinished frames take no more than the budget, and one after the other completes`() throws {
    let server = try TestServer {
      $0.inboundBudget = 8 << 20
      $0.frameLimit = 2 << 20
      // Time goes on with every turn, while the threads that send may have none.
      $0.headerDeadline = .seconds(100_000)
      $0.bodyDeadline = .seconds(100_000)
      $0.idleLimit = .seconds(100_000)
    }
    let clients = try (0..<16).map { _ in try TestClient(port: server.port) }
    let body = [UInt8](repeating: 5, count: 1_500_000)
    let frame = TestClient.frame(EchoService.silent, id: 1, body: body)
    let threads = try clients.map { client in
      let descriptor = client.descriptor
      return try Thread.start(name: "sender") {
        var sent = 0
        while sent < frame.count - 1 {
          let count = Socket.send(descriptor, frame.rawSpan.extracting(sent..<frame.count - 1))
          if count <= 0 { return }
          sent += count
        }
      }
    }
    var most = 0
    // All but the last byte of each: more than the budget holds. The first that fit stand at their last byte.
    server.wait { $0.inboundBytes >= 4 << 20 }
    for _ in 0..<50 {
      server.advance(by: .milliseconds(20))
      most = max(most, server.server.inboundBytes)
    }
    #expect(most <= 8 << 20)
    // A frame of usual size goes through meanwhile.
    let small = try TestClient(port: server.port)
    small.send(TestClient.frame(Self.echo, id: 3, body: [UInt8](repeating: 1, count: 1000)))
    #expect(try small.receive()?.header.id == RequestID(3))
    for client in clients { client.send([5]) }
    var done = 0
    server.wait { remoting in
      server.advance(by: .milliseconds(20))
      most = max(most, remoting.inboundBytes)
      done = server.service.seen.withLock { $0.requests }
      return done == clients.count + 1 || remoting.connectionCount < clients.count
    }
    #expect(done == clients.count + 1)
    #expect(most <= 8 << 20)
    for thread in threads { thread.join() }
    server.turn()
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `random bytes never bring the server down`() throws {
    let server = try TestServer()
    var random = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      let client = try TestClient(port: server.port)
      var bytes = TestClient.frame(Self.echo, id: 1, body: [1, 2, 3], type: random.chance(1, in: 2) ? .json : .binary)
      for _ in 0...Int.random(in: 0..<4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      client.send(bytes)
    }
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(Self.echo, id: 2))
    #expect(try client.receive()?.header.id == RequestID(2))
  }
}
