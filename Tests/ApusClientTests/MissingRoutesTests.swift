import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct MissingRoutesTests {
  private static let pauses = [Duration.seconds(1), .seconds(2), .seconds(4), .seconds(8)]

  /// A topic's route as name servers tell it that do not know the topic the first few times.
  private static func routes(missing count: Int, asked: Locked<[String]>) -> Routes {
    Routes(fetch: { topic throws(ClientError) in
      let number = asked.withLock { asked in
        asked.append(topic)
        return asked.count
      }
      guard number > count else { throw ClientError(.unknownTopic, "nobody knows it yet") }
      return TopicRouteData(queues: [], brokers: [])
    })
  }

  @Test(arguments: 0...4)
  func `a route is looked for after each pause until it is there, and then no more`(missCount: Int) async {
    let (asked, waited, found) = (Locked<[String]>([]), Locked<[Duration]>([]), Locked(0))
    let missing = MissingRoutes()
    for topic in ["T", "%RETRY%cg"] { missing.missed(topic) }
    await missing.look(
      in: Self.routes(missing: missCount, asked: asked),
      wait: { pause in
        waited.withLock { $0.append(pause) }
        return true
      },
      found: {
        found.withLock { $0 += 1 }
        missing.found("T")
      })
    #expect(waited.withLock { $0 } == Self.pauses)
    #expect(asked.withLock { $0 } == Array(repeating: "T", count: min(missCount + 1, 4)))
    #expect(found.withLock { $0 } == (missCount < 4 ? 1 : 0))
  }

  @Test func `a route that somebody else has found is not asked for, but told`() async throws {
    let (asked, found) = (Locked<[String]>([]), Locked(0))
    let routes = Self.routes(missing: 0, asked: asked)
    let missing = MissingRoutes()
    missing.missed("T")
    _ = try await routes.refresh("T")
    await missing.look(in: routes, wait: { $0 == Self.pauses[0] }, found: { found.withLock { $0 += 1 } })
    #expect(found.withLock { $0 } == 1 && asked.withLock { $0 } == ["T"])
  }

  @Test func `a consumer that ends looks no more`() async {
    let asked = Locked<[String]>([])
    let missing = MissingRoutes()
    missing.missed("T")
    await missing.look(in: Self.routes(missing: 9, asked: asked), wait: { _ in false }, found: {})
    #expect(asked.withLock { $0.isEmpty })
  }

  @Test(arguments: [true, false])
  func `a consumer that is started before name servers know its topic waits for no round`(isPush: Bool) async throws {
    let codes = Locked<[RequestCode]>([])
    let server = try MuteServer(missCount: 1) { code, _ in
      codes.withLock { $0.append(code) }
      return Reply()
    }
    var configuration = ClientConfiguration.patient([server.address])
    configuration.pollNameServerInterval = .seconds(3600)
    configuration.rebalanceInterval = .seconds(3600)
    let client = try MessageClient(configuration, log: Logger(level: .error))
    let subscriptions = [Subscription("T")]
    let consumer: any Runnable =
      isPush
      ? try client.pushConsumer(group: "cg", subscriptions: subscriptions, listener: .concurrent { _ in .success })
      : try client.pullConsumer(group: "cg", subscriptions: subscriptions)
    try await running(client, [consumer]) {
      try await until { codes.withLock { $0.contains(.getConsumerListByGroup) } }
    }
    server.stop()
  }
}
