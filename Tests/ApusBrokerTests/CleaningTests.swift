import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Looking into queues (321) and cleaning them and the log (306, 316, 329).
@Suite(.timeLimit(.minutes(10))) struct CleaningTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  private func queue(_ id: Int32, _ topic: String = "FxTopic") -> MessageQueue {
    MessageQueue(topic: topic, brokerName: "fx-a", queueID: id)
  }

  @Test func `entries of a queue as a Java broker tells them`() throws {
    broker.topic("FxTopic")
    for sample in try RecordedFrames.samples("0321-QUERY_CONSUME_QUEUE") {
      let response = try #require(sample.response)
      let recorded = try ConsumeQueueDump(bytes: response.body)
      let consumer = ConsumerData(group: "fx_g_push", subscriptions: [try #require(recorded.subscription)])
      _ = broker.heartbeat(HeartbeatData(clientID: "c", consumers: [consumer]))
      broker.messages.content.withLock { content in
        content.bounds[queue(0)] = QueueBounds(
          min: QueueOffset(recorded.minIndex), max: QueueOffset(recorded.maxIndex))
        content.entries[queue(0)] = recorded.entries + recorded.entries
      }
      let reply = broker.answer(sample.request)
      #expect(reply.code == .success)
      #expect(reply.remark == response.remark)
      #expect(try ConsumeQueueDump(bytes: reply.body) == recorded, "\(sample.title)")
    }
  }

  @Test func `entries and groups that are not there`() throws {
    var fields = ["topic": "FxTopic", "queueId": "0", "index": "0", "count": "3", "consumerGroup": "nobody"]
    #expect(broker.ask(.queryConsumeQueue, fields).remark == "0@FxTopic is not exist!")
    broker.topic("FxTopic")
    #expect(broker.ask(.queryConsumeQueue, fields).remark == "0@FxTopic is not exist!")
    broker.messages.content.withLock { content in
      content.bounds[queue(0)] = QueueBounds(min: .zero, max: QueueOffset(1))
      content.entries[queue(0)] = [.init(offset: 7, size: 8, tagsCode: 9)]
    }
    let dump = try ConsumeQueueDump(bytes: broker.ask(.queryConsumeQueue, fields).body)
    #expect(dump.subscription == nil)
    #expect(dump.filter == "nobody@FxTopic is not online!")
    for index in ["1", "-1", "\(Int64.max)", "\(Int64.min)"] {
      fields["index"] = index
      let reply = broker.ask(.queryConsumeQueue, fields)
      #expect(reply.code == .success)
      #expect(reply.remark == "Index \(index) of 0@FxTopic is not exist!")
      #expect(reply.body.isEmpty)
    }
    fields["index"] = "0"
    for count in ["0", "-1", "\(Int32.min)"] {
      fields["count"] = count
      #expect(try ConsumeQueueDump(bytes: broker.ask(.queryConsumeQueue, fields).body).entries.isEmpty)
    }
    for wrong in [["count": "2147483648"], ["queueId": "x"], ["index": ""]] {
      #expect(broker.ask(.queryConsumeQueue, fields.merging(wrong) { _, new in new }).code == .systemError)
    }
  }

  @Test func `queues of topics that are gone are removed, the broker's own stay`() throws {
    broker.topic("FxTopic")
    broker.messages.content.withLock { content in
      for topic in ["FxTopic", "Gone", "%LMQ%light", SystemTopics.schedule, "rmq_sys_x"] {
        content.bounds[queue(0, topic)] = QueueBounds(min: .zero, max: QueueOffset(1))
      }
    }
    for sample in try RecordedFrames.samples("0316-CLEAN_UNUSED_TOPIC") {
      broker.messages.content.withLock { $0.removed = [] }
      #expect(broker.answer(sample.request).code == .success)
      #expect(broker.messages.content.withLock { $0.removed } == ["Gone"])
    }
  }

  @Test func `cleaning is asked for`() throws {
    for sample in try RecordedFrames.samples("0306-CLEAN_EXPIRED_CONSUMEQUEUE") {
      #expect(broker.answer(sample.request).code == .success)
    }
    #expect(broker.messages.content.withLock { $0.cleanings } == 2)
    let woken = Locked(0)
    broker.tables.removal.onRequest { woken.withLock { $0 += 1 } }
    for sample in try RecordedFrames.samples("0329-DELETE_EXPIRED_COMMITLOG") {
      #expect(broker.answer(sample.request).code == .success)
    }
    #expect(woken.withLock { $0 } == 2)
    #expect(broker.tables.removal.take())
    #expect(!broker.tables.removal.take())
  }

  @Test(arguments: [RequestCode.cleanExpiredConsumeQueue, .cleanUnusedTopic, .deleteExpiredCommitLog])
  func `cleaning is for administrators`(code: RequestCode) {
    let stranger = Requester(connection: 2, address: HostAddress(ipv4: 0x0A00_0001, port: 5))
    let header = CommandHeader(code: code.rawValue, id: RequestID(1))
    #expect(broker.answer(Command(header: header), from: stranger).code == .noPermission)
    #expect(!broker.tables.removal.take())
  }

  @Test(arguments: [RequestCode.cleanExpiredConsumeQueue, .cleanUnusedTopic])
  func `a broken device is told`(code: RequestCode) {
    broker.messages.content.withLock { content in
      content.bounds[queue(0, "Gone")] = QueueBounds(min: .zero, max: QueueOffset(1))
      content.failure = DiskError(.exhausted, operation: "read", path: "/x")
    }
    #expect(broker.ask(code).code == .systemError)
  }

  @Test func `a shorter time of keeping that a request sets counts for the next files to go`() throws {
    let root = ServedBroker.newDirectory()
    let hours = (0..<24).map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ";")
    let served = try ServedBroker([("deleteWhen", hours), ("cleanResourceInterval", "10")], last: root)
    let client = try served.client()
    let body = String(repeating: "x", count: 300_000)
    for _ in 0..<8 { #expect(try client.send(body, to: "T").responseCode == .success) }
    let change = try client.ask(.updateBrokerConfig, [], body: Array("fileReservedTime=1\n".utf8))
    #expect(change.responseCode == .success)
    #expect(change.remark == nil)
    // Last written to three hours ago; a flush that is under way may make it young once more.
    let first = root + "/commitlog/00000000000000000000"
    let old = Date(timeIntervalSinceNow: -3 * 3600)
    try Patience.wait {
      guard FileManager.default.fileExists(atPath: first) else { return true }
      do {
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: first)
      } catch {
        #expect(!FileManager.default.fileExists(atPath: first))
      }
      return false
    }
  }

  @Test func `a stored queue is told whole, from memory and from its files`() throws {
    let served = try ServedBroker([("mappedFileSizeConsumeQueue", "2000")])
    let client = try served.client()
    let topic = ["topic": "Dump", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6", "defaultTopic": "TBW102"]
    _ = try client.ask(.updateAndCreateTopic, topic.map { ReplyField($0.key, $0.value) })
    for number in 0..<250 {
      let sent = try client.ask(
        .sendMessageV2,
        [
          ReplyField("a", "p"), ReplyField("b", "Dump"), ReplyField("c", "TBW102"), ReplyField("d", 4),
          ReplyField("e", 0), ReplyField("f", 0), ReplyField("g", 1), ReplyField("h", 0),
        ], body: Array("\(number)".utf8))
      #expect(sent.responseCode == .success)
    }
    func dump(_ index: Int, _ count: Int) throws -> ConsumeQueueDump {
      let answer = try client.ask(
        .queryConsumeQueue,
        [
          ReplyField("topic", "Dump"), ReplyField("queueId", 0), ReplyField("index", index),
          ReplyField("count", count),
        ])
      return try ConsumeQueueDump(bytes: answer.body)
    }
    let all = try dump(0, 1000)
    #expect(all.entries.count == 250)
    #expect(all.maxIndex == 250)
    #expect(zip(all.entries, all.entries.dropFirst()).allSatisfy { $0.offset + Int64($0.size) == $1.offset })
    #expect(try dump(240, 5).entries == Array(all.entries[240..<245]))
    #expect(try client.ask(.cleanExpiredConsumeQueue).responseCode == .success)
    #expect(try client.ask(.cleanUnusedTopic).responseCode == .success)
    #expect(try client.ask(.deleteExpiredCommitLog).responseCode == .success)
    #expect(try dump(0, 1000) == all)
  }
}
