import ApusBase
import ApusModel
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Sends that a client repeats, through a whole broker. Brokers over kept stores run one after the other, as a child
/// process may hold a parent's lock for a moment.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RepeatedSendTests {
  private static let topic = "OnceTopic"
  private static let on = [("dedupWindowMillis", "3600000")]

  private static func key(_ key: String) -> [(String, String)] { [("UNIQ_KEY", key)] }

  private static func same(_ left: Command, _ right: Command) -> Bool {
    left.responseCode == .success && right.responseCode == .success && left["msgId"] == right["msgId"]
      && left["queueId"] == right["queueId"] && left["queueOffset"] == right["queueOffset"] && left["msgId"] != nil
  }

  /// The items of a batch with a key each.
  private static func batch(_ keys: [String], bodies: [String]? = nil) -> [UInt8] {
    var output = ByteWriter()
    for (number, key) in keys.enumerated() {
      let body = Array((bodies?[number] ?? "body of \(key)").utf8)
      let properties = key.isEmpty ? [] : Array("UNIQ_KEY\u{1}\(key)".utf8)
      output.write(Int32(22 + body.count + properties.count))
      output.write(Int32(0))
      output.write(Int32(0))
      output.write(Int32(0))
      output.write(Int32(body.count))
      output.write(body.rawSpan)
      output.write(Int16(properties.count))
      output.write(properties.rawSpan)
    }
    return output.array
  }

  // MARK: What is a repetition

  @Test func `a repetition gets the first one's ids, on any connection and in any queue`() throws {
    let served = try ServedBroker(Self.on)
    let (one, other) = (try served.client(), try served.client())
    let first = try one.send("x", to: Self.topic, queue: 1, Self.key("K1"))
    #expect(Self.same(first, try one.send("x", to: Self.topic, queue: 2, Self.key("K1"))))
    #expect(Self.same(first, try other.send("x", to: Self.topic, queue: 3, Self.key("K1"))))
    #expect(try one.end(Self.topic, queue: 1) == 1)
    #expect(try one.end(Self.topic, queue: 2) == 0)
    #expect(try one.end(Self.topic, queue: 3) == 0)
    #expect(served.broker.repetitionsAnswered == 2)
  }

  @Test func `another key, topic or body is another message, and so is one without a key`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    _ = try client.send("x", to: Self.topic, Self.key("K1"))
    _ = try client.send("x", to: Self.topic, Self.key("K2"))
    _ = try client.send("y", to: Self.topic, Self.key("K1"))
    _ = try client.send("x", to: "Other" + Self.topic, Self.key("K1"))
    for _ in 0..<2 {
      _ = try client.send("x", to: Self.topic)
      _ = try client.send("x", to: Self.topic, [("UNIQ_KEY", "")])
    }
    #expect(try client.end(Self.topic) == 7)
    #expect(try client.end("Other" + Self.topic) == 1)
    #expect(served.broker.repetitionsAnswered == 0)
  }

  @Test func `what was deleted with its topic is stored when it is sent again`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    _ = try client.send("x", to: Self.topic, Self.key("K1"))
    #expect(try client.ask(.deleteTopicInBroker, [ReplyField("topic", Self.topic)]).responseCode == .success)
    _ = try client.send("x", to: Self.topic, Self.key("K1"))
    #expect(try client.end(Self.topic) == 1)
    #expect(served.broker.repetitionsAnswered == 0)
  }

  @Test func `long and odd keys are keys`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    let keys = [
      String(repeating: "k", count: 30_000), "\u{0}", " ", "a=b;c", "Ω", String(repeating: "k", count: 29_999),
    ]
    for key in keys {
      let first = try client.send("x", to: Self.topic, Self.key(key))
      #expect(Self.same(first, try client.send("x", to: Self.topic, Self.key(key))))
    }
    #expect(try client.end(Self.topic) == Int64(keys.count))
  }

  @Test func `nothing is looked at while it is off`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    for _ in 0..<2 { _ = try client.send("x", to: Self.topic, Self.key("K1")) }
    #expect(try client.end(Self.topic) == 2)
  }

  @Test func `a delayed message is stored once and delivered once`() throws {
    let served = try ServedBroker(Self.on + [("messageDelayLevel", "0s 1h")])
    let client = try served.client()
    let properties = Self.key("D1") + [("DELAY", "1")]
    let first = try client.send("x", to: Self.topic, queue: 2, properties)
    #expect(Self.same(first, try client.send("x", to: Self.topic, queue: 3, properties)))
    #expect(try client.pull(Self.topic, queue: 2).map(\.body) == ["x"])
    #expect(Self.same(first, try client.send("x", to: Self.topic, queue: 2, properties)))
    #expect(try client.end(Self.topic, queue: 2) == 1)
    #expect(try client.end("SCHEDULE_TOPIC_XXXX", queue: 0) == 1)
  }

  @Test func `a message with a time of its own is stored once, also over a kill`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    let properties = Self.key("D1") + [("TIMER_DELAY_SEC", "3600")]
    let first = try client.send("x", to: Self.topic, queue: 2, properties)
    #expect(Self.same(first, try client.send("x", to: Self.topic, queue: 3, properties)))
    #expect(try client.end("rmq_sys_wheel_timer", queue: 0) == 1)
    let next = try ServedBroker(Self.on, last: try served.killed())
    let other = try next.client()
    #expect(Self.same(first, try other.send("x", to: Self.topic, queue: 2, properties)))
    #expect(try other.end("rmq_sys_wheel_timer", queue: 0) == 1)
  }

  @Test func `retry topics take the same message time and again`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    for _ in 0..<2 { _ = try client.send("x", to: "%RETRY%once_group", Self.key("K1"), maxReconsumeTimes: 9) }
    #expect(try client.end("%RETRY%once_group") == 2)
    #expect(served.broker.repetitionsAnswered == 0)
  }

  @Test func `half messages are each their own`() throws {
    let served = try ServedBroker(Self.on)
    let client = try RawClient(port: served.port)
    let fields = Fields.send(
      to: Self.topic, properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}pg\u{2}UNIQ_KEY\u{1}H1", sysFlag: 4)
    for _ in 0..<2 { #expect(try client.ask(.sendMessageV2, fields, body: [1]).responseCode == .success) }
    #expect(try client.ask(.getMaxOffset, Fields.queue("RMQ_SYS_TRANS_HALF_TOPIC"))["offset"] == "2")
    #expect(served.broker.repetitionsAnswered == 0)
  }

  // MARK: Batches

  @Test func `a repeated batch gets all ids of the first`() throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    let fields = Fields.send(to: Self.topic)
    let body = Self.batch(["B1", "B2", "B3"])
    let first = try client.ask(.sendBatchMessage, fields, body: body)
    #expect(first["msgId"]?.split(separator: ",").count == 3)
    #expect(Self.same(first, try client.ask(.sendBatchMessage, fields, body: body)))
    #expect(try client.end(Self.topic) == 3)
    // A message of the batch that is sent alone is one that is stored.
    let alone = try client.send("body of B2", to: Self.topic, Self.key("B2"))
    #expect(alone["queueOffset"] == "1")
    #expect(try client.end(Self.topic) == 3)
  }

  @Test(
    arguments: [
      ["B1", "B2"], ["B1", "B2", "B3", "B4"], ["B1", "B3", "B2"], ["B1", "", "B3"], ["B2", "B3", "B1"], ["N", "B1"],
    ])
  func `a batch that is not the same as a whole is stored as a whole`(keys: [String]) throws {
    let served = try ServedBroker(Self.on)
    let client = try served.client()
    let fields = Fields.send(to: Self.topic)
    _ = try client.ask(.sendBatchMessage, fields, body: Self.batch(["B1", "B2", "B3"]))
    let answer = try client.ask(.sendBatchMessage, fields, body: Self.batch(keys))
    // The beginning of a stored run of records is stored already, whoever sent it.
    let isStored = keys == ["B1", "B2"]
    #expect(answer["queueOffset"] == (isStored ? "0" : "3"))
    #expect(try client.end(Self.topic) == Int64(isStored ? 3 : 3 + keys.count))
  }

  // MARK: When

  @Test func `the window is limited by number and by time`() throws {
    let served = try ServedBroker(Self.on + [("dedupWindowMessages", "1000")])
    let client = try served.client()
    _ = try client.send("x", to: Self.topic, Self.key("K0"))
    _ = try client.ask(.sendBatchMessage, Fields.send(to: Self.topic), body: Self.batch((1...999).map { "K\($0)" }))
    #expect(try client.send("x", to: Self.topic, Self.key("K0"))["queueOffset"] == "0")
    _ = try client.send("x", to: Self.topic, Self.key("K1000"))
    #expect(try client.send("x", to: Self.topic, Self.key("K0"))["queueOffset"] == "1001")
    try change("dedupWindowMillis=1", client)
    let stored = try client.record(at: try client.send("x", to: Self.topic, Self.key("K1001")).recordOffset).storeTime
    while SystemClock.wall().milliseconds <= stored + 1 {}
    #expect(try client.send("x", to: Self.topic, Self.key("K1001"))["queueOffset"] == "1003")
  }

  private func change(_ line: String, _ client: TestClient) throws {
    let answer = try client.ask(.updateBrokerConfig, body: Array(line.utf8))
    #expect(answer.responseCode == .success)
    #expect(answer.remark == nil)
    // The loops take the change over before they answer what they are asked next.
  }

  @Test func `topics are chosen live`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    func isOnce(_ topic: String, _ key: String) throws -> Bool {
      let first = try client.send("x", to: topic, Self.key(key))
      return Self.same(first, try client.send("x", to: topic, Self.key(key)))
    }
    #expect(try !isOnce("A", "1"))
    try change("dedupWindowMillis=3600000\ndedupTopics=A; B", client)
    #expect(try isOnce("A", "2"))
    #expect(try isOnce("B", "2"))
    #expect(try !isOnce("C", "2"))
    try change("dedupTopics=*", client)
    #expect(try isOnce("C", "3"))
    try change("dedupTopics=", client)
    #expect(try !isOnce("A", "4"))
    try change("dedupTopics=C\ndedupWindowMillis=0", client)
    #expect(try !isOnce("C", "5"))
  }

  @Test func `a repetition waits for the device as the first one does`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(Self.on + [("flushDiskType", "SYNC_FLUSH")], disk: disk)
    defer { disk.open() }
    let client = try RawClient(port: served.port)
    let other = try RawClient(port: served.port)
    let fields = Fields.send(to: Self.topic, properties: "UNIQ_KEY\u{1}S1")
    disk.shut()
    let first = client.send(.sendMessageV2, fields, body: [1])
    #expect(disk.waitForFlush())
    client.send(.sendMessageV2, Fields.send(to: Self.topic, properties: "UNIQ_KEY\u{1}S2"), body: [2])
    client.send(.sendMessageV2, fields, body: [1])
    // Answered although the device stands still: everything before it on this connection was looked at.
    #expect(try client.ask(.getMaxOffset, Fields.queue(Self.topic)).responseCode == .success)
    other.send(.sendMessageV2, fields, body: [1])
    #expect(try other.ask(.getMaxOffset, Fields.queue(Self.topic))["offset"] == "2")
    disk.open()
    let answer = try #require(try client.receive())
    #expect(answer.header.id == first)
    _ = try client.receive()
    #expect(Self.same(answer, try #require(try client.receive())))
    #expect(Self.same(answer, try #require(try other.receive())))
    #expect(served.broker.repetitionsAnswered == 2)
  }

  @Test func `of equal sends on many connections at once one is stored`() throws {
    let served = try ServedBroker(Self.on)
    let clients = try (0..<8).map { _ in try RawClient(port: served.port) }
    let count = 200
    for number in 0..<count {
      let fields = Fields.send(to: Self.topic, properties: "UNIQ_KEY\u{1}C\(number)")
      for client in clients { client.send(.sendMessageV2, fields, body: [UInt8(number)]) }
    }
    var ids = Set<String>()
    for client in clients {
      for _ in 0..<count { ids.insert(try #require(try client.receive())["msgId"] ?? "") }
    }
    #expect(ids.count == count)
    #expect(try clients[0].ask(.getMaxOffset, Fields.queue(Self.topic))["offset"] == "\(count)")
    #expect(served.broker.repetitionsAnswered == 7 * count)
  }

  // MARK: Restarts

  /// A store with sends of all kinds, and the answers that they got.
  private func fill(_ served: ServedBroker) throws -> [Command] {
    let client = try served.client()
    var answers: [Command] = []
    for number in 0..<600 { answers.append(try client.send("x", to: Self.topic, Self.key("K\(number)"))) }
    answers.append(try client.ask(.sendBatchMessage, Fields.send(to: Self.topic), body: Self.batch(["B1", "B2"])))
    answers.append(try client.send("x", to: Self.topic, queue: 1, Self.key("D1") + [("DELAY", "2")]))
    return answers
  }

  private func expectRepetitions(of answers: [Command], _ served: ServedBroker) throws {
    let client = try served.client()
    for number in 0..<600 {
      #expect(Self.same(answers[number], try client.send("x", to: Self.topic, Self.key("K\(number)"))))
    }
    let batch = try client.ask(.sendBatchMessage, Fields.send(to: Self.topic), body: Self.batch(["B1", "B2"]))
    #expect(Self.same(answers[600], batch))
    let delayed = try client.send("x", to: Self.topic, queue: 3, Self.key("D1") + [("DELAY", "2")])
    #expect(Self.same(answers[601], delayed))
    #expect(try client.end(Self.topic) == 602)
    #expect(try client.send("x", to: Self.topic, Self.key("new"))["queueOffset"] == "602")
  }

  private static let kept = on + [("messageDelayLevel", "0s 1h")]

  @Test func `a restart forgets nothing, and a second one neither`() throws {
    let store = ServedBroker.newDirectory()
    let answers: [Command]
    do { answers = try fill(try ServedBroker(Self.kept, kept: store)) }
    do { _ = try ServedBroker(Self.kept, kept: store) }
    try expectRepetitions(of: answers, try ServedBroker(Self.kept, last: store))
  }

  @Test func `neither does the end of the process at any moment`() throws {
    let served = try ServedBroker(Self.kept)
    let answers = try fill(served)
    let copy = try served.killed()
    // The file says what it covers; the log gives the rest, all of it when the file has nothing yet.
    try expectRepetitions(of: answers, try ServedBroker(Self.kept, last: copy))
  }

  @Test func `a damaged file is no harm`() throws {
    let store = ServedBroker.newDirectory()
    do { _ = try fill(try ServedBroker(Self.kept, kept: store)) }
    try Data(repeating: 7, count: 10_000).write(to: URL(filePath: store + "/recentSends"))
    let served = try ServedBroker(Self.kept, last: store)
    let client = try served.client()
    let first = try client.send("x", to: Self.topic, Self.key("after"))
    #expect(Self.same(first, try client.send("x", to: Self.topic, Self.key("after"))))
  }

  @Test func `a start that cannot read a part of the log says what that means`() throws {
    let root = ServedBroker.newDirectory()
    let saved = URL(filePath: root + "/recentSends")
    let atStart: Data
    do {
      let served = try ServedBroker(Self.kept, kept: root)
      atStart = try Data(contentsOf: saved)
      let client = try served.client()
      let body = String(repeating: "x", count: 600_000)
      for number in 0..<3 { _ = try client.send(body, to: Self.topic, Self.key("K\(number)")) }
    }
    // As a kill before the first save leaves it: the log has to be read.
    try atStart.write(to: saved)
    let disk = GatedDisk()
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 1 << 20
    let store = SharedStore(try MessageStore.open(disk: disk, settings: settings), disk: disk, isSynchronous: false)
    disk.failMappings(.exhausted)
    let rules = DuplicateRules(window: .seconds(3600))
    func start() throws -> (count: Int, said: String) {
      let path = root + "/log-\(SystemClock.monotonic().rawValue)"
      let sends = try DuplicateSends(
        capacity: 1000, rules: rules, store: store, root: root, key: (1, 2), log: try Logger(path: path))
      return (sends.count, String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self))
    }
    let incomplete = try start()
    // The last one's file is written to, and mapped for that.
    #expect(incomplete.count == 1)
    #expect(incomplete.said.contains("a repetition of a send that lies there is stored again bytes=2097152"))
    disk.failMappings(nil)
    try atStart.write(to: saved)
    let complete = try start()
    #expect(complete.count == 3)
    #expect(!complete.said.contains("WARN"))
    try store.withLock { try $0.close() }
    try FileManager.default.removeItem(atPath: root)
  }
}
