import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

/// What this client sends is what Java's sends, and it understands what Java's broker answers.
@Suite(.timeLimit(.minutes(10))) struct GoldenRequestTests {
  /// Fields that depend on how a client is set up, and that of routes, which asks for JSON with quoted keys.
  private static let general: Set = ["Signature", "AccessKey", "ReqT", "acceptStandardJsonOnly"]

  private static func names(_ command: Command) -> Set<String> {
    Set((command.fields ?? []).map(\.name)).subtracting(general)
  }

  /// Expects each request of a code to have the fields of one that Java sent.
  private static func expectFields(_ code: RequestCode, of server: RecordedServer) throws {
    let recorded = Set(try RecordedFrames.samples(code).map { names($0.request) })
    let sent = server.requests(code)
    #expect(!sent.isEmpty, "nothing was sent with code \(code)")
    for command in sent {
      #expect(recorded.contains(names(command)), "code \(code): \(names(command).sorted())")
      #expect(command.header.version == 409)
      #expect(command.header.language == .java)
    }
  }

  /// The names of all members, with where they stand.
  private static func shape(_ value: JSONValue, at place: String = "") -> Set<String> {
    switch value {
    case .array(let elements): return elements.reduce(into: []) { $0.formUnion(shape($1, at: place + "[]")) }
    case .object(let members):
      return members.reduce(into: []) { found, member in
        let path = place + "." + (member.key.text ?? "?")
        found.insert(path)
        found.formUnion(shape(member.value, at: path))
      }
    default: return []
    }
  }

  /// Expects a request to be the recorded one byte for byte, but for its number, its time and the ids of its messages,
  /// which are as long as the recorded ones.
  private static func expectSame(_ sent: Command, _ recorded: Command, ids: [String]) throws {
    let theirs = (recorded["i"] ?? "") + latin(recorded.body)
    let recordedIDs = theirs.ranges(of: "UNIQ_KEY\u{1}").map {
      String(theirs[$0.upperBound...].prefix { $0 != "\u{2}" })
    }
    try #require(recordedIDs.map(\.count) == ids.map(\.count))
    func renamed(_ text: String) -> String {
      zip(ids, recordedIDs).reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
    var sent = sent
    sent.fields = (sent.fields ?? []).map { field in
      field.name == "g" ? ReplyField("g", recorded["g"] ?? "") : ReplyField(field.name, renamed(field.value))
    }
    sent.header.id = recorded.header.id
    #expect(renamed(latin(sent.body)) == latin(recorded.body))
    sent.body = recorded.body
    var left = ByteWriter()
    var right = ByteWriter()
    sent.encode(into: &left)
    recorded.encode(into: &right)
    #expect(left.bytes.text.replacing("\0", with: "·") == right.bytes.text.replacing("\0", with: "·"))
  }

  /// A character for each byte.
  private static func latin(_ bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
  }

  /// A client whose ids are as long as the recorded ones, which came from a machine with an IPv6 address.
  private static func client(of server: RecordedServer) throws -> MessageClient {
    var configuration = ClientConfiguration.patient([server.address])
    configuration.clientIP = "fd00::2"
    return try MessageClient(configuration)
  }

  @Test func `a send is Java's byte for byte, but for its id and its times`() async throws {
    let server = try RecordedServer()
    let client = try Self.client(of: server)
    let samples = try RecordedFrames.samples(.sendMessageV2).map(\.request)
    let recorded = try #require(samples.first { $0["i"]?.hasPrefix("color\u{1}red") == true })
    let producer = try client.producer(group: try #require(recorded["a"]))
    let message = Message(
      topic: "FxTopic", body: recorded.body, tag: "TagA", keys: ["key1", "key2"],
      properties: ["color": "red", "n": "5"])
    let receipt = try await producer.send(
      message, to: MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 3))
    let sent = try #require(server.requests(.sendMessageV2).first)
    try Self.expectSame(sent, recorded, ids: [receipt.messageID])
    server.stop()
  }

  @Test func `a batch is Java's byte for byte, but for its ids and its times`() async throws {
    let server = try RecordedServer()
    let client = try Self.client(of: server)
    let recorded = try #require(try RecordedFrames.samples(.sendBatchMessage).first).request
    let producer = try client.producer(group: try #require(recorded["a"]))
    let messages = (0..<3).map {
      Message(topic: "FxTopic", text: "batch-\($0)-批量", tag: "TagB", keys: ["bk\($0)"])
    }
    let queue = MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 2)
    let receipts = try await producer.send(messages, to: queue)
    #expect(receipts.map(\.queueOffset) == [0, 1, 2])
    #expect(receipts.map(\.queue) == [queue, queue, queue])
    let sent = try #require(server.requests(.sendBatchMessage).first)
    try Self.expectSame(sent, recorded, ids: receipts.map(\.messageID))
    server.stop()
  }

  @Test func `a reply is Java's byte for byte, but for its id and its times`() async throws {
    let server = try RecordedServer()
    let client = try Self.client(of: server)
    let recorded = try #require(try RecordedFrames.samples(.sendReplyMessageV2).first).request
    let producer = try client.producer(group: try #require(recorded["a"]))
    let queue = MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 0)
    let found = try await client.pullConsumer(group: "fx_g_pull").pull(queue, from: server.firstOffset)
    var request = try #require(found.messages.first)
    let asked = MessageProperties(Array((recorded["i"] ?? "").utf8).rawSpan).dictionary
    for name in ["CORRELATION_ID", "REPLY_TO_CLIENT", "TTL"] { request.properties[name] = asked[name] }
    request.properties["CLUSTER"] = "FxCluster"
    let receipt = try await producer.reply(to: request, with: recorded.body)
    let sent = try #require(server.requests(.sendReplyMessageV2).first)
    try Self.expectSame(sent, recorded, ids: [receipt.messageID])
    server.stop()
  }

  @Test func `producers' requests have Java's fields, and Java's answers are understood`() async throws {
    let server = try RecordedServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let transactions = try client.transactionProducer(group: "fx_tx_pg") { _ in .unknown }
    let answer = try #require(
      try RecordedFrames.samples(.sendMessageV2).compactMap(\.response).first { $0.responseCode == .success })
    let queue = MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 1)
    let receipt = try await transactions.producer.send(Message(topic: "FxTopic", text: "x"), to: queue)
    #expect(receipt.status == .stored)
    #expect(receipt.offsetMessageID == answer["msgId"])
    #expect(receipt.queueOffset == answer["queueOffset"].flatMap { Int64($0) })
    #expect(receipt.region == answer["MSG_REGION"])
    try await transactions.producer.sendOneway(Message(topic: "FxTopic", text: "x"), to: queue)
    let receipts = try await transactions.producer.send(
      (0..<3).map { Message(topic: "FxTopic", text: "batch-\($0)", keys: ["bk\($0)"]) })
    #expect(receipts.count == 3)
    let (_, state) = try await transactions.send(Message(topic: "FxTopic", text: "half")) { _ in .commit }
    #expect(state == .commit)
    await client.heartbeat()
    try await until { !server.requests(.endTransaction).isEmpty }
    for code in [RequestCode.sendMessageV2, .sendBatchMessage, .endTransaction, .heartbeat, .getRouteInfoByTopic] {
      try Self.expectFields(code, of: server)
    }
    #expect(server.requests(.sendMessageV2).contains { $0.header.isOneway })
    let batch = try #require(server.requests(.sendBatchMessage).first)
    let recorded = try #require(try RecordedFrames.samples(.sendBatchMessage).first).request
    for name in ["c", "d", "f", "h", "i", "j", "k", "m", "n"] { #expect(batch[name] == recorded[name], "\(name)") }
    #expect(server.requests(.endTransaction)[0].header.isOneway)
    server.stop()
  }

  @Test func `consumers' requests have Java's fields, and Java's answers are understood`() async throws {
    let server = try RecordedServer()
    let client = try MessageClient(ClientConfiguration.patient([server.address]))
    let queue = MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 0)
    let consumer = try client.pullConsumer(group: "fx_g_pull")
    var messages: [ReceivedMessage] = []
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await consumer.run() }
      consumer.assign([queue])
      try await until {
        messages = await consumer.poll() ?? []
        return !messages.isEmpty
      }
      #expect(messages.first?.queueOffset == server.firstOffset)
      #expect(messages.allSatisfy { $0.topic == "FxTopic" && !$0.messageID.isEmpty })
      await consumer.commit()
      await client.heartbeat()
      group.cancelAll()
      try await group.waitForAll()
    }
    _ = try await client.runtime.maxOffset(of: queue)
    _ = try await client.runtime.minOffset(of: queue)
    _ = try await client.runtime.offset(of: queue, at: 1)
    let push = try client.pushConsumer(
      group: "fx_g_push", subscriptions: [Subscription("FxTopic", .sql("n > 3"))],
      listener: .orderly { _ in .success })
    #expect(await push.sendBack(messages[0], level: 1))
    #expect(await !push.lock([queue]).isEmpty)
    await push.unlock([queue])
    try await client.check(Array(push.subscriptions.values), of: "fx_g_push")
    _ = try await push.share.queues(of: "FxTopic")
    for code in [
      RequestCode.pullMessage, .queryConsumerOffset, .updateConsumerOffset, .consumerSendMessageBack,
      .lockBatchMessageQueue, .unlockBatchMessageQueue, .unregisterClient, .getConsumerListByGroup, .checkClientConfig,
      .getMaxOffset, .getMinOffset, .searchOffsetByTimestamp,
    ] { try Self.expectFields(code, of: server) }
    for code in [RequestCode.lockBatchMessageQueue, .checkClientConfig, .heartbeat] {
      var recorded: Set<String> = []
      for sample in try RecordedFrames.samples(code) {
        let body = sample.request.body
        recorded.formUnion(Self.shape(try JSONParser.parse(body.rawSpan)))
      }
      let body = try #require(server.requests(code).first).body
      let sent = Self.shape(try JSONParser.parse(body.rawSpan))
      #expect(sent.isSubset(of: recorded), "\(sent.subtracting(recorded).sorted())")
    }
    server.stop()
  }
}
