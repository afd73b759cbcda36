import ApusBase
import ApusModel
import Foundation
import Testing

@testable import ApusProtocol

@Suite struct BodyTests {
  /// The successful answers' bodies, or the requests' bodies, of a code.
  private func bodies(_ code: RequestCode, ofRequests: Bool = false) throws -> [[UInt8]] {
    var bodies: [[UInt8]] = []
    for sample in try FrameFixtures.samples(code) {
      let frame = ofRequests ? sample.request : sample.response
      guard !frame.isEmpty else { continue }
      let command = try Command(frame: frame.rawSpan)
      guard !command.body.isEmpty, ofRequests || command.responseCode == .success else { continue }
      guard command["compressed"] != "true" else { continue }
      bodies.append(command.body)
    }
    return bodies
  }

  /// Objects with their members sorted, for comparing what has no order.
  private func sorted(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): .array(elements.map(sorted))
    case .object(let members):
      .object(
        members.map { JSONMember($0.key, sorted($0.value)) }.sorted { $0.key.text() < $1.key.text() })
    default: value
    }
  }

  private func check<Body: JSONBody>(
    _ type: Body.Type, _ code: RequestCode, ofRequests: Bool = false, exactly: Bool = true, style: JSONStyle = .fastjson
  ) throws {
    let bodies = try bodies(code, ofRequests: ofRequests)
    #expect(!bodies.isEmpty, "no bodies of \(code)")
    for bytes in bodies {
      let body = try Body(bytes: bytes)
      if exactly {
        #expect(String(decoding: body.bytes(style), as: UTF8.self) == String(decoding: bytes, as: UTF8.self))
      }
      #expect(sorted(body.json) == sorted(try JSONParser.parse(bytes.rawSpan)).withIntegerKeys(style))
      #expect(try Body(bytes: body.bytes(style)) == body)
    }
  }

  @Test func `routes`() throws { try check(TopicRouteData.self, .getRouteInfoByTopic, style: .standard) }
  @Test func `clusters`() throws { try check(ClusterInfo.self, .getBrokerClusterInfo) }
  @Test func `heartbeats`() throws { try check(HeartbeatData.self, .heartbeat, ofRequests: true) }
  @Test func `registrations`() throws { try check(RegisterBrokerBody.self, .registerBroker, ofRequests: true) }
  @Test func `topics`() throws { try check(TopicTable.self, .getAllTopicConfig) }
  @Test func `groups`() throws { try check(SubscriptionGroupTable.self, .getAllSubscriptionGroupConfig) }
  @Test func `topic statistics`() throws { try check(TopicStatsTable.self, .getTopicStatsInfo) }
  @Test func `consume statistics`() throws { try check(ConsumeStats.self, .getConsumeStats) }
  @Test func `consumers`() throws { try check(ConsumerConnection.self, .getConsumerConnectionList) }
  @Test func `producers`() throws { try check(ProducerConnection.self, .getProducerConnectionList) }
  @Test func `running information`() throws {
    try check(ConsumerRunningInfo.self, .getConsumerRunningInfo, exactly: false)
  }
  @Test func `direct consumption`() throws { try check(DirectConsumption.self, .consumeMessageDirectly) }
  @Test func `locks`() throws {
    try check(LockRequestBody.self, .lockBatchMessageQueue, ofRequests: true)
    try check(LockRequestBody.self, .unlockBatchMessageQueue, ofRequests: true)
    try check(LockResponseBody.self, .lockBatchMessageQueue)
  }
  @Test func `inquiries`() throws {
    try check(GroupList.self, .queryTopicConsumeByWho)
    try check(ConsumeTimeSpans.self, .queryConsumeTimeSpan)
    try check(CorrectionOffsets.self, .queryCorrectionOffset)
    try check(BrokerStatsData.self, .viewBrokerStatsData)
    try check(ConsumeStatsList.self, .getBrokerConsumeStats)
    try check(ConsumeQueueDump.self, .queryConsumeQueue)
    try check(ProducerTable.self, .getAllProducerInfo)
  }
  @Test func `offsets of clients`() throws {
    try check(ResetOffsetBody.self, .invokeBrokerToResetOffset)
    try check(ResetOffsetBody.self, .resetConsumerClientOffset, ofRequests: true)
    try check(ConsumerStatusBody.self, .getConsumerStatusFromClient)
    let entry = QueueOffsets.Entry(MessageQueue(topic: "t", brokerName: "b", queueID: 1), 7)
    let body = ResetOffsetBody(QueueOffsets([entry]))
    #expect(
      String(decoding: body.listJSON.bytes(.fastjson), as: UTF8.self)
        == #"{"offsetTable":[{"brokerName":"b","offset":7,"queueId":1,"topic":"t"}]}"#)
    #expect(try ResetOffsetBody(json: body.listJSON) == body)
  }
  @Test func `consumer ids`() throws { try check(ConsumerIDList.self, .getConsumerListByGroup) }
  @Test func `runtime information`() throws { try check(KVTable.self, .getBrokerRuntimeInfo) }
  @Test func `key-value lists`() throws { try check(KVTable.self, .getKVListByNamespace) }
  @Test func `consumer offsets`() throws { try check(ConsumerOffsetTable.self, .getAllConsumerOffset) }

  @Test(arguments: [206, 224, 304, 305, 311] as [Int32])
  func `topic lists`(code: Int32) throws { try check(TopicList.self, RequestCode(code)) }

  @Test func `group settings`() throws {
    for bytes in try bodies(.updateAndCreateSubscriptionGroup, ofRequests: true) {
      let json = try JSONParser.parse(bytes.rawSpan)
      #expect(try SubscriptionGroupConfig(json: json).json == json)
    }
  }

  @Test func `reads and writes the inflated form of a registration`() throws {
    let file = FrameFixtures.directory.deletingLastPathComponent()
      .appendingPathComponent("bodies/0103-register-broker-inflated.txt")
    let bytes = FrameFixtures.hexadecimalLines(try String(contentsOf: file, encoding: .utf8))
    let body = try RegisterBrokerBody(inflated: bytes.rawSpan)
    #expect(body.topics.topics.contains { $0.name == "TBW102" && $0.permission == Permission(rawValue: 7) })
    #expect(body.inflated == bytes)
    for count in 0..<bytes.count {
      #expect(throws: DecodeError.self) { try RegisterBrokerBody(inflated: Array(bytes[..<count]).rawSpan) }
    }
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      _ = try? RegisterBrokerBody(inflated: damaged.rawSpan)
    }
  }

  @Test func `reads heartbeats of C++ clients`() throws {
    let old = try HeartbeatData(
      bytes: Array(
        #"""
        {"clientID":"1105-127.0.0.1@second","consumerDataSet":[{"consumeFromWhere":0,"consumeType":1,"groupName":"G",
        "messageModel":1,"subscriptionDataSet":[{"subString":"*","subVersion":"1795218712706","topic":"%RETRY%G"},
        {"subString":"TagA || TagB","subVersion":"5","topic":"T"}]}]}
        """#.utf8))
    let consumer = try #require(old.consumers.first)
    #expect(consumer.consumeFromWhere == .lastOffset)
    #expect(consumer.consumeType == .passively && consumer.messageModel == .clustering)
    #expect(consumer.subscriptions[0] == SubscriptionData(topic: "%RETRY%G", version: 1_795_218_712_706))
    #expect(consumer.subscriptions[1].tags == ["TagA", "TagB"])
    #expect(consumer.subscriptions[1].tagCodes == [JavaHash.hash("TagA"), JavaHash.hash("TagB")])
    let puller = try HeartbeatData(
      bytes: Array(
        #"{"clientID":"c","consumerDataSet":[{"consumeFromWhere":4,"consumeType":0,"groupName":"G","messageModel":0}]}"#
          .utf8))
    #expect(
      puller.consumers == [
        ConsumerData(
          group: "G", consumeType: .actively, messageModel: .broadcasting, consumeFromWhere: .firstOffset)
      ])
  }

  @Test func `reads heartbeats of Go clients`() throws {
    let text = #"""
      {"clientID":"192.0.2.2@2712","producerDataSet":[],"consumerDataSet":[{"groupName":"G",
      "consumeType":"CONSUME_ACTIVELY",
      "messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","subscriptionDataSet":[{
      "classFilterMode":false,
      "topic":"T","subString":"*","tagsSet":[],"codeSet":[],"subVersion":1795218793962147830,"expressionType":"TAG"}],
      "unitMode":false}]}
      """#
    let data = try HeartbeatData(bytes: Array(text.utf8))
    #expect(data.consumers.first?.subscriptions.first?.version == 1_795_218_793_962_147_830)
  }

  @Test(arguments: [
    "[]", "{}", #"{"clientID":null}"#, #"{"clientID":"c","consumerDataSet":{}}"#,
    #"{"clientID":"c","consumerDataSet":[{"groupName":"G","subscriptionDataSet":[{"topic":"T","subVersion":"x"}]}]}"#,
  ])
  func `refuses heartbeats that say nothing`(text: String) {
    #expect(throws: DecodeError.self) { try HeartbeatData(bytes: Array(text.utf8)) }
  }

  @Test func `survives every single flipped bit`() throws {
    func exercise<Body: JSONBody>(_ type: Body.Type, _ bytes: [UInt8]) {
      for bit in 0..<min(bytes.count, 700) * 8 {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        if let body = try? Body(bytes: damaged) { _ = body.bytes(.standard) }
      }
    }
    exercise(HeartbeatData.self, try #require(try bodies(.heartbeat, ofRequests: true).max { $0.count < $1.count }))
    exercise(RegisterBrokerBody.self, try #require(try bodies(.registerBroker, ofRequests: true).first))
    exercise(TopicRouteData.self, try #require(try bodies(.getRouteInfoByTopic).first))
    exercise(ConsumeStats.self, try #require(try bodies(.getConsumeStats).first))
  }

  @Test func `reads queue keys of standard JSON`() throws {
    let table = TopicStatsTable([
      .init(
        queue: MessageQueue(topic: "T", brokerName: "b", queueID: 3), minOffset: QueueOffset(1),
        maxOffset: QueueOffset(2), lastUpdate: WallTime(milliseconds: 3))
    ])
    #expect(try TopicStatsTable(bytes: table.bytes(.standard)) == table)
    #expect(try TopicStatsTable(bytes: table.bytes()) == table)
  }
}

extension JSONValue {
  /// With quoted numbers as keys replaced by numbers, when the text was written in a style that quotes them.
  fileprivate func withIntegerKeys(_ style: JSONStyle) -> JSONValue {
    guard style == .standard else { return self }
    switch self {
    case .array(let elements): return .array(elements.map { $0.withIntegerKeys(style) })
    case .object(let members):
      return .object(
        members.map { member in
          let key = member.key.int64.map { JSONValue.integer($0) } ?? member.key
          return JSONMember(key, member.value.withIntegerKeys(style))
        })
    default: return self
    }
  }
}
