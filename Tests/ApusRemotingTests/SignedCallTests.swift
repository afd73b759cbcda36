import ApusBase
import ApusModel
import ApusProtocol
import ApusSigning
import ApusSystem
import Testing

@testable import ApusRemoting

/// Says whether requests are signed with a key, and which fields they have.
private final class SignatureService: RemotingService {
  private let key: SignatureKey

  init(secret: String) { key = SignatureKey(secret: secret) }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    var content = SignedContent()
    let isSigned = content.isSigned(request, with: key)
    let names = (0..<request.fieldCount).map { request.fieldName(at: $0).text }
    connection.send(Reply(fields: [ReplyField("names", names), ReplyField("isSigned", isSigned)]), to: request.header)
    return .done
  }
}

@Suite(.timeLimit(.minutes(10))) struct SignedCallTests {
  /// One call each of several by a client of its own.
  private func answers(
    _ credentials: Credentials?, extra: [ReplyField] = [], to secret: String, bodies: [[UInt8]], type: HeaderType
  ) throws -> [Command] {
    let loops = [try EventLoop(index: 1, name: "server"), try EventLoop(index: 201, name: "client")]
    let server = RemotingServer(loops: [loops[0]], log: Logger(level: .error))
    let client = RemotingClient(
      loop: loops[1], connectTimeout: Patience.limit, credentials: credentials, extraFields: extra,
      log: Logger(level: .error))
    for loop in loops { try loop.start() }
    defer {
      client.close()
      server.quiesce()
      server.close(within: .seconds(1))
      for loop in loops { loop.stop() }
      for loop in loops { loop.join() }
    }
    let address = try server.bind(.loopback(port: 0), service: SignatureService(secret: secret)).address
    server.start()
    let results = Locked<[Result<Command, CallError>]>([])
    let done = WakeUp()
    for body in bodies {
      client.call(
        .loopback(port: UInt16(address.port)), RequestCode(310),
        fields: [ReplyField("topic", "中\"T"), ReplyField("z", "")],
        body: body, type: type, timeout: Patience.limit
      ) { result in
        let count = results.withLock {
          $0.append(result)
          return $0.count
        }
        if count == bodies.count { done.signal() }
      }
    }
    done.wait(until: nil)
    return try results.withLock { $0 }.map { try $0.get() }
  }

  private static let bodies: [[UInt8]] = [[], [1], Array(repeating: 7, count: 100_000), Array("{\"a\":1}".utf8)]

  @Test(arguments: [HeaderType.json, .binary])
  func `every request is signed over its fields and body`(type: HeaderType) throws {
    let credentials = Credentials(accessKey: "fxuser01", secretKey: "usersecret1", securityToken: "token")
    let found = try answers(
      credentials, extra: [ReplyField("ReqT", "0")], to: "usersecret1", bodies: Self.bodies, type: type)
    #expect(found.map { $0["isSigned"] } == Self.bodies.map { _ in "true" })
    #expect(
      Set(found.map { $0["names"] }) == [#"["AccessKey", "ReqT", "SecurityToken", "Signature", "topic", "z"]"#])
  }

  @Test func `a wrong secret makes another signature`() throws {
    let credentials = Credentials(accessKey: "fxuser01", secretKey: "guessed")
    let found = try answers(credentials, to: "usersecret1", bodies: Self.bodies, type: .json)
    #expect(found.map { $0["isSigned"] } == Self.bodies.map { _ in "false" })
  }

  @Test func `without an account only the extra fields are added`() throws {
    let found = try answers(nil, extra: [ReplyField("ReqT", "0")], to: "x", bodies: Self.bodies, type: .binary)
    #expect(Set(found.map { $0["names"] }) == [#"["ReqT", "topic", "z"]"#])
    #expect(try answers(nil, to: "x", bodies: [[]], type: .json)[0]["names"] == #"["topic", "z"]"#)
  }
}
