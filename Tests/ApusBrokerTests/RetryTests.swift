import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Synchronization
import Testing

@testable import ApusBroker

/// Messages that consumers give back, through a whole broker.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RetryTests {
  private static let schedule = "SCHEDULE_TOPIC_XXXX"
  private static let levels = [("messageDelayLevel", "0s 1h 0s 0s")]

  private func giveBack(
    _ client: TestClient, _ offset: Int64, level: Int32 = 0, limit: Int32? = nil, group: String = "fx_g_retry"
  ) throws -> Command {
    try client.ask(
      ConsumerSendMessageBack.Request(offset: offset, group: group, delayLevel: level, maxReconsumeTimes: limit))
  }

  /// The properties of our own that a dead letter has beyond Java's.
  private static let ownNames: Set = [
    "DLQ_REASON", "DLQ_ORIGIN_TOPIC", "DLQ_ORIGIN_MESSAGE_ID", "DLQ_ORIGIN_QUEUE_ID", "DLQ_ORIGIN_QUEUE_OFFSET",
  ]

  @Test func `given back messages of a Java store become what Java made of them`() throws {
    let store = try JavaStore()
    let served = try ServedBroker(JavaStore.settings, kept: store.path)
    let client = try served.client()
    let expected = try JavaStore.messages(of: Self.schedule).filter { $0.reconsumeTimes == 1 }
    #expect(expected.count == 4)
    for java in expected {
      let origin = try MessageID(try #require(java.properties["ORIGIN_MESSAGE_ID"]))
      let level = try #require(java.properties["DELAY"].flatMap { Int32($0) })
      let before = try client.end(Self.schedule, queue: level - 1)
      #expect(try giveBack(client, origin.offset.rawValue, level: level).responseCode == .success)
      #expect(try client.end(Self.schedule, queue: level - 1) == before + 1)
      let first = try client.record(at: origin.offset.rawValue)
      let stored = try client.entry(Self.schedule, queue: level - 1, at: before)
      #expect(stored.properties == java.properties)
      #expect(stored.reconsumeTimes == 1)
      #expect(stored.bornTime == first.bornTime)
    }
  }

  @Test func `dead letters have what Java's have, and where they come from`() throws {
    let store = try JavaStore()
    let served = try ServedBroker(JavaStore.settings, kept: store.path)
    let client = try served.client()
    let tried = try JavaStore.messages(of: "%RETRY%fx_g_retry")
    for java in try JavaStore.messages(of: "%DLQ%fx_g_retry") {
      let before = try client.end("%DLQ%fx_g_retry")
      let retry = try #require(tried.first { $0.keys == java.keys })
      #expect(try giveBack(client, retry.offset, limit: 1).responseCode == .success)
      let dead = try #require(try client.pull("%DLQ%fx_g_retry", from: before).first)
      #expect(dead.properties.filter { !Self.ownNames.contains($0.key) } == java.properties)
      #expect(dead.reconsumeTimes == java.reconsumeTimes)
      let origin = try #require(try JavaStore.messages(of: "FxRetry").first { $0.keys == java.keys })
      #expect(
        dead.properties.filter { Self.ownNames.contains($0.key) } == [
          "DLQ_REASON": "MAX_RECONSUME_TIMES", "DLQ_ORIGIN_TOPIC": "FxRetry",
          "DLQ_ORIGIN_MESSAGE_ID": java.properties["ORIGIN_MESSAGE_ID"], "DLQ_ORIGIN_QUEUE_ID": "\(origin.queue)",
          "DLQ_ORIGIN_QUEUE_OFFSET": "\(origin.queueOffset)",
        ])
    }
  }

  @Test func `a message comes again until it is dead`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    let sent = try client.send("x", to: "FxRetry", [("TAGS", "A"), ("KEYS", "k")])
    #expect(try giveBack(client, try sent.recordOffset, limit: 1, group: "g").responseCode == .success)
    let again = try #require(try client.pull("%RETRY%g").first)
    #expect(again.body == "x")
    #expect(again.reconsumeTimes == 1)
    #expect(again.properties["RETRY_TOPIC"] == "FxRetry")
    #expect(again.properties["ORIGIN_MESSAGE_ID"] == sent["msgId"])
    #expect(again.properties["DELAY"] == "3")
    #expect(try giveBack(client, again.offset, limit: 1, group: "g").responseCode == .success)
    let dead = try #require(try client.pull("%DLQ%g").first)
    #expect(dead.reconsumeTimes == 2)
    #expect(dead.properties["DLQ_ORIGIN_QUEUE_ID"] == "0")
  }

  @Test func `a consumer gives a message up at once with a negative level`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    let sent = try client.send("x", to: "FxRetry", queue: 2)
    #expect(try giveBack(client, try sent.recordOffset, level: -1, group: "g").responseCode == .success)
    let dead = try #require(try client.pull("%DLQ%g").first)
    #expect(dead.properties["DLQ_REASON"] == "GIVEN_UP_BY_CONSUMER")
    #expect(dead.properties["DLQ_ORIGIN_QUEUE_ID"] == "2")
    #expect(dead.reconsumeTimes == 1)
  }

  @Test func `what is gone, or of no group, is refused`() throws {
    let served = try ServedBroker(Self.levels + [("autoCreateSubscriptionGroup", "false")])
    let client = try served.client()
    #expect(try giveBack(client, 0, group: "nobody").responseCode == .subscriptionGroupNotExist)
    let gone = try giveBack(client, 77, group: "TOOLS_CONSUMER")
    #expect(gone.responseCode == .systemError)
    #expect(gone.remark == "look message by offset failed, 77")
    #expect(try giveBack(client, -5, group: "TOOLS_CONSUMER").responseCode == .systemError)
  }

  @Test func `what was not delivered cannot be given back`() throws {
    let served = try ServedBroker([("transactionCheckInterval", "3600000")])
    let client = try served.client()
    let half = try client.send("half", to: "FxRetry", [("TRAN_MSG", "true"), ("PGROUP", "p"), ("UNIQ_KEY", "h")])
    let delayed = try client.send("level", to: "FxRetry", [("DELAY", "18")])
    let timed = try client.send("timed", to: "FxRetry", [("TIMER_DELAY_SEC", "3600")])
    for sent in [half, delayed, timed] {
      let refused = try giveBack(client, try sent.recordOffset, level: -1, group: "g")
      #expect(refused.responseCode == .systemError)
      #expect(refused.remark?.hasSuffix("it was not delivered") == true, "\(refused.remark ?? "")")
    }
    #expect(try client.end("%DLQ%g") == 0)
  }

  @Test func `a group without retry queues drops what it gives back`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    var config = SubscriptionGroupConfig(name: "g")
    config.retryQueueCount = 0
    #expect(
      try client.ask(.updateAndCreateSubscriptionGroup, body: config.json.bytes()).responseCode == .success)
    let sent = try client.send("x", to: "FxRetry")
    #expect(try giveBack(client, try sent.recordOffset, group: "g").responseCode == .success)
    #expect(try client.end(Self.schedule, queue: 2) == 0)
  }

  @Test func `a consumer that cannot give back sends to its retry topic itself`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    // What a Java client does when request 36 fails.
    let properties = [
      ("RETRY_TOPIC", "FxRetry"), ("ORIGIN_MESSAGE_ID", "0A"), ("DELAY", "3"), ("RECONSUME_TIME", "1"),
      ("MAX_RECONSUME_TIMES", "2"),
    ]
    #expect(
      try client.send("x", to: "%RETRY%g", properties, reconsumed: 1, maxReconsumeTimes: 2).responseCode == .success)
    let again = try #require(try client.pull("%RETRY%g").first)
    #expect(again.reconsumeTimes == 1)
    #expect(
      try client.send("x", to: "%RETRY%g", properties, reconsumed: 2, maxReconsumeTimes: 2).responseCode == .success)
    let dead = try #require(try client.pull("%DLQ%g").first)
    #expect(dead.reconsumeTimes == 2)
    #expect(dead.properties["DELAY"] == "0")
    #expect(dead.properties["DLQ_ORIGIN_TOPIC"] == "FxRetry")
    #expect(dead.properties["DLQ_ORIGIN_MESSAGE_ID"] == "0A")
  }

  @Test func `the answer waits for the device where sends do`() throws {
    let served = try ServedBroker(Self.levels + [("flushDiskType", "SYNC_FLUSH")])
    let client = try served.client()
    let sent = try client.send("x", to: "FxRetry")
    #expect(try giveBack(client, try sent.recordOffset, group: "g").responseCode == .success)
    #expect(try client.pull("%RETRY%g").map(\.body) == ["x"])
  }

  @Test func `recorded requests are answered as Java answers`() throws {
    let store = try JavaStore()
    let served = try ServedBroker(JavaStore.settings, kept: store.path)
    let client = try served.client()
    let offset = try #require(try JavaStore.messages(of: "FxRetry").first).offset
    for sample in try RecordedFrames.samples("0036-CONSUMER_SEND_MSG_BACK") {
      let fields = (sample.request.fields ?? []).map { $0.name == "offset" ? ReplyField("offset", offset) : $0 }
      let answer = try client.ask(.consumerSendMessageBack, fields)
      #expect(answer.responseCode == sample.response?.responseCode, "\(sample.title)")
      #expect(answer.remark == sample.response?.remark)
      #expect(answer.fields == sample.response?.fields)
    }
  }

  @Test func `messages that wait for a log file take bounded memory`() throws {
    let disk = GatedDisk()
    disk.holdAllocations(after: 1)
    let served = try ServedBroker(disk: disk)
    let client = try RawClient(port: served.port)
    // The first file has room for it, and for none of its copies.
    let sent = try client.ask(
      .sendMessageV2, Fields.send(to: "FxRetry"), body: [UInt8](repeating: 7, count: 900_000))
    let offset = try MessageID(sent["msgId"] ?? "").offset.rawValue
    let back = [ReplyField("group", "cg"), ReplyField("offset", offset), ReplyField("delayLevel", 1)]
    let count = 200
    for _ in 0..<count { client.send(.consumerSendMessageBack, back) }
    let refused = try #require(try client.receive())
    #expect(refused.responseCode == .systemBusy)
    // Each waits or was refused before there is room.
    try Patience.wait { waiting(served.broker) + refusals(served.broker) == count }
    let kept = waiting(served.broker)
    disk.holdAllocations(after: .max)
    disk.open()
    var stored = 0
    for _ in 1..<count where try client.receive()?.responseCode == .success { stored += 1 }
    #expect(stored == kept)
    // 64 MiB, and the one that reached that.
    #expect((1...75).contains(stored))
  }

  /// How many messages of the broker's own wait for the store.
  private func waiting(_ broker: Broker) -> Int {
    broker.service.loops.reduce(0) { sum, state in
      state.loop.executeAndWait { state.publishPending() }
      return sum + state.pendingCount.load(ordering: .relaxed)
    }
  }

  private func refusals(_ broker: Broker) -> Int {
    broker.parts.refusals.totals.reduce(0) { sum, entry in
      entry.kind.request == .consumerSendMessageBack ? sum + Int(entry.count) : sum
    }
  }
}
