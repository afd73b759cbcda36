import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// Answers of request-reply on their way from the client that gives them to the client that asked.
@Suite(.timeLimit(.minutes(10))) struct RequestReplyTests {
  private static let fields = [
    ReplyField("a", "replier"), ReplyField("b", "FxCluster_REPLY_TOPIC"), ReplyField("c", "TBW102"),
    ReplyField("d", "4"), ReplyField("e", "0"), ReplyField("f", "0"), ReplyField("g", "1795219489633"),
    ReplyField("h", "0"), ReplyField("j", "0"),
  ]

  private func reply(
    to client: String?, extra: [ReplyField] = [], without removed: String? = nil
  ) -> [ReplyField] {
    var properties = "MSG_TYPE\u{1}reply\u{2}CORRELATION_ID\u{1}c1"
    if let client { properties += "\u{2}REPLY_TO_CLIENT\u{1}\(client)" }
    return Self.fields.filter { $0.name != removed } + [ReplyField("i", properties)] + extra
  }

  @Test func `a reply is handed to the client that asked, and stored`() throws {
    let served = try ServedBroker()
    let asker = try served.client { _ in Reply() }
    try asker.heartbeat("asker@1", producer: "pg")
    let replier = try served.client()
    let answer = try replier.ask(.sendReplyMessageV2, reply(to: "asker@1"), body: Array("pong".utf8))
    #expect(answer.responseCode == .success)
    #expect(answer.remark == nil)
    #expect(answer["queueId"] == "0")
    #expect(answer["queueOffset"] == "0")
    #expect(answer["msgId"]?.count == 32)
    #expect(answer["MSG_REGION"] == "DefaultRegion")
    let pushed = try asker.request(.pushReplyMessageToClient)
    #expect(pushed.body == Array("pong".utf8))
    #expect(pushed["topic"] == "FxCluster_REPLY_TOPIC")
    #expect(pushed["bornHost"]?.hasPrefix("127.0.0.1:") == true)
    let parts = (pushed["properties"] ?? "").split(separator: "\u{2}")
    #expect(parts.first?.hasPrefix("PUSH_REPLY_TIME\u{1}") == true)
    #expect(parts.dropFirst() == ["MSG_TYPE\u{1}reply", "CORRELATION_ID\u{1}c1", "REPLY_TO_CLIENT\u{1}asker@1"])
    let id = try MessageID(answer["msgId"] ?? "")
    let stored = try replier.ask(.viewMessageByID, [ReplyField("offset", id.offset.rawValue)])
    let record = try StoredRecord(stored.body.rawSpan)
    #expect(record.topic.text == "FxCluster_REPLY_TOPIC")
    #expect(record.body.array == Array("pong".utf8))
    let end = try replier.ask(
      .getMaxOffset, [ReplyField("topic", "FxCluster_REPLY_TOPIC"), ReplyField("queueId", 0)])
    #expect(end["offset"] == "1")
  }

  @Test func `the long names of fields do as well, and the asker's refusal is told`() throws {
    let served = try ServedBroker()
    let asker = try served.client { _ in Reply(.systemError, remark: "too late") }
    try asker.heartbeat("asker@1", producer: "pg")
    let long = [
      "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
      "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes",
    ]
    let fields = reply(to: "asker@1").map { ReplyField(long[$0.name] ?? "", $0.value) }
    let answer = try served.client().ask(.sendReplyMessage, fields, body: [1])
    #expect(answer.responseCode == .systemError)
    #expect(answer.remark == "push reply message to asker@1fail.")
    #expect(answer["queueOffset"] == "0")
  }

  @Test func `a reply to nobody is stored and says so`() throws {
    let served = try ServedBroker()
    let replier = try served.client()
    let gone = try replier.ask(.sendReplyMessageV2, reply(to: "gone@1"), body: [1])
    #expect(gone.responseCode == .systemError)
    #expect(gone.remark == "push reply message fail, channel of <gone@1> not found.")
    #expect(gone["queueOffset"] == "0")
    let nobody = try replier.ask(.sendReplyMessageV2, reply(to: nil), body: [1])
    #expect(nobody.remark == "REPLY_TO_CLIENT is null, can not reply message")
    #expect(nobody["queueOffset"] == "1")
  }

  @Test func `a reply does not say where it is in light queues`() throws {
    let served = try ServedBroker()
    let replier = try served.client()
    let properties = "MSG_TYPE\u{1}reply\u{2}INNER_MULTI_QUEUE_OFFSET\u{1}7\u{2}INNER_MULTI_DISPATCH\u{1}%LMQ%x"
    let answer = try replier.ask(.sendReplyMessageV2, Self.fields + [ReplyField("i", properties)], body: [1])
    let stored = try replier.ask(.viewMessageByID, [ReplyField("offset", try answer.recordOffset)])
    let record = try StoredRecord(stored.body.rawSpan)
    #expect(record.properties.dictionary == ["MSG_TYPE": "reply", "INNER_MULTI_DISPATCH": "%LMQ%x"])
  }

  @Test func `an asker that leaves while it is asked is no longer waited for`() throws {
    let served = try ServedBroker()
    let asker = try served.client { _ in nil }
    try asker.heartbeat("asker@1", producer: "pg")
    let replier = try served.client()
    let answer = Locked<Command?>(nil)
    let done = WakeUp()
    let fields = reply(to: "asker@1")
    let thread = try Thread.start(name: "reply") {
      do {
        let command = try replier.ask(.sendReplyMessageV2, fields, body: [1])
        answer.withLock { $0 = command }
      } catch {
        Issue.record("no answer: \(error)")
      }
      done.signal()
    }
    _ = try asker.request(.pushReplyMessageToClient)
    asker.disconnect()
    done.wait(until: nil)
    thread.join()
    #expect(answer.withLock { $0 }?.remark == "push reply message to asker@1fail.")
  }

  @Test func `nothing is stored when that is switched off`() throws {
    let served = try ServedBroker([("storeReplyMessageEnable", "false")])
    let asker = try served.client { _ in Reply() }
    try asker.heartbeat("asker@1", producer: "pg")
    let replier = try served.client()
    let answer = try replier.ask(.sendReplyMessageV2, reply(to: "asker@1"), body: [1])
    #expect(answer.responseCode == .success)
    #expect(answer["msgId"] == "0")
    #expect(answer["queueOffset"] == "0")
    let failed = try replier.ask(.sendReplyMessageV2, reply(to: "gone@1"), body: [1])
    #expect(failed["msgId"] == nil)
    let end = try replier.ask(
      .getMaxOffset, [ReplyField("topic", "FxCluster_REPLY_TOPIC"), ReplyField("queueId", 0)])
    #expect(end["offset"] == "0")
  }

  @Test func `replies that cannot be are refused and not stored`() throws {
    let served = try ServedBroker()
    let asker = try served.client { _ in Reply() }
    try asker.heartbeat("asker@1", producer: "pg")
    let replier = try served.client()
    for removed in ["a", "b", "c", "d", "e", "f", "g", "h"] {
      let answer = try replier.ask(.sendReplyMessageV2, reply(to: "asker@1", without: removed), body: [1])
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark == "the field \(removed) is missing")
    }
    let wrong: [(ReplyField, ResponseCode)] = [
      (ReplyField("e", 9), .systemError), (ReplyField("e", "x"), .systemError), (ReplyField("b", "a b"), .systemError),
      (ReplyField("b", "SCHEDULE_TOPIC_XXXX"), .noPermission), (ReplyField("f", 4), .messageIllegal),
      (ReplyField("m", "true"), .messageIllegal), (ReplyField("e", "99999999999"), .systemError),
      (ReplyField("i", String(repeating: "p", count: 32_768)), .messageIllegal),
    ]
    for (field, code) in wrong {
      let answer = try replier.ask(.sendReplyMessageV2, reply(to: "asker@1", extra: [field]), body: [1])
      #expect(answer.responseCode == code, "\(field)")
      #expect(answer.remark?.isEmpty == false)
    }
    let end = try replier.ask(
      .getMaxOffset, [ReplyField("topic", "FxCluster_REPLY_TOPIC"), ReplyField("queueId", 0)])
    #expect(end["offset"] == "0")
  }
}
