import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Testing

@testable import ApusBroker

/// Requests of tools that a broker passes on to consumers: 222, 223, 307 and 309.
@Suite(.timeLimit(.minutes(10))) struct RelayTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  private func join(_ group: String, _ id: String, _ connection: UInt64, _ language: Language = .java) {
    let consumer = ConsumerData(group: group, subscriptions: [SubscriptionData(topic: "FxTopic")])
    _ = broker.heartbeat(
      HeartbeatData(clientID: id, consumers: [consumer]), from: connection, language: language)
  }

  private func commit(_ group: String, _ offsets: [Int64]) {
    for (queue, offset) in offsets.enumerated() {
      broker.tables.offsets.withLock {
        _ = $0.commit(
          topic: Array("FxTopic".utf8).rawSpan, group: Array(group.utf8).rawSpan, queue: Int32(queue), offset: offset)
      }
    }
  }

  private func queue(_ id: Int32) -> MessageQueue { MessageQueue(topic: "FxTopic", brokerName: "fx-a", queueID: id) }

  @Test func `offsets are reset as a Java broker does it`() throws {
    broker.topic("FxTopic")
    join("fx_g_push", "a", 1)
    join("fx_g_push", "b", 2)
    commit("fx_g_push", [9, 9, 9, 9])
    for sample in try RecordedFrames.samples("0222-INVOKE_BROKER_TO_RESET_OFFSET") {
      let response = try #require(sample.response)
      guard response.responseCode == .success else {
        #expect(broker.answer(sample.request).remark == response.remark)
        continue
      }
      let recorded = try ResetOffsetBody(bytes: response.body)
      broker.messages.content.withLock { content in
        for entry in recorded.offsets.entries {
          content.bounds[entry.queue] = QueueBounds(min: .zero, max: QueueOffset(entry.offset))
          content.times[entry.queue] = [entry.offset: 1]
        }
      }
      broker.relayed.withLock { $0 = [] }
      let reply = broker.answer(sample.request)
      #expect(reply.code == .success)
      #expect(reply.remark == response.remark)
      let answered = try ResetOffsetBody(bytes: reply.body).offsets.entries
      #expect(Set(answered) == Set(recorded.offsets.entries), "\(sample.title)")
      let told = try #require(broker.relayed.withLock { $0.first }).notices
      #expect(told.map(\.connection) == [1, 2])
      for call in told {
        #expect(call.code == .resetConsumerClientOffset)
        #expect(try ResetOffsetBody(bytes: call.body).offsets.entries == answered)
        // A tool in C++ has its consumers told in a list.
        #expect((call.body == reply.body) == (sample.request.header.language != .cpp))
      }
      let fields = Dictionary(uniqueKeysWithValues: told[0].fields.map { ($0.name, $0.value) })
      #expect(
        fields == [
          "topic": "FxTopic", "group": "fx_g_push", "isForce": "false", "timestamp": sample.request["timestamp"] ?? "",
        ])
    }
  }

  @Test func `without force nobody is moved forward`() throws {
    broker.topic("FxTopic", queues: 2)
    join("g", "a", 1)
    commit("g", [3, 8])
    broker.messages.content.withLock { content in
      for id in 0..<2 { content.bounds[queue(Int32(id))] = QueueBounds(min: .zero, max: QueueOffset(5)) }
    }
    for (force, expected) in [("false", [3, 5]), ("true", [5, 5])] as [(String, [Int64])] {
      let reply = broker.ask(
        .invokeBrokerToResetOffset, ["topic": "FxTopic", "group": "g", "timestamp": "-1", "isForce": force])
      #expect(try ResetOffsetBody(bytes: reply.body).offsets.entries.map(\.offset) == expected)
    }
    #expect(broker.tables.offsets.withLock { $0.offsets(topic: "FxTopic", group: "g") } == [0: 3, 1: 8])
  }

  @Test func `C++ consumers are told in the form of a list`() throws {
    broker.topic("FxTopic", queues: 1)
    join("g", "a", 1, .cpp)
    join("g", "b", 2)
    commit("g", [3])
    broker.messages.content.withLock { $0.bounds[queue(0)] = QueueBounds(min: .zero, max: QueueOffset(2)) }
    _ = broker.ask(.invokeBrokerToResetOffset, ["topic": "FxTopic", "group": "g", "timestamp": "-1"])
    let told = try #require(broker.relayed.withLock { $0.first }).notices.map {
      String(decoding: $0.body, as: UTF8.self)
    }
    #expect(told[0] == #"{"offsetTable":[{"brokerName":"fx-a","offset":2,"queueId":0,"topic":"FxTopic"}]}"#)
    #expect(told[1] == #"{"offsetTable":{{"brokerName":"fx-a","queueId":0,"topic":"FxTopic"}:2}}"#)
  }

  @Test func `offsets that cannot be reset are refused and nobody is told`() {
    let fields = ["topic": "FxTopic", "group": "g", "timestamp": "-1"]
    #expect(broker.ask(.invokeBrokerToResetOffset, fields).code == .systemError)
    broker.topic("FxTopic", queues: 2)
    commit("g", [3])
    #expect(broker.ask(.invokeBrokerToResetOffset, fields).remark == "THe consumer group <g> not exist")
    commit("g", [3, 3])
    #expect(broker.ask(.invokeBrokerToResetOffset, fields).code == .consumerNotOnline)
    for wrong in [["timestamp": "x"], ["timestamp": "9223372036854775808"]] {
      let reply = broker.ask(.invokeBrokerToResetOffset, fields.merging(wrong) { _, new in new })
      #expect(reply.remark?.hasPrefix("the field timestamp") == true)
    }
    for moment in [Int64.min, .max] {
      let reply = broker.ask(
        .invokeBrokerToResetOffset, fields.merging(["timestamp": "\(moment)"]) { _, new in new })
      #expect(reply.code == .consumerNotOnline)
    }
    #expect(broker.relayed.withLock { $0.isEmpty })
  }

  @Test(arguments: ["0307-GET_CONSUMER_RUNNING_INFO", "0309-CONSUME_MESSAGE_DIRECTLY"])
  func `requests are passed on, and absent consumers named, as by a Java broker`(file: String) throws {
    let samples = try RecordedFrames.samples(file)
    for id in ["192.0.2.2@fxc1", "192.0.2.2@fxc2"] { join("fx_g_push", id, UInt64(id.utf8.last ?? 0)) }
    let passedOn = samples.filter { $0.title.contains("broker -> client") }
    for sample in samples where !sample.title.contains("broker -> client") {
      let response = try #require(sample.response)
      if let record = passedOn.first(where: { !$0.request.body.isEmpty })?.request.body {
        broker.messages.content.withLock { $0.records[0] = record }
      }
      broker.relayed.withLock { $0 = [] }
      let reply = broker.answer(sample.request)
      guard let relay = broker.relayed.withLock({ $0.first }) else {
        #expect(reply.code == response.responseCode)
        #expect(reply.remark == response.remark)
        continue
      }
      #expect(reply.code == .consumeMessageTimeout)
      let call = relay.calls[0]
      func table(_ fields: [ReplyField]) -> [String: String] {
        Dictionary(fields.map { ($0.name, $0.value) }) { _, last in last }
      }
      #expect(
        passedOn.contains {
          table($0.request.fields ?? []) == table(call.fields) && $0.request.body.count == call.body.count
        },
        "\(sample.title)")
      let answer = Command(
        header: response.header, remark: response.remark, fields: response.fields, body: response.body)
      let passedBack = relay.finish([.success(answer)])
      #expect(passedBack.code == .success)
      #expect(passedBack.remark == response.remark)
      #expect(passedBack.body == response.body)
      #expect(relay.finish([.failure(.closed)]).code == .systemError)
    }
  }

  @Test func `messages that cannot be consumed directly are refused`() {
    join("g", "a", 1)
    let fields = ["consumerGroup": "g", "clientId": "a", "msgId": "7F00000100009BE70000000000000000"]
    #expect(broker.ask(.consumeMessageDirectly, fields).remark == "look message by offset failed, 0")
    for id in ["", "x", String(repeating: "F", count: 32), String(repeating: "7", count: 100_000)] {
      let reply = broker.ask(.consumeMessageDirectly, fields.merging(["msgId": id]) { _, new in new })
      #expect(reply.code == .systemError)
    }
    for missing in fields.keys {
      #expect(broker.ask(.consumeMessageDirectly, fields.filter { $0.key != missing }).code == .systemError)
    }
    let stranger = Requester(connection: 2, address: HostAddress(ipv4: 0x0A00_0001, port: 5))
    let header = CommandHeader(code: RequestCode.consumeMessageDirectly.rawValue, id: RequestID(1))
    #expect(broker.answer(Command(header: header), from: stranger).code == .noPermission)
    #expect(broker.relayed.withLock { $0.isEmpty })
  }

  @Test func `statuses of all consumers or of one, without those that do not say`() throws {
    let fields = ["topic": "FxTopic", "group": "g"]
    #expect(broker.ask(.invokeBrokerToGetConsumerStatus, fields).remark?.hasPrefix("No Any Consumer online") == true)
    for number in 1...4 { join("g", "c\(number)", UInt64(number)) }
    #expect(broker.ask(.invokeBrokerToGetConsumerStatus, fields).code == .consumeMessageTimeout)
    let relay = try #require(broker.relayed.withLock { $0.first })
    #expect(relay.calls.map(\.connection) == [1, 2, 3, 4])
    let status = QueueOffsets([QueueOffsets.Entry(queue(0), 6)])
    func says(_ body: [UInt8], _ code: ResponseCode = .success) -> Relay.Outcome {
      .success(Command(header: CommandHeader(code: code.rawValue, id: RequestID(1)), body: body))
    }
    let reply = relay.finish([
      says(ConsumerStatusBody(queues: status).bytes()), .failure(.timedOut), says(Array("{".utf8)),
      says([], .systemError),
    ])
    let body = try ConsumerStatusBody(bytes: reply.body)
    #expect(body.clients == [.init("c1", status)])
    _ = broker.ask(.invokeBrokerToGetConsumerStatus, fields.merging(["clientAddr": "c3"]) { _, new in new })
    #expect(broker.relayed.withLock { $0.last }?.calls.map(\.connection) == [3])
    _ = broker.ask(.invokeBrokerToGetConsumerStatus, fields.merging(["clientAddr": "nobody"]) { _, new in new })
    #expect(broker.relayed.withLock { $0.last }?.calls.isEmpty == true)
  }

  // MARK: Over sockets

  @Test func `a consumer's answer goes back to the tool, and a reset reaches the consumer`() throws {
    let served = try ServedBroker()
    let consumers = try (0..<3).map { number in
      try served.client { Reply(remark: "from \(number)", body: Array("\($0.header.code)".utf8)) }
    }
    for (number, client) in consumers.enumerated() {
      let data = ConsumerData(group: "g", subscriptions: [SubscriptionData(topic: "TBW102")])
      try client.heartbeat("c\(number)", consumer: data)
    }
    let tool = try served.client()
    for number in 0..<3 {
      let answer = try tool.ask(
        .getConsumerRunningInfo, [ReplyField("consumerGroup", "g"), ReplyField("clientId", "c\(number)")])
      #expect(answer.responseCode == .success)
      #expect(answer.remark == "from \(number)")
      #expect(answer.body == Array("307".utf8))
    }
    for queue in 0..<8 {
      _ = try tool.ask(
        .updateConsumerOffset,
        [
          ReplyField("consumerGroup", "g"), ReplyField("topic", "TBW102"), ReplyField("queueId", queue),
          ReplyField("commitOffset", 0),
        ])
    }
    let reset = try tool.ask(
      .invokeBrokerToResetOffset,
      [ReplyField("topic", "TBW102"), ReplyField("group", "g"), ReplyField("timestamp", -1)])
    #expect(reset.responseCode == .success)
    for client in consumers { #expect(try client.request(.resetConsumerClientOffset).body == reset.body) }
  }

  @Test func `an answer whose field a binary header cannot name becomes an error, and ends nothing`() throws {
    let served = try ServedBroker()
    let name = String(repeating: "n", count: 32_768)
    let consumer = try served.client { _ in Reply(fields: [ReplyField(name, "x")]) }
    try consumer.heartbeat(
      "c", consumer: ConsumerData(group: "g", subscriptions: [SubscriptionData(topic: "TBW102")]))
    let tool = try RawClient(port: served.port)
    let fields = [ReplyField("consumerGroup", "g"), ReplyField("clientId", "c")]
    let refused = try tool.ask(.getConsumerRunningInfo, fields, type: .binary)
    #expect(refused.responseCode == .systemError)
    #expect(refused.remark == "the answer has a field whose name exceeds 32767 bytes")
    let told = try tool.ask(.getConsumerRunningInfo, fields)
    #expect(told[name] == "x")
  }

  @Test func `a consumer is asked where it is, and its answer goes to the tool`() throws {
    let served = try ServedBroker()
    let queues = QueueOffsets([QueueOffsets.Entry(queue(0), 6)])
    let consumer = try served.client {
      $0.header.code == RequestCode.getConsumerStatusFromClient.rawValue
        ? Reply(body: ConsumerStatusBody(queues: queues).bytes()) : nil
    }
    let data = ConsumerData(group: "g", subscriptions: [SubscriptionData(topic: "TBW102")])
    try consumer.heartbeat("c", consumer: data)
    let answer = try served.client().ask(
      .invokeBrokerToGetConsumerStatus, [ReplyField("topic", "TBW102"), ReplyField("group", "g")])
    #expect(answer.responseCode == .success)
    #expect(try ConsumerStatusBody(bytes: answer.body).clients == [.init("c", queues)])
    let asked = try consumer.request(.getConsumerStatusFromClient)
    #expect(asked["topic"] == "TBW102" && asked["group"] == "g")
  }

  @Test func `a consumer that leaves instead of answering is told at once`() throws {
    let served = try ServedBroker()
    let consumer = try served.client { _ in nil }
    try consumer.heartbeat("c", consumer: ConsumerData(group: "g"))
    let tool = try served.client()
    let done = WakeUp()
    let answer = Locked<Command?>(nil)
    let thread = try Thread.start(name: "tool") {
      do {
        let command = try tool.ask(
          .getConsumerRunningInfo, [ReplyField("consumerGroup", "g"), ReplyField("clientId", "c")])
        answer.withLock { $0 = command }
      } catch {
        Issue.record("no answer: \(error)")
      }
      done.signal()
    }
    _ = try consumer.request(.getConsumerRunningInfo)
    consumer.disconnect()
    done.wait(until: nil)
    thread.join()
    #expect(answer.withLock { $0 }?.remark == "invoke consumer <g> <c> Exception: the connection was closed")
  }
}
