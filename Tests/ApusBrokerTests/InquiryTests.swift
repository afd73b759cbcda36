import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// What tools ask a broker about topics, groups and clients.
@Suite struct InquiryTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  private func commit(_ group: String, _ topic: String, _ offsets: [Int32: Int64]) {
    broker.tables.offsets.withLock { table in
      for (queue, offset) in offsets {
        _ = table.commit(
          topic: Array(topic.utf8).rawSpan, group: Array(group.utf8).rawSpan, queue: queue, offset: offset)
      }
    }
  }

  private func queue(_ id: Int32, _ topic: String = "FxTopic") -> MessageQueue {
    MessageQueue(topic: topic, brokerName: "fx-a", queueID: id)
  }

  @Test func `who consumes a topic: subscribers and owners of offsets`() throws {
    for sample in try RecordedFrames.samples("0300-QUERY_TOPIC_CONSUME_BY_WHO") {
      let broker = try BrokerUnderTest()
      let topic = try sample.request.text("topic")
      let recorded = try GroupList(bytes: try #require(sample.response).body).groups
      for (number, group) in recorded.enumerated() {
        if number.isMultiple(of: 2) {
          let consumer = ConsumerData(group: group, subscriptions: [SubscriptionData(topic: topic)])
          _ = broker.heartbeat(HeartbeatData(clientID: "c", consumers: [consumer]))
        } else {
          broker.tables.offsets.withLock {
            _ = $0.commit(
              topic: Array(topic.utf8).rawSpan, group: Array(group.utf8).rawSpan, queue: 0, offset: 1)
          }
        }
      }
      let answered = try GroupList(bytes: broker.answer(sample.request).body).groups
      #expect(answered == recorded.sorted(), "\(sample.title)")
    }
  }

  @Test func `time spans as a Java broker tells them`() throws {
    broker.topic("FxTopic")
    for sample in try RecordedFrames.samples("0303-QUERY_CONSUME_TIME_SPAN") {
      let recorded = try ConsumeTimeSpans(bytes: try #require(sample.response).body)
      broker.messages.content.withLock { content in
        for entry in recorded.entries {
          content.bounds[entry.queue] = QueueBounds(min: .zero, max: QueueOffset(3))
          content.times[entry.queue] = [
            0: entry.first.time.milliseconds, 1: entry.consumed.time.milliseconds, 2: entry.last.time.milliseconds,
          ]
        }
      }
      let group = try sample.request.text("group")
      commit(group, "FxTopic", [0: 2, 1: 2, 2: 2, 3: 2])
      var answered = try ConsumeTimeSpans(bytes: broker.answer(sample.request).body)
      #expect(answered.entries.allSatisfy { $0.delayMilliseconds > 0 })
      commit(group, "FxTopic", [0: 3, 1: 3, 2: 3, 3: 3])
      let caughtUp = try ConsumeTimeSpans(bytes: broker.answer(sample.request).body)
      #expect(caughtUp.entries.allSatisfy { $0.delayMilliseconds == 0 && $0.consumed == $0.last })
      for index in answered.entries.indices { answered.entries[index].delayMilliseconds = 0 }
      func times(_ spans: ConsumeTimeSpans) -> [MessageQueue: [WallTime]] {
        var result: [MessageQueue: [WallTime]] = [:]
        for entry in spans.entries { result[entry.queue] = [entry.first.time, entry.consumed.time, entry.last.time] }
        return result
      }
      #expect(times(answered) == times(recorded), "\(sample.title)")
    }
    #expect(broker.ask(.queryConsumeTimeSpan, ["topic": "Nope", "group": "g"]).code == .topicNotExist)
  }

  @Test func `the moments of a time span have the form that people read`() throws {
    broker.topic("FxTopic", queues: 1)
    let moment = LocalTime.moment(year: 2026, month: 1, day: 2, hour: 3, minute: 4, second: 5, millisecond: 67)
    broker.messages.content.withLock { content in
      content.bounds[queue(0)] = QueueBounds(min: .zero, max: QueueOffset(1))
      content.times[queue(0)] = [0: moment.milliseconds]
    }
    let reply = broker.ask(.queryConsumeTimeSpan, ["topic": "FxTopic", "group": "g"])
    let span = try #require(try ConsumeTimeSpans(bytes: reply.body).entries.first)
    #expect(span.first.text == "2026-01-02#03:04:05:067")
    #expect(span.consumed == span.first)
  }

  @Test func `the broker's own topics`() throws {
    for sample in try RecordedFrames.samples("0305-GET_SYSTEM_TOPIC_LIST_FROM_BROKER") {
      let recorded = try TopicList(bytes: try #require(sample.response).body)
      #expect(try TopicList(bytes: broker.answer(sample.request).body).topics == recorded.topics.sorted())
    }
  }

  @Test func `correction offsets pass groups over without deleting anything`() throws {
    commit("fx_g_push", "FxTopic", [0: 6, 1: 1, 2: 3, 3: 3])
    commit("fx_g_sql", "FxTopic", [0: 0, 1: 0, 2: 0, 3: 0])
    commit("other", "FxTopic", [0: 4, 1: 2, 2: 3, 5: 9])
    broker.messages.content.withLock { $0.bounds[queue(5)] = QueueBounds(min: QueueOffset(10), max: QueueOffset(20)) }
    for sample in try RecordedFrames.samples("0308-QUERY_CORRECTION_OFFSET") {
      let answered = try CorrectionOffsets(bytes: broker.answer(sample.request).body).offsets
      #expect(answered == [0: 4, 1: 1, 2: 3, 3: 3])
    }
    #expect(broker.tables.offsets.withLock { $0.offset(topic: "FxTopic", group: "fx_g_sql", queue: 0) } == 0)
    commit("behind", "FxTopic", [0: 2])
    let fields = ["topic": "FxTopic", "compareGroup": "behind", "filterGroups": "fx_g_sql,behind"]
    let answered = try CorrectionOffsets(bytes: broker.ask(.queryCorrectionOffset, fields).body).offsets
    #expect(answered[0] == .max)
    #expect(answered[1] == 1)
  }

  @Test func `offsets are cloned and written`() throws {
    broker.topic("FxTopic")
    broker.topic("Other")
    commit("fx_g_pull", "FxTopic", [0: 6, 1: 1])
    commit("fx_g_clone", "FxTopic", [1: 5, 2: 7])
    for sample in try RecordedFrames.samples("0314-CLONE_GROUP_OFFSET") {
      #expect(broker.answer(sample.request).code == .success)
    }
    let offsets = broker.tables.offsets.withLock { $0.offsets(topic: "FxTopic", group: "fx_g_clone") }
    #expect(offsets == [0: 6, 1: 1, 2: 7])
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk).offsets
    #expect(stored?.entries.contains { $0.group == "fx_g_clone" && $0.queues == offsets } == true)
    // Topics that the group does not subscribe to any more count only offline; unknown ones never.
    commit("s", "Other", [0: 1])
    commit("s", "Gone", [0: 1])
    let consumer = ConsumerData(group: "s", subscriptions: [SubscriptionData(topic: "FxTopic")])
    _ = broker.heartbeat(HeartbeatData(clientID: "c", consumers: [consumer]))
    _ = broker.ask(.cloneGroupOffset, ["srcGroup": "s", "destGroup": "t"])
    #expect(broker.tables.offsets.withLock { $0.topics(ofGroup: "t") }.isEmpty)
    _ = broker.ask(.cloneGroupOffset, ["srcGroup": "s", "destGroup": "t", "topic": " ", "offline": "true"])
    #expect(broker.tables.offsets.withLock { $0.topics(ofGroup: "t") } == ["Other"])
  }

  @Test func `what was counted for topics, groups and the broker`() throws {
    broker.topic("FxTopic")
    let id = try #require(broker.tables.topics.withLock { $0.find("FxTopic") }).id
    broker.tables.statistics.withLock { statistics in
      var traffic = Traffic()
      traffic.put(topic: id, messages: 3, bytes: 300)
      traffic.got(pair: statistics.pair(topic: id, group: "g"), messages: 2, bytes: 200)
      statistics.sample(now: WallTime(milliseconds: 0), day: 1)
      statistics.absorb(&traffic)
      statistics.sample(now: WallTime(milliseconds: 10_000), day: 1)
      traffic.put(topic: id, messages: 4, bytes: 800)
      statistics.absorb(&traffic)
      statistics.sample(now: WallTime(milliseconds: 20_000), day: 1)
    }
    func ask(_ name: String, _ key: String) -> Reply {
      broker.ask(.viewBrokerStatsData, ["statsName": name, "statsKey": key])
    }
    let put = try BrokerStatsData(bytes: ask("TOPIC_PUT_NUMS", "FxTopic").body)
    #expect(put.minute == .init(sum: 4, perSecond: 0.4, average: 4))
    #expect(put.day == .init())
    #expect(try BrokerStatsData(bytes: ask("TOPIC_PUT_SIZE", "FxTopic").body).minute.average == 800)
    for name in ["GROUP_GET_NUMS", "GROUP_GET_SIZE"] { #expect(ask(name, "FxTopic@g").code == .success) }
    for name in ["BROKER_PUT_NUMS", "BROKER_GET_NUMS"] { #expect(ask(name, "FxCluster").code == .success) }
    let missing = [
      ("NOPE", "FxTopic"), ("TOPIC_PUT_NUMS", "Nope"), ("TOPIC_PUT_NUMS", ""), ("GROUP_GET_NUMS", "FxTopic"),
      ("GROUP_GET_NUMS", "@"), ("GROUP_GET_NUMS", "FxTopic@"), ("BROKER_PUT_NUMS", "FxTopic"),
      ("", String(repeating: "@", count: 100_000)),
    ]
    for (name, key) in missing {
      let reply = ask(name, key)
      #expect(reply.code == .systemError)
      #expect(reply.remark == "The stats <\(name)> <\(key.prefix(256))> not exist")
    }
    for sample in try RecordedFrames.samples("0315-VIEW_BROKER_STATS_DATA") {
      guard let response = sample.response, response.responseCode != .success else { continue }
      #expect(broker.answer(sample.request).remark == response.remark)
    }
  }

  @Test func `how far every group is`() throws {
    for sample in try RecordedFrames.samples("0317-GET_BROKER_CONSUME_STATS") {
      let broker = try BrokerUnderTest([("brokerIP1", "127.0.0.1")])
      let recorded = try ConsumeStatsList(bytes: try #require(sample.response).body)
      for topic in Set(recorded.groups.flatMap(\.topics).flatMap(\.entries).map(\.queue.topic)) {
        let entries = recorded.groups.flatMap(\.topics).flatMap(\.entries).filter { $0.queue.topic == topic }
        broker.topic(topic, queues: (entries.map(\.queue.queueID).max() ?? 0) + 1)
      }
      for group in recorded.groups {
        broker.tables.groups.withLock {
          _ = $0.update(SubscriptionGroupConfig(name: group.name), now: .init(milliseconds: 1))
        }
        for entry in group.topics.flatMap(\.entries) {
          broker.messages.content.withLock { content in
            content.bounds[entry.queue] = QueueBounds(min: .zero, max: entry.brokerOffset)
            if entry.consumerOffset > .zero {
              content.times[entry.queue, default: [:]][entry.consumerOffset.rawValue - 1] =
                entry.lastTimestamp.milliseconds
            }
          }
          broker.tables.offsets.withLock {
            _ = $0.commit(
              topic: Array(entry.queue.topic.utf8).rawSpan, group: Array(group.name.utf8).rawSpan,
              queue: entry.queue.queueID, offset: entry.consumerOffset.rawValue)
          }
        }
      }
      let answered = try ConsumeStatsList(bytes: broker.answer(sample.request).body)
      #expect(answered.totalDifference == recorded.totalDifference, "\(sample.title)")
      func entries(_ list: ConsumeStatsList, _ group: String) -> Set<ConsumeStats.Entry> {
        Set(list.groups.filter { $0.name == group }.flatMap(\.topics).flatMap(\.entries))
      }
      for group in recorded.groups {
        #expect(entries(answered, group.name) == entries(recorded, group.name), "\(group.name)")
      }
      let ordered = broker.ask(.getBrokerConsumeStats, ["isOrder": "true"])
      #expect(try ConsumeStatsList(bytes: ordered.body).groups.allSatisfy { $0.topics.isEmpty })
    }
  }

  @Test func `every producer with its address and last heartbeat`() throws {
    _ = broker.heartbeat(HeartbeatData(clientID: "c1", producerGroups: ["p", "q"]))
    _ = broker.heartbeat(HeartbeatData(clientID: "c2", producerGroups: ["q"]), from: 2)
    let table = try ProducerTable(bytes: broker.ask(.getAllProducerInfo).body)
    #expect(table.groups.map(\.name) == ["p", "q"])
    #expect(table.groups.last?.producers.map(\.clientID) == ["c1", "c2"])
    let producer = try #require(table.groups.first?.producers.first)
    #expect(producer.remoteAddress == "/127.0.0.1:43410")
    #expect(abs(producer.lastUpdate.milliseconds - SystemClock.wall().milliseconds) < 60_000)
  }

  @Test(arguments: [
    RequestCode.queryTopicConsumeByWho, .queryConsumeTimeSpan, .queryCorrectionOffset, .cloneGroupOffset,
    .viewBrokerStatsData,
  ])
  func `requests without fields are refused`(code: RequestCode) {
    let reply = broker.ask(code)
    #expect(reply.code == .systemError)
    #expect(reply.remark?.hasPrefix("the field ") == true)
  }

  @Test(arguments: ["", "a b", String(repeating: "g", count: 256)])
  func `offsets are not cloned to groups that cannot be`(target: String) {
    commit("s", "FxTopic", [0: 1])
    let reply = broker.ask(.cloneGroupOffset, ["srcGroup": "s", "destGroup": target, "offline": "true"])
    #expect(reply.code == .systemError)
    #expect(broker.tables.offsets.withLock { $0.pairCount } == 1)
  }

  @Test func `the offsets by which half messages are found are not cloned over`() {
    broker.topic("FxTopic")
    commit("s", "FxTopic", [0: 1])
    let fields = ["srcGroup": "s", "destGroup": "CID_RMQ_SYS_TRANS", "offline": "true"]
    #expect(broker.ask(.cloneGroupOffset, fields).code == .noPermission)
    #expect(broker.tables.offsets.withLock { $0.pairCount } == 1)
  }

  @Test func `a broken device is told`() {
    broker.topic("FxTopic")
    broker.messages.content.withLock { $0.failure = DiskError(.exhausted, operation: "read", path: "/x") }
    let reply = broker.ask(.queryConsumeTimeSpan, ["topic": "FxTopic", "group": "g"])
    #expect(reply.code == .systemError)
  }
}
