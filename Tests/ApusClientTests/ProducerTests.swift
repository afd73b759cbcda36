import ApusModel
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct ProducerTests {
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
    var configuration = ProducerConfiguration.patient
    configuration.inFlightLimit = 64
    let producer = try client.producer(group: "pg", configuration)
    let receipts = try await withThrowingTaskGroup(of: SendReceipt.self) { group in
      for number in 0..<2_000 {
        group.addTask { try await producer.send(Message(topic: "SdkMany", text: "m\(number)")) }
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

  @Test func `the properties of plain messages stand where Java's map has them`() throws {
    for (tag, keys) in [(nil, []), ("t", []), (nil, ["k"]), ("t", ["k", "l"])] as [(String?, [String])] {
      let message = try OutgoingMessage(
        Message(topic: "T", text: "x", tag: tag, keys: keys), topic: "T", key: Array("id".utf8), maxBodyBytes: 10)
      var pairs: [(name: String, value: String)] = []
      if let tag { pairs.append(("TAGS", tag)) }
      if !keys.isEmpty { pairs.append(("KEYS", keys.joined(separator: " "))) }
      pairs.append(("WAIT", "true"))
      pairs.append(("UNIQ_KEY", "id"))
      let expected = try OutgoingMessage.encode(pairs)
      #expect(message.properties == expected)
    }
  }

  @Test func `words of keys are told apart by spaces, also before a character that combines`() throws {
    let properties = try OutgoingMessage.encode([(name: "KEYS", value: "a \u{301}b  c")])
    #expect(try ReceivedMessage.sample(queueOffset: 0, properties: properties).keys == ["a", "\u{301}b", "c"])
    #expect(try ReceivedMessage.sample(queueOffset: 0).keys == [])
  }

  @Test func `a delivered message is sent again with every property that can be read`() throws {
    let stored = Array("odd\u{1}a\u{1}b\u{2}empty\u{1}\u{2}UNIQ_KEY\u{1}id".utf8)
    let message = try ReceivedMessage.sample(queueOffset: 3, properties: stored)
    let again = try OutgoingMessage(resending: message, to: "cg", level: 0, maxReconsumeTimes: 16)
    let read = ReceivedProperties(again.properties)
    #expect(read["odd"] == "a\u{1}b" && read["empty"] == nil && read["UNIQ_KEY"] == "id")
    // Older clients cannot read such a value: an application may not begin with it.
    #expect(throws: ClientError(.invalidArgument, "")) {
      try OutgoingMessage(
        Message(topic: "T", text: "x", properties: ["odd": "a\u{1}b"]), topic: "T", key: Array("id".utf8),
        maxBodyBytes: 10)
    }
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
