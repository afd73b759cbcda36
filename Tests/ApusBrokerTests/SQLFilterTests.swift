import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Consumers that filter by SQL92 conditions, over sockets.
@Suite(.timeLimit(.minutes(10))) struct SQLFilterTests {
  private static let topic = "SQLTopic"

  private func send(
    _ client: TestClient, _ body: String, _ properties: String, to topic: String = Self.topic
  ) throws {
    let answer = try client.ask(
      .sendMessageV2,
      [
        ReplyField("a", "pg"), ReplyField("b", topic), ReplyField("c", "TBW102"), ReplyField("d", "4"),
        ReplyField("e", "0"), ReplyField("f", "0"), ReplyField("g", "1795219489633"), ReplyField("h", "0"),
        ReplyField("i", properties), ReplyField("j", "0"),
      ], body: Array(body.utf8))
    #expect(answer.responseCode == .success)
  }

  /// `count` messages m0, m1, …: n counts them, kind is even or odd.
  private func send(_ client: TestClient, count: Int, from first: Int = 0) throws {
    for number in first..<first + count {
      let kind = number.isMultiple(of: 2) ? "even" : "odd"
      try send(client, "m\(number)", "n\u{1}\(number)\u{2}kind\u{1}\(kind)\u{2}TAGS\u{1}T\(number)")
    }
  }

  private func pull(
    _ client: TestClient, _ group: String, of topic: String = Self.topic, at offset: Int64, expression: String? = nil,
    type: String? = "SQL92",
    version: Int64 = 1, suspend: Int64 = 0, max: Int = 32
  ) throws -> Command {
    let flags = (suspend > 0 ? 2 : 0) | (expression == nil ? 0 : 4)
    var fields = [
      ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", 0),
      ReplyField("queueOffset", offset), ReplyField("maxMsgNums", max), ReplyField("sysFlag", flags),
      ReplyField("commitOffset", 0), ReplyField("suspendTimeoutMillis", suspend), ReplyField("subVersion", version),
    ]
    if let expression { fields.append(ReplyField("subscription", expression)) }
    if let type { fields.append(ReplyField("expressionType", type)) }
    return try client.ask(.pullMessage, fields)
  }

  private func bodies(_ answer: Command) throws -> [String] {
    var result: [String] = []
    var rest = answer.body[...]
    while !rest.isEmpty {
      let bytes = Array(rest)
      let record = try StoredRecord(bytes.rawSpan)
      result.append(record.body.text)
      rest = rest.dropFirst(record.size)
    }
    return result
  }

  private func consumer(_ group: String, _ expression: String, version: Int64 = 1) -> ConsumerData {
    ConsumerData(
      group: group,
      subscriptions: [
        SubscriptionData(topic: Self.topic, expression: expression, expressionType: "SQL92", version: version)
      ])
  }

  @Test func `a consumer gets exactly the messages that its condition is true for`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try send(client, count: 50)
    try client.heartbeat("c@1", consumer: consumer("cg", "kind = 'even' AND n BETWEEN 10 AND 29"))
    let first = try pull(client, "cg", at: 0, max: 4)
    #expect(try bodies(first) == ["m10", "m12", "m14", "m16"])
    #expect(first["nextBeginOffset"] == "17")
    let second = try pull(client, "cg", at: 17)
    #expect(try bodies(second) == ["m18", "m20", "m22", "m24", "m26", "m28"])
    #expect(second["nextBeginOffset"] == "50")
    let none = try pull(client, "cg", at: 30)
    #expect(none.responseCode == .pullRetryImmediately)
    #expect(none.remark == "NO_MATCHED_MESSAGE")
    #expect(none["nextBeginOffset"] == "50")
    #expect(none.body.isEmpty)
  }

  @Test func `a pull may carry its condition itself, and a property that is no number is not delivered`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try send(client, count: 4)
    try send(client, "x", "n\u{1}three")
    let answer = try pull(client, "cg", at: 0, expression: "n >= 2")
    #expect(try bodies(answer) == ["m2", "m3"])
    #expect(answer["nextBeginOffset"] == "5")
    #expect(try bodies(pull(client, "cg", at: 0, expression: "T1 || T3", type: "TAG")) == ["m1", "m3"])
  }

  @Test func `a pull looks at 800 messages at most`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try send(client, count: 810)
    let none = try pull(client, "cg", at: 0, expression: "n > 805")
    #expect(none.responseCode == .pullRetryImmediately)
    #expect(none["nextBeginOffset"] == "800")
    #expect(try bodies(pull(client, "cg", at: 800, expression: "n > 805")) == ["m806", "m807", "m808", "m809"])
  }

  /// Pulls until something is found. A pull that comes while messages are being sent may see only some of them, none of
  /// which is for it; it is told to go on behind those.
  private func follow(_ client: TestClient, from start: Int64) throws -> Command {
    var offset = start
    while true {
      let answer = try pull(client, "cg", at: offset, suspend: 250_000)
      guard answer.responseCode == .pullRetryImmediately else { return answer }
      let next = try #require(answer["nextBeginOffset"].flatMap { Int64($0) })
      try #require(next > offset)
      offset = next
    }
  }

  @Test func `a waiting pull sleeps through what is not for it`() async throws {
    let served = try ServedBroker()
    let (client, producer) = (try served.client(), try served.client())
    try send(producer, count: 3)
    try client.heartbeat("c@1", consumer: consumer("cg", "n = 7"))
    async let answer = follow(client, from: 3)
    try send(producer, count: 5, from: 3)
    let found = try await answer
    #expect(try bodies(found) == ["m7"])
    #expect(found["nextBeginOffset"] == "8")
    let late = try pull(client, "cg", at: 8, suspend: 1)
    #expect(late.responseCode == .pullNotFound)
  }

  @Test(arguments: ["n >> 3", "", "n = 'x", String(repeating: "(", count: 9_000), "n = \u{1F600}"])
  func `a condition that cannot be read is refused`(expression: String) throws {
    let served = try ServedBroker()
    let client = try served.client()
    try send(client, count: 1)
    let sent = try pull(client, "cg", at: 0, expression: expression)
    #expect(sent.responseCode == .subscriptionParseFailed)
    try client.heartbeat("c@1", consumer: consumer("cg", expression))
    #expect(try pull(client, "cg", at: 0).responseCode == .filterDataNotExist)
    try client.heartbeat("c@1", consumer: consumer("cg", "n = 0", version: 2))
    #expect(try bodies(pull(client, "cg", at: 0, version: 2)) == ["m0"])
    #expect(try pull(client, "cg", at: 0, version: 3).responseCode == .subscriptionNotLatest)
  }

  @Test func `an expression of another language or of 100 KB is refused`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try send(client, count: 1)
    #expect(try pull(client, "cg", at: 0, expression: "x", type: "REGEX").responseCode == .subscriptionParseFailed)
    let body = CheckClientConfigTests.body("a = '" + String(repeating: "x", count: 100_000) + "'")
    #expect(try client.ask(.checkClientConfig, body: body).responseCode == .subscriptionParseFailed)
  }

  @Test(arguments: [false, true])
  func `retried messages are held to the condition of their topic only when that is asked for`(isAsked: Bool) throws {
    let served = try ServedBroker([("filterSupportRetry", "\(isAsked)")])
    let client = try served.client()
    try client.heartbeat("c@1", consumer: consumer("cg", "n > 1"))
    for number in 0..<4 {
      let properties = "n\u{1}\(number)\u{2}RETRY_TOPIC\u{1}\(Self.topic)"
      try send(client, "r\(number)", properties, to: "%RETRY%cg")
    }
    try send(client, "other", "n\u{1}0\u{2}RETRY_TOPIC\u{1}Other", to: "%RETRY%cg")
    let answer = try pull(client, "cg", of: "%RETRY%cg", at: 0, expression: "*", type: "TAG")
    #expect(try bodies(answer) == (isAsked ? ["r2", "r3", "other"] : ["r0", "r1", "r2", "r3", "other"]))
  }

  @Test func `with the property filter off, conditions are refused as Java does`() throws {
    let served = try ServedBroker([("enablePropertyFilter", "false")])
    let client = try served.client()
    try send(client, count: 1)
    try client.heartbeat("c@1", consumer: consumer("cg", "n = 0"))
    for answer in [
      try pull(client, "cg", at: 0), try pull(client, "cg", at: 0, expression: "n = 0"),
      try client.ask(.checkClientConfig, body: CheckClientConfigTests.body("n = 0")),
    ] {
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark == "The broker does not support consumer to filter message by SQL92")
    }
  }

  @Test func `queue files tell which conditions messages meet, and nothing is lost by it`() throws {
    let settings = [
      ("enableConsumeQueueExt", "true"), ("enableCalcFilterBitMap", "true"), ("flushIntervalConsumeQueue", "1"),
      ("flushIntervalCommitLog", "1"),
    ]
    let directory = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker(settings, kept: directory)
      let client = try served.client()
      try send(client, count: 10)
      try client.heartbeat("c@1", consumer: consumer("cg", "kind = 'even'"))
      // Messages of the millisecond in which the condition came say nothing of it.
      try wait(untilWritten: 9, in: directory)
      try send(client, count: 300, from: 10)
      try wait(untilWritten: 309, in: directory)
    }
    let served = try ServedBroker(settings, last: directory)
    let client = try served.client()
    try client.heartbeat("c@1", consumer: consumer("cg", "kind = 'even'"))
    var (offset, found) = (Int64(0), [String]())
    while offset < 310 {
      let answer = try pull(client, "cg", at: offset)
      found += try bodies(answer)
      offset = try #require(answer["nextBeginOffset"].flatMap { Int64($0) })
    }
    #expect(found == (0..<310).filter { $0 % 2 == 0 }.map { "m\($0)" })
    let entries = try dump(client, at: 300)
    #expect(entries.map(\.isWanted) == [true, false, true, false, true, false, true, false, true, false])
    #expect(entries.allSatisfy { $0.tagsCode < Int64(Int32.min) && $0.fault == nil })
    let maps = entries.map { $0.bitMap?.filter { $0 == "1" }.count }
    #expect(maps[0] == 3)
    #expect(maps[1] == 0)
    #expect(try dump(client, at: 0).first?.isWanted == true)
  }

  /// Waits until the file of queue 0 has an entry that names a unit.
  private func wait(untilWritten index: Int, in directory: String) throws {
    let path = "\(directory)/consumequeue/\(Self.topic)/0/00000000000000000000"
    try Patience.wait {
      // For a moment the file is there without its length.
      guard let bytes = FileManager.default.contents(atPath: path), bytes.count > index * 20 + 12 else { return false }
      return bytes[index * 20 + 12] == 0x80
    }
  }

  private func dump(_ client: TestClient, at index: Int) throws -> [ConsumeQueueDump.Entry] {
    let answer = try client.ask(
      .queryConsumeQueue,
      [
        ReplyField("topic", Self.topic), ReplyField("queueId", 0), ReplyField("index", index), ReplyField("count", 10),
        ReplyField("consumerGroup", "cg"),
      ])
    return try ConsumeQueueDump(bytes: answer.body).entries
  }
}

/// Code 46 as Java's client sends it.
@Suite struct CheckClientConfigTests {
  static func body(_ expression: String, type: String = "SQL92") -> [UInt8] {
    let data = SubscriptionData(topic: "T", expression: expression, expressionType: type)
    return JSONValue(members: ["clientId": .string("c@1"), "group": .string("g"), "subscriptionData": data.json])
      .bytes()
  }

  @Test func `recorded requests get the recorded codes`() throws {
    let broker = try BrokerUnderTest()
    let samples = try RecordedFrames.samples("0046-CHECK_CLIENT_CONFIG")
    #expect(samples.count == 4)
    for sample in samples {
      #expect(broker.answer(sample.request).code == sample.response?.responseCode, "\(sample.title)")
    }
  }

  @Test(arguments: [
    ("a = 1", "SQL92", ResponseCode.success), ("a ==", "SQL92", .subscriptionParseFailed), ("a ==", "TAG", .success),
    ("a ==", "", .success), ("a", "REGEX", .subscriptionParseFailed),
  ])
  func `a condition is read, tags are not`(expression: String, type: String, code: ResponseCode) throws {
    let broker = try BrokerUnderTest()
    #expect(broker.ask(.checkClientConfig, body: Self.body(expression, type: type)).code == code)
  }

  @Test func `a body that is none is refused, no body is none`() throws {
    let broker = try BrokerUnderTest()
    #expect(broker.ask(.checkClientConfig, body: [0xFF]).code == .systemError)
    #expect(broker.ask(.checkClientConfig).code == .success)
  }

  @Test func `conditions of a group that is refused end, unless it has members`() throws {
    let broker = try BrokerUnderTest()
    let condition = SubscriptionData(topic: "T", expression: "a = 1", expressionType: "SQL92", version: 3)
    let tooLong = SubscriptionData(topic: String(repeating: "t", count: 5 << 20))
    func ends(_ group: String) -> Bool {
      broker.tables.filters.withLock { $0.filter(topic: "T", group: group)?.deadTime != nil }
    }
    let member = ConsumerData(group: "g", subscriptions: [condition])
    #expect(broker.heartbeat(HeartbeatData(clientID: "c", consumers: [member])).code == .success)
    for group in ["g", "h"] {
      let refused = ConsumerData(group: group, subscriptions: [condition, tooLong])
      #expect(broker.heartbeat(HeartbeatData(clientID: "d", consumers: [refused]), from: 2).code == .systemError)
    }
    #expect(!ends("g"))
    #expect(ends("h"))
  }

  @Test func `conditions are kept with the store`() throws {
    let broker = try BrokerUnderTest()
    let data = SubscriptionData(topic: "T", expression: "a = 1", expressionType: "SQL92", version: 3)
    let consumer = ConsumerData(group: "g", subscriptions: [data])
    #expect(broker.heartbeat(HeartbeatData(clientID: "c", consumers: [consumer])).code == .success)
    #expect(broker.config.saveAll().isEmpty)
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    let again = try BrokerUnderTest(stored: stored)
    let filter = again.tables.filters.withLock { $0.filter(topic: "T", group: "g") }
    #expect(filter?.expression == "a = 1")
    #expect(filter?.version == 3)
    #expect(filter?.deadTime != nil)
  }
}
