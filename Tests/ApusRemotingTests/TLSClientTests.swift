import ApusBase
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusRemoting

/// Connections that this side makes.
@Suite(.timeLimit(.minutes(10))) struct TLSClientTests {
  /// One call by a client of its own.
  private func call(
    _ port: UInt16, _ tls: ClientTLS, name: String? = nil, calls: Int = 1
  ) throws -> [Result<[UInt8], CallError>] {
    let loop = try EventLoop(index: 201, name: "client")
    var settings = RemotingSettings()
    settings.handshakeDeadline = Patience.limit
    let client = RemotingClient(
      loop: loop, settings: settings, connectTimeout: Patience.limit, tls: tls, log: Logger(descriptor: -1))
    try loop.start()
    defer {
      client.close()
      loop.stop()
      loop.join()
    }
    let address = SocketAddress.loopback(port: port)
    if let name { client.name(address, name) }
    let results = Locked<[Result<[UInt8], CallError>]>([])
    let done = WakeUp()
    for number in 0..<calls {
      client.call(address, RequestCode(310), body: [UInt8(number)], timeout: Patience.limit) { result in
        let count = results.withLock {
          $0.append(result.map(\.body))
          return $0.count
        }
        if count == calls { done.signal() }
      }
    }
    done.wait(until: nil)
    return results.withLock { $0 }
  }

  private func reason(_ results: [Result<[UInt8], CallError>]) -> String? {
    guard case .failure(.unreachable(let reason)) = results.first else { return nil }
    return reason
  }

  @Test func `calls wait for the handshake and share its connection`() throws {
    let server = try TestServer(tls: Certificates.server(.enforcing))
    let results = try call(server.port, ClientTLS(TLSContext.client()), calls: 50)
    #expect(results == (0..<50).map { .success([UInt8($0)]) })
    #expect(server.service.seen.withLock { $0.requests } == 50)
  }

  @Test func `a server is taken whose certificate the authority has signed, and no other`() throws {
    let server = try TestServer(tls: Certificates.server())
    let trusting = ClientTLS(try TLSContext.client(trust: Certificates.authority))
    #expect(try call(server.port, trusting) == [.success([0])])
    let other = ClientTLS(try TLSContext.client(trust: .file(Certificates.path("stranger.pem"))))
    let told = reason(try call(server.port, other))
    let cause = "certificate verify failed: self-signed certificate in certificate chain"
    #expect(told == "the TLS handshake failed: \(cause)")
  }

  @Test(
    arguments: [
      (nil, true), ("127.0.0.1", true), ("localhost", true), ("broker.example", true), ("other.example", false),
      ("127.0.0.2", false),
    ] as [(String?, Bool)])
  func `the name of a server is checked when that is wanted`(name: String?, isTaken: Bool) throws {
    let server = try TestServer(tls: Certificates.server())
    let context = try TLSContext.client(trust: Certificates.authority)
    let results = try call(server.port, ClientTLS(context, checksServerName: true), name: name)
    if isTaken {
      #expect(results == [.success([0])])
    } else {
      #expect(reason(results)?.contains("mismatch") == true, "\(results)")
    }
    #expect(try call(server.port, ClientTLS(context), name: name) == [.success([0])])
  }

  @Test func `a client shows its certificate`() throws {
    let server = try TestServer(tls: Certificates.server(.enforcing, clientCertificate: .require))
    let context = try TLSContext.client(Certificates.credentials("client"), trust: Certificates.authority)
    #expect(try call(server.port, ClientTLS(context)) == [.success([0])])
  }

  @Test func `a server without TLS is unreachable`() throws {
    let server = try TestServer(tls: ServerTLS(mode: .disabled), log: Logger(descriptor: -1))
    let results = try call(server.port, ClientTLS(TLSContext.client()))
    #expect(reason(results) != nil, "\(results)")
  }
}
