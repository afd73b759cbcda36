import ApusBase
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusRemoting

@Suite(.timeLimit(.minutes(10))) struct TLSServerTests {
  private static let echo = RequestCode(310)

  private func anyone() throws -> TLSContext { try TLSContext.client() }

  // MARK: Modes

  @Test func `permissive serves plain peers and TLS peers on one port`() throws {
    let server = try TestServer(tls: Certificates.server())
    let plain = try TestClient(port: server.port)
    let secure = try TLSTestClient(port: server.port, anyone())
    plain.send(TestClient.frame(Self.echo, id: 1, body: [7]))
    #expect(try plain.receive()?.body == [7])
    #expect(try secure.isServed())
    #expect(secure.session.version == "TLSv1.3")
    #expect(secure.session.peerSubject == "/CN=server")
  }

  @Test func `disabled closes a TLS peer and says so, and serves plain ones`() throws {
    let log = try TestLog()
    let server = try TestServer(tls: ServerTLS(mode: .disabled), log: log.logger)
    #expect(throws: PeerFailure.self) { try TLSTestClient(port: server.port, anyone()) }
    let plain = try TestClient(port: server.port)
    plain.send(TestClient.frame(Self.echo, id: 1, body: [7]))
    #expect(try plain.receive()?.body == [7])
    #expect(log.text.contains("refusing a connection peer=127.0.0.1:"))
    #expect(log.text.contains("TLS is disabled and the peer begins with it"))
  }

  @Test func `enforcing closes a plain peer and says so, and serves TLS ones`() throws {
    let log = try TestLog()
    let server = try TestServer(tls: Certificates.server(.enforcing), log: log.logger)
    let plain = try TestClient(port: server.port)
    plain.send(TestClient.frame(Self.echo, id: 1))
    #expect(try plain.isClosed())
    #expect(try TLSTestClient(port: server.port, anyone()).isServed())
    #expect(log.text.contains("TLS is enforced and the peer does not begin with it"))
  }

  @Test func `test mode makes a certificate of its own, which only those take who trust anyone`() throws {
    let server = try TestServer(tls: ServerTLS(mode: .permissive))
    let client = try TLSTestClient(port: server.port, anyone())
    #expect(try client.isServed())
    #expect(client.session.peerSubject == "/CN=localhost")
    let careful = try TLSContext.client(trust: Certificates.authority)
    do {
      _ = try TLSTestClient(port: server.port, careful)
      Issue.record("a certificate that nobody has signed was taken")
    } catch let failure as PeerFailure {
      #expect(failure.reason == "certificate verify failed: self-signed certificate")
    }
  }

  @Test func `a client that knows TLS 1.1 at most is told that it is too old`() throws {
    let server = try TestServer(tls: Certificates.server())
    let client = try TestClient(port: server.port)
    client.send(ClientHello.tls11)
    server.turn()
    var answer = [UInt8](repeating: 0, count: 64)
    let count = unsafe answer.withUnsafeMutableBytes { unsafe Socket.receive(client.descriptor, into: $0) }
    // An alert, fatal, protocol_version.
    #expect(answer[0] == 0x15 && answer[5] == 2 && answer[6] == 70, "\(answer[..<max(count, 0)])")
    Socket.endSending(client.descriptor)
    #expect(try client.isClosed())
  }

  // MARK: Traffic

  @Test func `large and small frames go through whole and in order, many at once`() throws {
    let server = try TestServer(tls: Certificates.server())
    let client = try TLSTestClient(port: server.port, anyone())
    var generator = SeededGenerator(seed: 11)
    let bodies = [0, 1, 100, 16_384, 16_385, 70_000, 1_500_000, 3].map { count in
      (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }
    for (index, body) in bodies.enumerated() { client.send(TestClient.frame(Self.echo, id: Int32(index), body: body)) }
    for (index, body) in bodies.enumerated() {
      let answer = try #require(try client.receive())
      #expect(answer.header.id == RequestID(Int32(index)))
      #expect(answer.body == body)
    }
    #expect(server.server.inboundBytes == 0)
  }

  @Test func `a peer that does not fetch its answers is not read any more, and gets all of them later`() throws {
    let server = try TestServer(tls: Certificates.server()) { $0.socketSendBuffer = 20_000 }
    let client = try TLSTestClient(port: server.port, anyone())
    for id in 0..<60 { client.send(TestClient.frame(EchoService.large, id: Int32(id))) }
    server.wait { $0.outboundBytes >= 1 << 20 }
    server.turn()
    // The mark, one turn's answers and what is encrypted of them.
    #expect(server.server.outboundBytes < 2 << 20)
    for id in 0..<60 {
      let answer = try #require(try client.receive())
      #expect(answer.header.id == RequestID(Int32(id)))
      #expect(answer.body.count == 100_000)
    }
    server.turn()
    #expect(server.server.outboundBytes == 0)
  }

  @Test func `a peer that leaves without saying goodbye is no event`() throws {
    let log = try TestLog()
    let server = try TestServer(tls: Certificates.server(), log: log.logger)
    var client: TLSTestClient? = try TLSTestClient(port: server.port, anyone())
    #expect(try client?.isServed() == true)
    client = nil
    server.wait { $0.connectionCount == 0 }
    #expect(log.text == "")
  }

  @Test func `a server that stops says goodbye`() throws {
    let server = try TestServer(tls: Certificates.server())
    let client = try CarriedClient(port: server.port, anyone())
    #expect(client.shakeHands(server, pieceBytes: 1000) == .done)
    server.turn()
    client.deliver(client.incoming() ?? [])
    server.server.close(within: .seconds(5))
    var last: [UInt8] = []
    while let bytes = client.incoming() { last += bytes }
    // One record: an alert with its kind and the authentication code.
    #expect(last.count == 24 && last.prefix(5) == [0x17, 3, 3, 0, 19], "\(last)")
  }

  // MARK: Client certificates

  @Test(
    arguments: [
      (TLSClientCertificate.none, nil, true), (.none, "unknown", true), (.optional, nil, true),
      (.optional, "client", true), (.optional, "unknown", false), (.require, nil, false), (.require, "client", true),
      (.require, "unknown", false), (.require, "expired", false),
    ] as [(TLSClientCertificate, String?, Bool)])
  func `client certificates are asked for and looked at as the setting says`(
    mode: TLSClientCertificate, name: String?, isServed: Bool
  ) throws {
    let log = try TestLog()
    let server = try TestServer(tls: Certificates.server(clientCertificate: mode), log: log.logger)
    let context = try TLSContext.client(name.map { Certificates.credentials($0) }, trust: Certificates.authority)
    let client = try TLSTestClient(port: server.port, context)
    #expect(try client.isServed() == isServed)
    guard !isServed else { return }
    let reason =
      switch name {
      case "unknown": "certificate verify failed: unable to get local issuer certificate"
      case "expired": "certificate verify failed: certificate has expired"
      default: "peer did not return a certificate"
      }
    #expect(log.text.contains("tls: a handshake failed peer=127.0.0.1:"))
    #expect(log.text.contains(reason), "\(log.text)")
  }

  @Test func `without trust in anybody any certificate of a client will do, but there must be one`() throws {
    let tls = try ServerTLS(
      mode: .enforcing,
      identity: .files(Certificates.credentials("server"), clientCertificate: .require, trust: .anyone))
    let server = try TestServer(tls: tls)
    let unknown = try TLSContext.client(Certificates.credentials("unknown"))
    #expect(try TLSTestClient(port: server.port, unknown).isServed())
    #expect(try !TLSTestClient(port: server.port, anyone()).isServed())
  }
}

/// A ClientHello that offers TLS 1.1 with one suite of its time and nothing else.
enum ClientHello {
  static let tls11: [UInt8] = {
    let content: [UInt8] =
      [3, 2] + [UInt8](repeating: 0x5A, count: 32) + [0] + [0, 2, 0xC0, 0x09] + [1, 0]
    let handshake: [UInt8] = [1, 0, 0, UInt8(content.count)] + content
    return [0x16, 3, 1, 0, UInt8(handshake.count)] + handshake
  }()
}
