import ApusBase
import ApusModel
import ApusProtocol
import Foundation
import Synchronization
import Testing

@testable import ApusBroker

/// One message in many light queues (`enableLmq`, `enableMultiDispatch`), through a whole broker. Brokers over kept
/// stores run one after the other, as a child process may hold a parent's lock for a moment.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LightQueueTests {
  private static let settings = [("enableLmq", "true"), ("enableMultiDispatch", "true")]

  /// Asks a light queue of a light group, as a gateway of devices does.
  private static func offsetFields(_ topic: String, _ group: String, _ offset: Int64? = nil) -> [ReplyField] {
    var fields = [ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", 0)]
    if let offset { fields.append(ReplyField("commitOffset", offset)) }
    return fields
  }

  @Test func `a message is found in every light queue it names, with its places in the record`() throws {
    let served = try ServedBroker(Self.settings)
    let client = try served.client()
    let first = try client.send("1", to: "FxLight", [("TAGS", "t"), ("INNER_MULTI_DISPATCH", "%LMQ%a,%LMQ%b")])
    #expect(first.responseCode == .success)
    #expect(first["queueOffset"] == "0")
    #expect(try client.send("2", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%b")]).responseCode == .success)
    let own = try client.pull("FxLight")
    let (a, b) = (try client.pull("%LMQ%a"), try client.pull("%LMQ%b"))
    #expect(own.map(\.body) == ["1", "2"])
    #expect(a.map(\.body) == ["1"])
    #expect(b.map(\.body) == ["1", "2"])
    #expect(own.map { $0.properties["INNER_MULTI_QUEUE_OFFSET"] } == ["0,0", "1"])
    #expect(a.map(\.offset) == [own[0].offset])
    #expect(try client.end("%LMQ%b") == 2)
    let minimum = try client.ask(.getMinOffset, Fields.queue("%LMQ%b"))
    #expect(minimum["offset"] == "0")
    let found = try client.ask(
      .searchOffsetByTimestamp, Fields.queue("%LMQ%b") + [ReplyField("timestamp", own[1].storeTime + 60_000)])
    #expect(found["offset"] == "2" || found["offset"] == "1")
  }

  @Test func `light topics and groups are not stored and not told to tools`() throws {
    let served = try ServedBroker(Self.settings)
    let client = try served.client()
    _ = try client.send("1", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a")])
    _ = try client.send("2", to: "%LMQ%direct")
    #expect(try client.pull("%LMQ%direct").map(\.body) == ["2"])
    #expect(try client.ask(.updateConsumerOffset, Self.offsetFields("%LMQ%a", "%LMQ%g", 1)).responseCode == .success)
    let topics = String(decoding: try client.ask(.getAllTopicConfig).body, as: UTF8.self)
    #expect(topics.contains("FxLight"))
    #expect(!topics.contains("%LMQ%"))
    let groups = String(decoding: try client.ask(.getAllSubscriptionGroupConfig).body, as: UTF8.self)
    #expect(!groups.contains("%LMQ%"))
  }

  @Test(arguments: [true, false]) func `a pull that waits gets the message when it comes`(queueIsThere: Bool) throws {
    let served = try ServedBroker(Self.settings)
    let client = try served.client()
    if queueIsThere { _ = try client.send("0", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a")]) }
    let waiting = try RawClient(port: served.port)
    let from: Int64 = queueIsThere ? 1 : 0
    let id = waiting.send(.pullMessage, Fields.pull("%LMQ%a", at: from, wait: 300_000))
    try Patience.wait { served.broker.service.loops.contains { $0.parkedCount.load(ordering: .acquiring) > 0 } }
    _ = try client.send("next", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a,%LMQ%b")])
    let answer = try #require(try waiting.receive())
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .success)
    #expect(try TestClient.records(answer.body).map(\.body) == ["next"])
  }

  @Test func `delayed and timed messages come to light queues when they are delivered`() throws {
    let served = try ServedBroker(Self.settings + [("messageDelayLevel", "0s")])
    let client = try served.client()
    let light = ("INNER_MULTI_DISPATCH", "%LMQ%a")
    _ = try client.send("level", to: "FxLight", [("DELAY", "1"), light, ("INNER_MULTI_QUEUE_OFFSET", "9")])
    #expect(try client.pull("%LMQ%a").map(\.body) == ["level"])
    _ = try client.send("exact", to: "FxLight", [("TIMER_DELAY_MS", "1"), light])
    #expect(try client.pull("%LMQ%a", from: 1).map(\.body) == ["exact"])
    #expect(try client.pull("FxLight").map { $0.properties["INNER_MULTI_QUEUE_OFFSET"] } == ["0", "1"])
  }

  @Test func `offsets of light groups survive a restart, in Java's file`() throws {
    let store = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: store) } catch { print(error) } }
    do {
      let served = try ServedBroker(Self.settings, kept: store)
      let client = try served.client()
      for number in 0..<3 { _ = try client.send("\(number)", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a")]) }
      _ = try client.ask(.updateConsumerOffset, Self.offsetFields("%LMQ%a", "%LMQ%g", 2))
      _ = try client.ask(.updateConsumerOffset, Self.offsetFields("FxLight", "plain", 1))
    }
    let file = try String(contentsOfFile: store + "/config/lmqConsumerOffset.json", encoding: .utf8)
    let flat = file.filter { !$0.isWhitespace }
    #expect(flat.contains(#""lmqOffsetTable":{"%LMQ%a@%LMQ%g":2}"#))
    #expect(flat.contains(#""FxLight@plain":{0:1}"#))
    let served = try ServedBroker(Self.settings, kept: store)
    let client = try served.client()
    #expect(try client.ask(.queryConsumerOffset, Self.offsetFields("%LMQ%a", "%LMQ%g"))["offset"] == "2")
    #expect(try client.ask(.queryConsumerOffset, Self.offsetFields("FxLight", "plain"))["offset"] == "1")
    #expect(try client.end("%LMQ%a") == 3)
    #expect(try client.pull("%LMQ%a", from: 2).map(\.body) == ["2"])
  }

  @Test func `light queues are there again after a kill`() throws {
    let store = ServedBroker.newDirectory()
    let served = try ServedBroker(Self.settings, last: store)
    let client = try served.client()
    for number in 0..<20 {
      _ = try client.send("\(number)", to: "FxLight", queue: Int32(number % 4), [("INNER_MULTI_DISPATCH", "%LMQ%a")])
    }
    let copy = try served.killed()
    let again = try ServedBroker(Self.settings, last: copy)
    let reader = try again.client()
    #expect(try reader.pull("%LMQ%a").map(\.body) == (0..<20).map { "\($0)" })
  }

  @Test func `lists that cannot be, batches and too many queues are refused with the reason`() throws {
    let served = try ServedBroker(Self.settings + [("maxLmqConsumeQueueNum", "2")])
    let client = try served.client()
    let plain = try client.send("x", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a,Other")])
    #expect(plain.responseCode == .messageIllegal)
    #expect(plain.remark == "INNER_MULTI_DISPATCH names Other, which is no light queue: their names begin with %LMQ%")
    #expect(try client.send("x", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a,%LMQ%b")]).responseCode == .success)
    let many = try client.send("x", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%c")])
    #expect(many.responseCode == .systemError)
    #expect(many.remark?.hasPrefix("[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]") == true)
    #expect(many.remark?.hasSuffix("maxLmqConsumeQueueNum allows: 2") == true)
    let reply = Fields.send(to: "FxLight", properties: "INNER_MULTI_DISPATCH\u{1}%LMQ%c")
    let more = try client.ask(.sendReplyMessageV2, reply, body: [1])
    #expect(more.remark?.hasPrefix("[LMQ_CONSUME_QUEUE_NUM_EXCEEDED]") == true)
    let long = String(repeating: "y", count: 32_740)
    let wide = try client.send("x", to: "FxLight", [("u", long), ("INNER_MULTI_DISPATCH", "%LMQ%a")])
    #expect(wide.responseCode == .messageIllegal)
    #expect(try client.end("FxLight") == 1)
  }

  @Test func `without the switches the names mean nothing`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let answer = try client.send("x", to: "FxLight", [("INNER_MULTI_DISPATCH", "%LMQ%a,Other")])
    #expect(answer.responseCode == .success)
    #expect(try client.end("%LMQ%a") == 0)
    let stored = try #require(try client.pull("FxLight").first)
    #expect(stored.properties["INNER_MULTI_DISPATCH"] == "%LMQ%a,Other")
    #expect(stored.properties["INNER_MULTI_QUEUE_OFFSET"] == nil)
  }
}
