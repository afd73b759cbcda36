import ApusModel
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(2))) struct ProducerTests {
  @Test func `a message to a new topic is stored, and its receipt says where`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "pg")
    let first = try await producer.send(Message(topic: "SdkNew", text: "one", tag: "a", keys: ["k1"]))
    #expect(first.status == .stored)
    #expect(first.queue.brokerName == "fx-a")
    #expect(first.queueOffset == 0)
    #expect(first.messageID.count == 32)
    #expect(first.offsetMessageID.count == 32)
    let queue = first.queue
    let second = try await producer.send(Message(topic: "SdkNew", text: "two"), to: queue)
    #expect(second.queue == queue)
    #expect(second.queueOffset == 1)
    #expect(first.messageID != second.messageID)
  }

  @Test func `many tasks send at once, each gets its own place`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client { $0.headerFormat = .binary }
    var configuration = ProducerConfiguration()
    configuration.inFlightLimit = 64
    let producer = try client.producer(group: "pg", configuration)
    let receipts = try await withThrowingTaskGroup(of: SendReceipt.self) { group in
      for number in 0..<2_000 {
        group.addTask { try await producer.send(Message(topic: "SdkMany", text: "m\(number)"), timeout: .seconds(20)) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(receipts.map { "\($0.queue.queueID):\($0.queueOffset)" }).count == 2_000)
    #expect(Set(receipts.map(\.messageID)).count == 2_000)
  }

  @Test func `what cannot be sent is refused before anything is sent`() async throws {
    let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1"]))
    var wrong = ProducerConfiguration()
    wrong.inFlightLimit = 0
    #expect(throws: ClientError(.invalidArgument, "")) { try client.producer(group: "pg", wrong) }
    // The group is not taken by what could not be made.
    let producer = try client.producer(group: "pg")
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send(Message(topic: "no topic", text: "x"))
    }
    await #expect(throws: ClientError(.invalidArgument, "")) { try await producer.send(Message(topic: "T", text: "")) }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send(Message(topic: "T", text: "x", properties: ["UNIQ_KEY": "mine"]))
    }
    await #expect(throws: ClientError(.invalidArgument, "")) {
      try await producer.send(Message(topic: "T", text: "x", delivery: .after(.seconds(Int64.max))))
    }
    await #expect(throws: ClientError(.messageTooLarge, "")) {
      try await producer.send(Message(topic: "T", body: [UInt8](repeating: 1, count: (4 << 20) + 1)))
    }
    #expect(throws: ClientError(.invalidArgument, "")) { try client.producer(group: "pg") }
    #expect(throws: ClientError(.invalidArgument, "")) { try client.producer(group: "no group") }
  }

  @Test func `without a name server the error says what was tried`() async throws {
    let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1", "127.0.0.1:2"]))
    let producer = try client.producer(group: "pg")
    do {
      try await producer.send(Message(topic: "T", text: "x"))
      Issue.record("nobody can have taken the message")
    } catch {
      #expect(error.code == .noNameServer)
      #expect(error.attempts.count == 2)
      #expect(error.description.contains("127.0.0.1:1"))
    }
  }
}
