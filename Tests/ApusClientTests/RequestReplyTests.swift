import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct RequestReplyTests {
  /// A consumer that answers requests of a topic by turning their text around.
  private func responder(_ topic: String, _ client: MessageClient) throws -> PushConsumer {
    let producer = try client.producer(group: "responder")
    return try client.pushConsumer(
      group: "answers", subscriptions: [Subscription(topic)], .fromStart,
      listener: .concurrent { messages in
        for message in messages where message.isRequest {
          let question = String(message.text.prefix(100))
          try await producer.reply(to: message, with: String(message.text.reversed()), properties: ["of": question])
        }
        return .success
      })
  }

  @Test(arguments: [ClientConfiguration.HeaderFormat.json, .binary])
  func `every request gets its own reply`(format: ClientConfiguration.HeaderFormat) async throws {
    let cluster = try Cluster(["fx-a", "fx-b"])
    let asking = try await cluster.client { $0.headerFormat = format }
    let answering = try await cluster.client { $0.headerFormat = format }
    let producer = try asking.producer(group: "asker")
    // A broker makes the topic with its first message there, and a consumer that runs looks for new queues only now and
    // then: the topic is to be on both before anybody answers.
    for number in 0..<8 { try await producer.send(Message(topic: "Ask", text: "make the topic \(number)")) }
    try await cluster.route("Ask", by: answering) { $0.brokers.count == 2 }
    let consumer = try responder("Ask", answering)
    try await running(answering, [consumer]) {
      try await running(asking) {
        try await withThrowingTaskGroup(of: (String, ReceivedMessage).self) { group in
          for number in 0..<20 {
            group.addTask {
              let text = "question \(number)"
              let message = Message(topic: "Ask", text: text)
              let by = QueueSelector.hash(of: Int64(number))
              let timeout = Patience.limit
              return number % 2 == 0
                ? (text, try await producer.request(message, timeout: timeout))
                : (text, try await producer.request(message, by: by, timeout: timeout))
            }
          }
          for try await (text, reply) in group {
            #expect(reply.text == String(text.reversed()))
            #expect(reply.properties["of"] == text)
            #expect(reply.properties["MSG_TYPE"] == "reply")
            #expect(reply.properties["ARRIVE_TIME"] != nil)
            #expect(reply.topic == "TestCluster_REPLY_TOPIC")
            #expect(reply.properties["WAIT"] == nil)
          }
        }
        // A large one is compressed both ways.
        let large = String(repeating: "x", count: 100_000)
        let reply = try await producer.request(Message(topic: "Ask", text: large), timeout: Patience.limit)
        #expect(reply.text == large)
        #expect(SysFlag(rawValue: reply.systemFlag).contains(.compressed))
      }
    }
  }

  @Test func `a request that nobody answers ends with its time, one that is cancelled at once`() async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    let producer = try client.producer(group: "asker")
    try await running(client) {
      // Within less time than the machine needs for it nothing was sent, and there is other advice.
      var (late, timeout): (ClientError?, Duration) = (nil, .milliseconds(200))
      repeat {
        let limit = timeout
        late = await #expect(throws: ClientError.self) {
          try await producer.request(Message(topic: "Nobody", text: "?"), timeout: limit)
        }
        timeout *= 4
      } while late?.advice == nil && timeout < Patience.limit
      #expect(late?.code == .timedOut)
      #expect(late?.advice?.contains("Nobody") == true)
      let asking = Task { try await producer.request(Message(topic: "Nobody", text: "?"), timeout: .seconds(3600)) }
      try await until { client.replies.count == 1 }
      asking.cancel()
      let cancelled = await #expect(throws: ClientError.self) { try await asking.value }
      #expect(cancelled?.code == .cancelled)
      #expect(client.replies.count == 0)
      await #expect(throws: ClientError(.invalidArgument, "")) {
        try await producer.request(Message(topic: "Nobody", text: "?"), timeout: .zero)
      }
    }
    let ended = await #expect(throws: ClientError.self) {
      try await producer.request(Message(topic: "Nobody", text: "?"), timeout: .seconds(3600))
    }
    #expect(ended?.code != .timedOut)
  }

  @Test func `a reply that nobody waits for is dropped, one to a client that is gone is refused`() async throws {
    let cluster = try Cluster(["fx-a", "fx-b"])
    let client = try await cluster.client()
    let producer = try client.producer(group: "asker")
    let sent = try await producer.send(Message(topic: "Late", text: "no request"))
    let plain = try #require(try await cluster.records(in: sent.queue, by: client).first)
    #expect(!plain.isRequest)
    await #expect(throws: ClientError(.invalidArgument, "")) { try await producer.reply(to: plain, with: "?") }

    var late = plain
    late.properties["CORRELATION_ID"] = "nobody's"
    late.properties["REPLY_TO_CLIENT"] = client.clientID
    let request = late
    try await running(client) {
      await client.introduce()
      let receipt = try await producer.reply(to: request, with: "late")
      #expect(receipt.status == .stored)
      #expect(client.replies.count == 0)
    }
    var gone = late
    gone.properties["REPLY_TO_CLIENT"] = "gone@1"
    let other = try await cluster.client().producer(group: "responder")
    do {
      try await other.reply(to: gone, with: "to nobody")
      Issue.record("nobody can have taken the reply")
    } catch {
      #expect(error.code == .refused)
      #expect(error.message.contains("gone@1"))
      #expect(error.attempts.count == 1)
      #expect(error.attempts.first?.hasPrefix(plain.queue.brokerName) == true)
    }
  }

  @Test func `a reply has the properties that Java sends, in its order`() throws {
    let key = "FD000000000000000000000000000002291A4E0E2F2A67039B600017"
    let reply = try OutgoingMessage(
      Message(topic: "FxCluster_REPLY_TOPIC", text: "reply to ping"), topic: "FxCluster_REPLY_TOPIC",
      key: Array(key.utf8),
      extra: [
        ("MSG_TYPE", "reply"), ("CORRELATION_ID", "489afa55-647f-45a6-bd1b-92071fba2671"),
        ("REPLY_TO_CLIENT", "192.0.2.2@fxrq"), ("TTL", "6000"),
      ], maxBodyBytes: 100, kind: .reply)
    #expect(
      String(decoding: reply.properties, as: UTF8.self)
        == "MSG_TYPE\u{1}reply\u{2}REPLY_TO_CLIENT\u{1}192.0.2.2@fxrq\u{2}UNIQ_KEY\u{1}\(key)\u{2}TTL\u{1}6000\u{2}"
        + "CORRELATION_ID\u{1}489afa55-647f-45a6-bd1b-92071fba2671")
  }

  @Test func `a reply that cannot be read is refused and named`() throws {
    let replies = PendingReplies()
    let log = Logger(level: .error)
    let broker = HostAddress(ipv4: 0x7F00_0001, port: 1)
    let header = CommandHeader(code: RequestCode.pushReplyMessageToClient.rawValue, id: RequestID(1))
    #expect(replies.take(Command(header: header), from: broker, log: log).code == .systemError)
    let fields = [
      ("producerGroup", "g"), ("topic", "t"), ("defaultTopic", "d"), ("defaultTopicQueueNums", "4"), ("queueId", "0"),
      ("sysFlag", "769"), ("bornTimestamp", "1"), ("flag", "0"), ("bornHost", "h"), ("storeHost", "h"),
      ("storeTimestamp", "1"), ("properties", "CORRELATION_ID\u{1}c"),
    ].map { ReplyField($0.0, $0.1) }
    // It says that it is compressed, and is not.
    let damaged = Command(header: header, fields: fields, body: [1, 2, 3])
    #expect(replies.take(damaged, from: broker, log: log).code == .systemError)
    for missing in fields.indices where fields[missing].name != "properties" {
      var some = fields
      some.remove(at: missing)
      #expect(replies.take(Command(header: header, fields: some), from: broker, log: log).code == .systemError)
    }
  }
}
