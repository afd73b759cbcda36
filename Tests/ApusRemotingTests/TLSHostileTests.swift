import ApusBase
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) struct TLSHostileTests {
  private static let echo = RequestCode(310)

  private func connected(_ server: TestServer) throws -> CarriedClient {
    let client = try CarriedClient(port: server.port, TLSContext.client())
    try #require(client.shakeHands(server, pieceBytes: 1000) == .done)
    server.turn()
    return client
  }

  private func encrypted(_ client: CarriedClient, _ bytes: [UInt8]) -> [UInt8] {
    let isEncrypted = client.session.encrypt(bytes.rawSpan)
    #expect(isEncrypted)
    return client.outgoing()
  }

  @Test func `a handshake and a request that come byte by byte are served`() throws {
    let server = try TestServer(tls: Certificates.server())
    let client = try CarriedClient(port: server.port, TLSContext.client(Certificates.credentials("client")))
    #expect(client.shakeHands(server, pieceBytes: 1) == .done)
    for byte in encrypted(client, TestClient.frame(Self.echo, id: 5, body: [1, 2, 3])) {
      client.wire.send([byte])
      server.turn()
    }
    server.until { $0.requests == 1 }
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a handshake that does not go on is counted and closed in time`() throws {
    let log = try TestLog()
    let server = try TestServer(tls: Certificates.server(), log: log.logger)
    let client = try CarriedClient(port: server.port, TLSContext.client())
    _ = client.session.handshake()
    client.wire.send(client.outgoing().dropLast(10))
    server.wait { $0.inboundBytes > 0 }
    #expect(server.server.inboundBytes == TLSSession.handshakeBytes)
    server.advance(by: .milliseconds(9900))
    #expect(server.server.connectionCount == 1)
    server.advance(by: .milliseconds(200))
    #expect(server.server.connectionCount == 0)
    #expect(server.server.inboundBytes == 0)
    #expect(log.text.contains("the TLS handshake took too long"))
  }

  @Test func `handshakes that stand still have half of the budget, and large requests the rest`() throws {
    let server = try TestServer(tls: Certificates.server()) {
      $0.frameLimit = 60_000
      $0.connectionInboundBudget = 60_000
      $0.inboundBudget = 400_000
    }
    let slow = try (0..<8).map { _ in try CarriedClient(port: server.port, TLSContext.client()) }
    for client in slow {
      _ = client.session.handshake()
      client.wire.send(client.outgoing().dropLast(10))
    }
    server.wait { $0.connectionCount == 8 && $0.inboundBytes >= 3 * TLSSession.handshakeBytes }
    server.turn()
    #expect(server.server.inboundBytes == 3 * TLSSession.handshakeBytes)
    let client = try TestClient(port: server.port)
    client.send(TestClient.frame(Self.echo, id: 1, body: [UInt8](repeating: 1, count: 50_000)))
    #expect(try client.receive()?.body.count == 50_000)
    server.wait { remoting in
      server.advance(by: .seconds(11))
      return remoting.connectionCount == 0
    }
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a record that trickles is counted and closed in time`() throws {
    let log = try TestLog()
    let server = try TestServer(tls: Certificates.server(), log: log.logger)
    let client = try connected(server)
    let record = encrypted(client, [UInt8](repeating: 1, count: 10_000))
    client.wire.send(record.prefix(3))
    server.wait { $0.inboundBytes > 0 }
    #expect(server.server.inboundBytes == TLSSession.recordBytes)
    server.advance(by: .seconds(9))
    client.wire.send(record.dropFirst(3).prefix(5000))
    server.turn()
    #expect(server.server.connectionCount == 1)
    server.advance(by: .seconds(2))
    #expect(server.server.connectionCount == 0)
    #expect(server.server.inboundBytes == 0)
    #expect(log.text.contains("a TLS record took too long"))
  }

  @Test func `a frame that trickles in whole records has the deadlines of a plain one`() throws {
    let server = try TestServer(tls: Certificates.server())
    let client = try connected(server)
    let frame = TestClient.frame(Self.echo, id: 1, body: [UInt8](repeating: 1, count: 100_000))
    var position = 0
    for _ in 0..<7 {
      client.wire.send(encrypted(client, Array(frame[position..<position + 5000])))
      position += 5000
      // The first of it is read before the time moves on: the deadline begins then.
      server.wait { $0.inboundBytes > 0 || $0.connectionCount == 0 }
      server.advance(by: .seconds(9))
    }
    server.wait { $0.connectionCount == 0 }
    #expect(server.server.inboundBytes == 0)
  }

  @Test(arguments: [
    TestClient.frame(RequestCode(310), id: 1), [0x17, 3, 3, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 70_000),
    [0x17, 3, 3, 0x41, 0x01] + [UInt8](repeating: 0, count: 16_641), [0x17, 3, 3, 0, 0], [0x80, 0, 0, 0, 0, 0],
    [0x16, 3, 3, 0, 4, 1, 0, 0, 0], [0x15, 3, 3, 0, 2, 2, 40],
  ]) func `bytes that are no record of this connection end it and no other`(bytes: [UInt8]) throws {
    let server = try TestServer(tls: Certificates.server(), log: Logger(descriptor: -1))
    let good = try TLSTestClient(port: server.port, TLSContext.client())
    let bad = try connected(server)
    bad.wire.send(bytes + [UInt8](repeating: 0, count: 100))
    server.wait { $0.connectionCount == 1 }
    #expect(try good.isServed())
    #expect(server.server.inboundBytes == 0)
  }

  @Test(
    arguments: [
      [0x16], [0x16, 3, 1, 0, 0], [0x16, 3, 1, 0xFF, 0xFF, 1], [0x16, 3, 1, 0, 5, 1, 0xFF, 0xFF, 0xFF, 3],
      [0x16, 0xFF, 0xFF, 0, 2, 1, 0], [0x16, 3, 1, 0, 4, 2, 0, 0, 0],
    ] as [[UInt8]]) func `a first byte of TLS with nothing sensible behind it ends the connection`(bytes: [UInt8])
    throws
  {
    let server = try TestServer(tls: Certificates.server(), log: Logger(descriptor: -1))
    let client = try TestClient(port: server.port)
    client.send(bytes + [UInt8](repeating: 0x41, count: 600))
    Socket.endSending(client.descriptor)
    server.until { $0.closed > 0 }
    #expect(server.server.inboundBytes == 0)
    #expect(try TLSTestClient(port: server.port, TLSContext.client()).isServed())
  }

  @Test func `flipped, cut and doubled bytes anywhere in a connection never harm the server`() throws {
    let server = try TestServer(tls: Certificates.server(), log: Logger(descriptor: -1))
    let context = try TLSContext.client(Certificates.credentials("client"))
    for seed in UInt64(0)..<150 {
      var generator = SeededGenerator(seed: seed)
      let client = try CarriedClient(port: server.port, context)
      var isHarmed = false
      for _ in 0..<4 {
        let step = client.session.handshake()
        if step == .done { _ = client.session.encrypt(TestClient.frame(Self.echo, id: 1).rawSpan) }
        var bytes = client.outgoing()
        if !bytes.isEmpty, generator.next() % 2 == 0 || step == .done {
          let place = Int(generator.next() % UInt64(bytes.count))
          switch generator.next() % 3 {
          case 0: bytes[place] ^= UInt8(1 << (generator.next() % 8))
          case 1: bytes.removeSubrange(place...)
          default: bytes.insert(contentsOf: bytes[place...], at: place)
          }
          isHarmed = true
        }
        client.wire.send(bytes)
        server.turn()
        guard !isHarmed, step == .waiting, let answer = client.incoming() else { break }
        client.deliver(answer)
      }
      Socket.endSending(client.wire.descriptor)
      server.until { $0.closed > Int(seed) }
    }
    #expect(server.server.inboundBytes == 0)
    #expect(server.server.outboundBytes == 0)
    #expect(server.server.connectionCount == 0)
    #expect(try TLSTestClient(port: server.port, TLSContext.client()).isServed())
  }
}
