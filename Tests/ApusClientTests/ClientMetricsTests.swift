import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct ClientMetricsTests {
  /// Sums what it is told, by metric, topic and group.
  private final class Recorder: ClientMetrics {
    private let counts = Locked<[String: Int]>([:])

    func add(_ count: Int, to metric: ClientMetric, topic: String, group: String) {
      counts.withLock { $0["\(metric) \(topic) \(group)", default: 0] += count }
    }

    func record(_ time: Duration, for metric: ClientMetric, topic: String, group: String) {
      #expect(time > .zero)
      counts.withLock { $0["\(metric) \(topic) \(group)", default: 0] += 1 }
    }

    subscript(key: String) -> Int { counts.withLock { $0[key] ?? 0 } }
  }

  @Test func `sends, pulls and consumption are counted and timed`() async throws {
    let cluster = try Cluster()
    let recorder = Recorder()
    let client = try await cluster.client { $0.metrics = recorder }
    let producer = try client.producer(group: "pg")
    for _ in 0..<3 { try await producer.send(Message(topic: "Counted", text: "12345")) }
    try await producer.send((0..<4).map { Message(topic: "Counted", text: "\($0)") })
    await #expect(throws: ClientError.self) {
      try await producer.send(Message(topic: "Counted", text: "x"), timeout: .zero)
    }
    #expect(recorder["messagesSent Counted pg"] == 7)
    #expect(recorder["bytesSent Counted pg"] > 15)
    #expect(recorder["sendsFailed Counted pg"] == 1)
    #expect(recorder["sendTime Counted pg"] == 5)
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("Counted")], settings,
      listener: .concurrent { messages in messages[0].text == "0" ? .deadLetter : .success })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.run() }
      group.addTask { try await consumer.run() }
      try await until { recorder["messagesConsumed Counted cg"] + recorder["messagesFailed Counted cg"] >= 7 }
      group.cancelAll()
      try await group.waitForAll()
    }
    #expect(recorder["messagesPulled Counted cg"] == 7)
    #expect(recorder["messagesFailed Counted cg"] == 1)
    #expect(recorder["consumeTime Counted cg"] == 7)
    #expect(recorder["pullTime Counted cg"] > 0)
  }
}
