import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

@Suite struct UpdateConsumerOffsetTests {
  let broker: BrokerUnderTest
  let handler: UpdateConsumerOffsetHandler

  init() throws {
    broker = try BrokerUnderTest()
    broker.topic("FxTopic")
    handler = UpdateConsumerOffsetHandler(
      topics: broker.tables.topics, groups: broker.tables.groups, offsets: broker.tables.offsets,
      changes: ChangeLog(Logger(level: .error)))
  }

  /// Puts a request through the decoder, as a loop does; nil for success.
  func commit(_ fields: [ReplyField]?) throws -> Refusal? {
    var output = ByteWriter()
    let header = CommandHeader(code: RequestCode.updateConsumerOffset.rawValue, id: RequestID(1))
    Command(header: header, fields: fields).encode(into: &output)
    return try commit(frame: output.array)
  }

  func commit(frame: [UInt8]) throws -> Refusal? {
    var decoder = RequestDecoder()
    let request = try decoder.decode(frame: frame.rawSpan)
    do throws(Refusal) {
      try handler.handle(request)
      return nil
    } catch {
      return error
    }
  }

  func fields(_ changes: [String: String] = [:]) -> [ReplyField] {
    let usual = ["topic": "FxTopic", "consumerGroup": "g", "queueId": "0", "commitOffset": "7"]
    return usual.merging(changes) { _, changed in changed }.map { ReplyField($0.key, $0.value) }
  }

  @Test func `remembers what recorded clients committed`() throws {
    for sample in try RecordedFrames.samples("0015-UPDATE_CONSUMER_OFFSET") where sample.request["topic"] != nil {
      var frame = ByteWriter()
      sample.request.encode(into: &frame)
      #expect(try commit(frame: frame.array) == nil, "\(sample.title)")
      let group = try sample.request.text("consumerGroup")
      let queue: Int32 = try sample.request.number("queueId")
      let offset: Int64 = try sample.request.number("commitOffset")
      let known = broker.tables.offsets.withLock { $0.offset(topic: "FxTopic", group: group, queue: queue) }
      #expect(known == offset, "\(sample.title)")
    }
  }

  @Test func `nobody moves the offsets by which half messages are found`() throws {
    let (topic, group) = ("RMQ_SYS_TRANS_HALF_TOPIC", "CID_RMQ_SYS_TRANS")
    broker.topic(topic)
    let refusal = try commit(fields(["topic": topic, "consumerGroup": group, "commitOffset": "1000000"]))
    #expect(refusal?.code == .noPermission)
    #expect(broker.tables.offsets.withLock { $0.offset(topic: topic, group: group, queue: 0) } == nil)
  }

  @Test func `a first commit makes its group where groups are made`() throws {
    #expect(try commit(fields()) == nil)
    #expect(broker.tables.groups.withLock { $0.find("g") } != nil)
    broker.tables.groups.withLock { $0.autoCreates = false }
    #expect(try commit(fields(["consumerGroup": "h"]))?.code == .subscriptionGroupNotExist)
  }

  @Test(arguments: [
    ["topic": "unknown"], ["consumerGroup": "a b"], ["consumerGroup": String(repeating: "g", count: 256)],
    ["queueId": "-1"], ["queueId": "65536"], ["queueId": "99999999999"], ["commitOffset": "-1"],
    ["commitOffset": "9223372036854775808"], ["commitOffset": "x"],
  ])
  func `refuses what cannot be and remembers nothing`(wrong: [String: String]) throws {
    #expect(try commit(fields(wrong)) != nil)
    #expect(broker.tables.offsets.withLock { $0.pairCount } == 0)
  }

  @Test func `a queue that the topic does not have is refused, unless the group was in it before`() throws {
    #expect(try commit(fields(["queueId": "3"])) == nil)
    #expect(try commit(fields(["queueId": "4"]))?.code == .systemError)
    broker.topic("FxTopic", queues: 2)
    #expect(try commit(fields(["queueId": "3", "commitOffset": "9"])) == nil)
    #expect(try commit(fields(["queueId": "2"]))?.code == .systemError)
    #expect(broker.tables.offsets.withLock { $0.offsets(topic: "FxTopic", group: "g") } == [3: 9])
  }

  @Test func `refuses a request without fields`() throws {
    #expect(try commit(nil)?.code == .systemError)
    #expect(try commit([])?.remark == "the field topic is missing")
  }
}
