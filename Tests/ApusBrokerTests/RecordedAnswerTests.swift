import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// What a Java broker answered, and whether ours does too.
@Suite struct RecordedAnswerTests {
  let broker: BrokerUnderTest

  init() throws {
    broker = try BrokerUnderTest()
    for name in ["FxTopic", "FxUnit"] { broker.topic(name) }
  }

  private func expect(_ reply: Reply, equals response: Command?, _ title: String) {
    #expect(reply.code == response?.responseCode, "\(title)")
    #expect(reply.remark == response?.remark, "\(title)")
    let fields = Dictionary(uniqueKeysWithValues: reply.fields.map { ($0.name, $0.value) })
    let recorded = Dictionary(uniqueKeysWithValues: (response?.fields ?? []).map { ($0.name, $0.value) })
    #expect(fields == recorded, "\(title)")
  }

  @Test(arguments: [
    "0034-HEART_BEAT", "0035-UNREGISTER_CLIENT", "0207-DELETE_SUBSCRIPTIONGROUP", "0215-DELETE_TOPIC_IN_BROKER",
    "0017-UPDATE_AND_CREATE_TOPIC", "0200-UPDATE_AND_CREATE_SUBSCRIPTIONGROUP",
  ])
  func `answers with the same code, remark and fields`(file: String) throws {
    let samples = try RecordedFrames.samples(file)
    for sample in samples where !(sample.response?.remark ?? "").contains("java.lang") {
      expect(broker.answer(sample.request), equals: sample.response, sample.title)
    }
  }

  @Test func `answers changes of settings with the same code, and says of one that it has no effect`() throws {
    for sample in try RecordedFrames.samples("0025-UPDATE_BROKER_CONFIG") {
      var reply = broker.answer(sample.request)
      if reply.code == .success {
        #expect(reply.remark == "without effect: maxDelayTime")
        reply.remark = nil
      }
      expect(reply, equals: sample.response, sample.title)
    }
  }

  @Test func `refuses requests without fields as a Java broker fails, with code 1`() throws {
    for file in ["0030-GET_MAX_OFFSET", "0033-VIEW_MESSAGE_BY_ID", "0034-HEART_BEAT"] {
      for sample in try RecordedFrames.samples(file) where sample.response?.remark?.contains("java.lang") == true {
        let reply = broker.answer(sample.request)
        #expect(reply.code == .systemError, "\(sample.title)")
        #expect(reply.remark?.contains("java") == false)
      }
    }
  }

  @Test(arguments: ["0030-GET_MAX_OFFSET", "0031-GET_MIN_OFFSET", "0029-SEARCH_OFFSET_BY_TIMESTAMP"])
  func `tells offsets of queues`(file: String) throws {
    for sample in try RecordedFrames.samples(file) {
      guard let response = sample.response, let offset = response["offset"].flatMap({ Int64($0) }) else { continue }
      let queue = MessageQueue(
        topic: "FxTopic", brokerName: "fx-a", queueID: try sample.request.number("queueId"))
      broker.messages.content.withLock { content in
        let isMinimum = file.contains("MIN")
        content.bounds[queue] = QueueBounds(min: isMinimum ? QueueOffset(offset) : .zero, max: QueueOffset(offset))
        content.times[queue] = [offset: 1_795_219_449_267]
      }
      expect(broker.answer(sample.request), equals: response, sample.title)
    }
  }

  @Test func `tells when a queue's oldest message was stored`() throws {
    for sample in try RecordedFrames.samples("0032-GET_EARLIEST_MSG_STORETIME") {
      let time = try #require(sample.response?["timestamp"].flatMap { Int64($0) })
      let queue = MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: 0)
      broker.messages.content.withLock { content in
        content.bounds[queue] = QueueBounds(min: QueueOffset(3), max: QueueOffset(5))
        content.times[queue] = [3: time]
      }
      expect(broker.answer(sample.request), equals: sample.response, sample.title)
    }
    let none = broker.ask(.getEarliestMessageStoreTime, ["topic": "FxTopic", "queueId": "9"])
    #expect(none.fields == [ReplyField("timestamp", -1)])
  }

  @Test func `tells a committed offset in place and a young queue's beginning`() throws {
    for sample in try RecordedFrames.samples("0014-QUERY_CONSUMER_OFFSET") {
      let offset = try #require(sample.response?["offset"].flatMap { Int64($0) })
      if offset > 0 {
        let topic = Array("FxTopic".utf8)
        let group = Array((sample.request["consumerGroup"] ?? "").utf8)
        let queue: Int32 = try sample.request.number("queueId")
        broker.tables.offsets.withLock {
          _ = $0.commit(topic: topic.rawSpan, group: group.rawSpan, queue: queue, offset: offset)
        }
      }
      expect(broker.answer(sample.request), equals: sample.response, sample.title)
      broker.tables.offsets.withLock { $0.remove(topic: "FxTopic") }
    }
  }

  @Test func `tells how far delayed messages are delivered`() throws {
    for sample in try RecordedFrames.samples("0045-GET_ALL_DELAY_OFFSET") {
      let response = try #require(sample.response)
      let json = try JSONParser.parse(response.body.rawSpan, limits: JSONParser.Limits(bytes: 4096))
      let offsets = try DelayOffsets(json: json)
      broker.tables.delays.withLock { $0 = offsets }
      let reply = broker.answer(sample.request)
      expect(reply, equals: response, sample.title)
      #expect(reply.body == response.body)
    }
  }

  @Test func `gives the record at an offset or says that there is none`() throws {
    for sample in try RecordedFrames.samples("0033-VIEW_MESSAGE_BY_ID") where sample.request["offset"] != nil {
      if let response = sample.response, !response.body.isEmpty {
        broker.messages.content.withLock { $0.records[0] = response.body }
      }
      let reply = broker.answer(sample.request)
      expect(reply, equals: sample.response, sample.title)
      #expect(reply.body == sample.response?.body)
    }
  }

  @Test func `asks the index as a Java broker does`() throws {
    for sample in try RecordedFrames.samples("0012-QUERY_MESSAGE") {
      let response = try #require(sample.response)
      broker.topic(try sample.request.text("topic"))
      broker.messages.content.withLock { content in
        content.answer = IndexAnswer()
        guard response.responseCode == .success else { return }
        content.answer.records = response.body
        content.answer.count = 1
        content.answer.indexedUpTo = PhysicalOffset(Int64(response["indexLastUpdatePhyoffset"] ?? "") ?? -1)
        content.answer.indexedUntil = WallTime(
          milliseconds: Int64(response["indexLastUpdateTimestamp"] ?? "") ?? -1)
      }
      let reply = broker.answer(sample.request)
      expect(reply, equals: response, sample.title)
      #expect(reply.body == response.body)
      let asked = broker.messages.content.withLock { $0.asked.last }
      #expect(asked?.limit == (sample.request.flag("_UNIQUE_KEY_QUERY") ? 32 : 64))
    }
  }

  @Test func `tells the bounds of a topic's queues`() throws {
    for sample in try RecordedFrames.samples("0202-GET_TOPIC_STATS_INFO") {
      let recorded = try TopicStatsTable(bytes: try #require(sample.response).body)
      broker.messages.content.withLock { content in
        for entry in recorded.entries {
          content.bounds[entry.queue] = QueueBounds(min: entry.minOffset, max: entry.maxOffset)
          content.times[entry.queue] = [entry.maxOffset.rawValue - 1: entry.lastUpdate.milliseconds]
        }
      }
      let answered = try TopicStatsTable(bytes: broker.answer(sample.request).body)
      #expect(Set(answered.entries) == Set(recorded.entries), "\(sample.title)")
    }
  }

  @Test func `tells how far a group is`() throws {
    for sample in try RecordedFrames.samples("0208-GET_CONSUME_STATS") {
      let recorded = try ConsumeStats(bytes: try #require(sample.response).body)
      let group = Array(try sample.request.text("consumerGroup").utf8)
      broker.tables.offsets.withLock { offsets in
        for topic in ["FxTopic", "%RETRY%fx_g_sql"] { offsets.remove(topic: topic) }
      }
      for entry in recorded.entries {
        if entry.queue.topic != "FxTopic" { broker.topic(entry.queue.topic, queues: 1) }
        let topic = Array(entry.queue.topic.utf8)
        broker.tables.offsets.withLock {
          _ = $0.commit(
            topic: topic.rawSpan, group: group.rawSpan, queue: entry.queue.queueID,
            offset: entry.consumerOffset.rawValue)
        }
        broker.messages.content.withLock { content in
          content.bounds[entry.queue] = QueueBounds(min: .zero, max: entry.brokerOffset)
          content.times[entry.queue, default: [:]][entry.consumerOffset.rawValue - 1] = entry.lastTimestamp.milliseconds
        }
      }
      let answered = try ConsumeStats(bytes: broker.answer(sample.request).body)
      #expect(Set(answered.entries) == Set(recorded.entries), "\(sample.title)")
    }
  }

  @Test func `names the members of groups as they registered`() throws {
    for sample in try RecordedFrames.samples("0203-GET_CONSUMER_CONNECTION_LIST") {
      guard let response = sample.response, response.responseCode == .success else { continue }
      let recorded = try ConsumerConnection(bytes: response.body)
      let address = try #require(HostAddress(recorded.connections[0].address))
      let heartbeat = HeartbeatData(
        clientID: recorded.connections[0].clientID,
        consumers: [
          ConsumerData(
            group: try sample.request.text("consumerGroup"), consumeType: recorded.consumeType,
            messageModel: recorded.messageModel, consumeFromWhere: recorded.consumeFromWhere,
            subscriptions: recorded.subscriptions)
        ])
      let fresh = try BrokerUnderTest()
      let header = CommandHeader(code: RequestCode.heartbeat.rawValue, id: RequestID(1))
      _ = fresh.answer(
        Command(header: header, body: heartbeat.bytes()), from: Requester(connection: 4, address: address))
      let answered = try ConsumerConnection(bytes: fresh.answer(sample.request).body)
      #expect(answered.connections == recorded.connections, "\(sample.title)")
      #expect(Set(answered.subscriptions) == Set(recorded.subscriptions), "\(sample.title)")
      #expect(answered.consumeType == recorded.consumeType)
      #expect(answered.consumeFromWhere == recorded.consumeFromWhere)
    }
  }

  @Test func `says that nobody is in a group in the words of each code`() throws {
    #expect(
      broker.ask(.getConsumerConnectionList, ["consumerGroup": "fx_g_noread"])
        == Reply(.consumerNotOnline, remark: "the consumer group[fx_g_noread] not online"))
    #expect(
      broker.ask(.getProducerConnectionList, ["producerGroup": "fx_nope"])
        == Reply(.systemError, remark: "the producer group[fx_nope] not exist"))
    #expect(
      broker.ask(.getConsumerListByGroup, ["consumerGroup": "x"])
        == Reply(.systemError, remark: "no consumer for this group, x"))
    #expect(
      broker.ask(.getTopicStatsInfo, ["topic": "x"]) == Reply(.topicNotExist, remark: "topic[x] not exist"))
  }

  @Test func `tells a new member's group as a Java broker does`() throws {
    let samples = try RecordedFrames.samples("0040-NOTIFY_CONSUMER_IDS_CHANGED")
    for sample in samples {
      #expect(sample.request.header.code == NotifyConsumerIDsChanged.Request.code.rawValue)
      let group = try sample.request.text("consumerGroup")
      #expect(sample.request.fields == NotifyConsumerIDsChanged.Request(consumerGroup: group).fields)
    }
  }

  @Test func `has every key of a Java broker's runtime information`() throws {
    let answered = try KVTable(bytes: broker.ask(.getBrokerRuntimeInfo).body)
    for sample in try RecordedFrames.samples("0028-GET_BROKER_RUNTIME_INFO") {
      let recorded = try KVTable(bytes: try #require(sample.response).body)
      for row in recorded.rows
      where !row.key.hasPrefix("scheduleMessageOffset_") && !row.key.hasPrefix("commitLogDiskRatio_") {
        #expect(answered[row.key] != nil, "\(row.key)")
      }
    }
    #expect(answered["remainHowManyDataToFlush"] == "1.6 KiB")
    #expect(answered["commitLogDirCapacity"] == "Total : 252.0 GiB, Free : 61.0 GiB.")
    #expect(answered["commitLogDiskRatio"] == "0.76")
    #expect(answered["consumeQueueDiskRatio"] == "0.5")
    #expect(answered["getTotalTps"] == "0.0 0.0 0.0")
    #expect(answered["putTps"] == "  ")
  }

  @Test func `does not know the codes that nobody knows, in Java's words`() throws {
    for sample in try RecordedFrames.samples("9999-UNKNOWN") where sample.response?.responseCode.rawValue == 3 {
      expect(broker.answer(sample.request), equals: sample.response, sample.title)
    }
    let missing = broker.ask(.getBrokerClusterACLInfo)
    #expect(missing.code == .requestCodeNotSupported)
    #expect(missing.remark?.hasPrefix(" request type 52 not supported: ") == true)
  }
}
