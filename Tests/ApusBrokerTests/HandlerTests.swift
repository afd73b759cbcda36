import ApusBase
import ApusModel
import ApusProtocol
import ApusSimulator
import ApusSystem
import Testing

@testable import ApusBroker
@testable import ApusBrokerCore

@Suite struct HandlerTests {
  let broker: BrokerUnderTest

  init() throws { broker = try BrokerUnderTest() }

  @Test func `administering codes come from this machine only`() {
    let header = CommandHeader(code: RequestCode.updateAndCreateTopic.rawValue, id: RequestID(1))
    let stranger = Requester(connection: 2, address: HostAddress(ipv4: 0x0A00_0001, port: 5))
    let reply = broker.answer(Command(header: header), from: stranger)
    #expect(reply.code == .noPermission)
    #expect(reply.remark?.contains("adminAllow") == true)
    let read = CommandHeader(code: RequestCode.getAllTopicConfig.rawValue, id: RequestID(1))
    #expect(broker.answer(Command(header: read), from: stranger).code == .success)
  }

  @Test func `a topic is made, written to the device, told and deleted with its offsets`() throws {
    let fields = ["topic": "New", "readQueueNums": "3", "writeQueueNums": "2", "perm": "4", "order": "true"]
    #expect(broker.ask(.updateAndCreateTopic, fields).code == .success)
    #expect(broker.heard.changed.withLock { $0 } == ["New"])
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    let config = stored.topics?.topics.first { $0.name == "New" }
    #expect(config?.readQueueCount == 3)
    #expect(config?.writeQueueCount == 2)
    #expect(config?.permission == .read)
    #expect(config?.isOrdered == false)
    broker.tables.offsets.withLock {
      _ = $0.commit(topic: Array("New".utf8).rawSpan, group: Array("g".utf8).rawSpan, queue: 0, offset: 4)
    }
    #expect(broker.ask(.deleteTopicInBroker, ["topic": "New"]).code == .success)
    #expect(broker.messages.content.withLock { $0.removed } == ["New"])
    #expect(broker.heard.deleted.withLock { $0 } == ["New"])
    let after = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(after.topics?.topics.contains { $0.name == "New" } == false)
    #expect(after.offsets?.entries.isEmpty == true)
    #expect(broker.ask(.deleteTopicInBroker, ["topic": "New"]).code == .success)
  }

  @Test(arguments: [
    ["readQueueNums": "-1"], ["writeQueueNums": "2147483647"], ["perm": "16"], ["perm": "x"], ["topic": "TBW102"],
    ["topic": "a/../b"], ["topic": ""], ["topic": String(repeating: "t", count: 128)], ["readQueueNums": "9999999999"],
  ])
  func `topics that cannot be are refused and leave nothing behind`(wrong: [String: String]) {
    let fields = ["topic": "New", "readQueueNums": "3", "writeQueueNums": "2", "perm": "6"]
    let before = broker.tables.topics.withLock { $0.version }
    let reply = broker.ask(.updateAndCreateTopic, fields.merging(wrong) { _, wrong in wrong })
    #expect(reply.code == .systemError)
    #expect(reply.remark?.isEmpty == false)
    #expect(broker.tables.topics.withLock { $0.version } == before)
  }

  @Test func `a heartbeat makes the group and its retry topic, once`() throws {
    let consumer = ConsumerData(
      group: "g", subscriptions: [SubscriptionData(topic: "T", expression: "a", version: 1)], unitMode: true)
    let data = HeartbeatData(clientID: "c1", producerGroups: ["p"], consumers: [consumer])
    #expect(broker.heartbeat(data).code == .success)
    #expect(broker.heartbeat(data).code == .success)
    #expect(broker.heard.changed.withLock { $0 } == ["%RETRY%g"])
    let retry = broker.tables.topics.withLock { $0.find("%RETRY%g") }
    #expect(retry?.config.writeQueueCount == 1)
    #expect(retry?.config.systemFlag == TopicConfig.unitSubscribedFlag)
    #expect(broker.tables.groups.withLock { $0.find("g") } != nil)
    let list = try ConsumerIDList(bytes: broker.ask(.getConsumerListByGroup, ["consumerGroup": "g"]).body)
    #expect(list.clientIDs == ["c1"])
    let notices = broker.tables.clients.withLock { $0.takeNotices() }
    #expect(notices == [.init(group: "g", connections: [1])])
  }

  @Test func `a client that came back over a new connection is one member`() throws {
    for (connection, id) in [(1, "a"), (2, "b"), (3, "a")] as [(UInt64, String)] {
      let consumer = ConsumerData(group: "g", subscriptions: [])
      #expect(broker.heartbeat(HeartbeatData(clientID: id, consumers: [consumer]), from: connection).code == .success)
    }
    let list = try ConsumerIDList(bytes: broker.ask(.getConsumerListByGroup, ["consumerGroup": "g"]).body)
    #expect(list.clientIDs == ["a", "b"])
  }

  @Test func `a heartbeat of a C++ client is understood`() {
    let body = #"""
      {"clientID":"c","consumerDataSet":[{"consumeFromWhere":0,"consumeType":1,"groupName":"g","messageModel":1,
      "subscriptionDataSet":[{"subString":"a || b","subVersion":"1795218712706","topic":"T"}]}]}
      """#
    #expect(broker.ask(.heartbeat, body: Array(body.utf8)).code == .success)
    let found = broker.tables.clients.withLock {
      $0.subscription(group: Array("g".utf8).rawSpan, topic: Array("T".utf8).rawSpan)
    }
    #expect(found?.version == 1_795_218_712_706)
    #expect(found?.filter?.tagHashes == [97, 98])
    #expect(broker.tables.clients.withLock { $0.profile(of: "g") }?.messageModel == .clustering)
  }

  @Test(arguments: [
    "", "{", "[]", "7", "null", #"{"clientID":[]}"#, #"{"clientID":"c","consumerDataSet":7}"#,
    #"{"clientID":"c","producerDataSet":[{"groupName":"p"},{"groupName":" "}]}"#,
    #"{"clientID":"c","consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"subVersion":"x","topic":"t"}]}]}"#,
    #"{"clientID":"","producerDataSet":[{"groupName":"p"}]}"#,
  ])
  func `a heartbeat that cannot be read registers nobody`(body: String) {
    let reply = broker.ask(.heartbeat, body: Array(body.utf8))
    #expect(reply.code == .systemError)
    #expect(broker.tables.clients.withLock { $0.consumers(of: "g") } == nil)
    #expect(broker.tables.clients.withLock { $0.producers(of: "p") } == nil)
  }

  @Test func `clients of other languages register groups with any characters`() {
    let data = HeartbeatData(
      clientID: "c", producerGroups: ["my.producer"],
      consumers: [ConsumerData(group: "my.consumer"), ConsumerData(group: "g")])
    #expect(broker.heartbeat(data).code == .success)
    #expect(broker.tables.clients.withLock { $0.producers(of: "my.producer") } == [1])
    for group in ["my.consumer", "g"] {
      #expect(broker.tables.clients.withLock { $0.consumers(of: group) } == [1], "\(group)")
    }
    // No settings and no retry topic are made under such a name.
    #expect(broker.tables.groups.withLock { $0.find("my.consumer") } == nil)
    #expect(broker.heard.changed.withLock { $0 } == ["%RETRY%g"])
    let tooLong = HeartbeatData(clientID: "c", producerGroups: [String(repeating: "p", count: 256)])
    #expect(broker.heartbeat(tooLong).code == .systemError)
  }

  @Test(arguments: [SubscriptionData.tagExpression, SubscriptionData.sqlExpression])
  func `a hundred thousand subscriptions are refused and leave nothing behind`(type: String) {
    let subscriptions = (0..<100_000).map {
      SubscriptionData(topic: "t\($0)", expression: "a = 1", expressionType: type)
    }
    let data = HeartbeatData(clientID: "c", consumers: [ConsumerData(group: "g", subscriptions: subscriptions)])
    let reply = broker.heartbeat(data)
    #expect(reply.code == .systemError)
    #expect(broker.tables.clients.withLock { $0.consumers(of: "g") } == nil)
    #expect(broker.tables.groups.withLock { $0.find("g") } == nil)
    #expect(broker.tables.filters.withLock { $0.count } == 0)
  }

  @Test func `a group whose retry topic would be too long has none`() {
    let group = String(repeating: "g", count: 200)
    #expect(broker.heartbeat(HeartbeatData(clientID: "c", consumers: [ConsumerData(group: group)])).code == .success)
    #expect(broker.heard.changed.withLock { $0 }.isEmpty)
  }

  @Test func `leaving groups tells the others`() {
    for connection in 1...2 {
      _ = broker.heartbeat(
        HeartbeatData(clientID: "c\(connection)", producerGroups: ["p"], consumers: [ConsumerData(group: "g")]),
        from: UInt64(connection))
    }
    _ = broker.tables.clients.withLock { $0.takeNotices() }
    let fields = ["clientID": "c1", "producerGroup": "p", "consumerGroup": "g"]
    #expect(broker.ask(.unregisterClient, fields).code == .success)
    #expect(broker.tables.clients.withLock { $0.takeNotices() } == [.init(group: "g", connections: [2])])
    #expect(broker.tables.clients.withLock { $0.producers(of: "p") } == [2])
  }

  @Test(arguments: ["-1", "2147483647", "-2147483648"])
  func `queues that cannot be are empty`(queue: String) {
    broker.topic("T")
    for code in [RequestCode.getMaxOffset, .getMinOffset] {
      #expect(broker.ask(code, ["topic": "T", "queueId": queue]).fields == [ReplyField("offset", 0)])
    }
    #expect(broker.ask(.getMaxOffset, ["topic": "../../etc", "queueId": "0"]).fields == [ReplyField("offset", 0)])
  }

  @Test func `an old queue without a commit has no offset`() {
    broker.topic("T")
    let queue = MessageQueue(topic: "T", brokerName: "fx-a", queueID: 0)
    let fields = ["topic": "T", "consumerGroup": "g", "queueId": "0"]
    broker.messages.content.withLock { $0.bounds[queue] = QueueBounds(min: QueueOffset(1), max: QueueOffset(5)) }
    #expect(broker.ask(.queryConsumerOffset, fields).code == .queryNotFound)
    broker.messages.content.withLock { content in
      content.bounds[queue] = QueueBounds(min: .zero, max: QueueOffset(5))
      content.isInMemory = false
    }
    #expect(broker.ask(.queryConsumerOffset, fields).code == .queryNotFound)
    broker.messages.content.withLock { $0.isInMemory = true }
    #expect(broker.ask(.queryConsumerOffset, fields).fields == [ReplyField("offset", 0)])
  }

  @Test func `a failing device is said, not hidden`() {
    broker.topic("T")
    broker.messages.content.withLock { $0.failure = DiskError(.exhausted, operation: "read", path: "/x") }
    for code in [RequestCode.getMaxOffset, .getTopicStatsInfo, .queryConsumerOffset] {
      let reply = broker.ask(code, ["topic": "T", "queueId": "0", "consumerGroup": "g"])
      #expect(reply.code == .systemError)
      #expect(reply.remark?.contains("/x") == true)
    }
  }

  @Test func `a group is made, written and deleted with its offsets`() throws {
    var config = SubscriptionGroupConfig(name: "g")
    config.consumeEnabled = false
    #expect(broker.ask(.updateAndCreateSubscriptionGroup, body: config.json.bytes()).code == .success)
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.groups?.groups.contains(config) == true)
    let told = try StoredSubscriptionGroups(
      json: JSONParser.parse(broker.ask(.getAllSubscriptionGroupConfig).body.rawSpan))
    #expect(told.groups.contains(config))
    #expect(told.version == broker.tables.groups.withLock { $0.version })
    broker.tables.offsets.withLock {
      _ = $0.commit(topic: Array("T".utf8).rawSpan, group: Array("g".utf8).rawSpan, queue: 0, offset: 4)
    }
    #expect(broker.ask(.deleteSubscriptionGroup, ["groupName": "g", "removeOffset": "false"]).code == .success)
    #expect(broker.tables.offsets.withLock { $0.pairCount } == 1)
    #expect(broker.ask(.deleteSubscriptionGroup, ["groupName": "g", "removeOffset": "TRUE"]).code == .success)
    #expect(broker.tables.offsets.withLock { $0.pairCount } == 0)
    #expect(broker.tables.groups.withLock { $0.find("g") } == nil)
  }

  @Test(arguments: ["{}", "x", #"{"groupName":"a b"}"#, #"{"groupName":"g","retryQueueNums":-1}"#])
  func `groups that cannot be are refused`(body: String) {
    #expect(broker.ask(.updateAndCreateSubscriptionGroup, body: Array(body.utf8)).code == .systemError)
    #expect(broker.tables.groups.withLock { $0.version.counter } == 0)
  }

  @Test func `changed settings take effect, are shown and written`() throws {
    let body = "autoCreateTopicEnable=false\nbrokerPermission=4\nlistenPort=7\nautoCreateSubscriptionGroup=false\n"
    let reply = broker.ask(.updateBrokerConfig, body: Array(body.utf8))
    #expect(reply.code == .success)
    #expect(reply.remark == "from the next start on: listenPort")
    #expect(broker.tables.topics.withLock { $0.rules.autoCreates } == false)
    #expect(broker.tables.groups.withLock { $0.autoCreates } == false)
    #expect(broker.heard.all.withLock { $0 } == 1)
    let shown = broker.ask(.getBrokerConfig)
    #expect(String(decoding: shown.body, as: UTF8.self).contains("\nbrokerPermission=4\n"))
    #expect(shown.fields.first?.name == "version")
    let version = try DataVersion(json: JSONParser.parse(shown.fields[0].value))
    #expect(version.counter == 1)
    var file = ConfigFile(path: "/conf/broker.conf")
    let written = try file.load(from: broker.disk) { bytes throws(DecodeError) in
      try PropertiesFile(parsing: bytes)
    }
    #expect(written?.value["brokerPermission"] == "4")
    #expect(written?.value["brokerClusterName"] == "FxCluster")
  }

  @Test func `what a change of settings does not bring is told`() {
    let body = "traceOn=false\nlistenPort=7\nbrokerIP2=a\nmaxDelayTime=9\nfileReservedTim=48\n"
    let reply = broker.ask(.updateBrokerConfig, body: Array(body.utf8))
    #expect(reply.code == .success)
    #expect(
      reply.remark
        == "from the next start on: listenPort, brokerIP2; without effect: maxDelayTime; "
        + "not known, not changed: fileReservedTim")
    #expect(broker.tables.settings.withLock { !$0.serving.traceOn })
  }

  @Test func `a setting that cannot be is refused by name`() {
    let reply = broker.ask(.updateBrokerConfig, body: Array("traceOn=false\nmaxMessageSize=big".utf8))
    #expect(reply.code == .systemError)
    #expect(reply.remark?.contains("maxMessageSize") == true)
    #expect(broker.tables.settings.withLock { $0.serving.traceOn })
  }

  @Test func `settings that cannot be written are not changed, and the refusal names the file`() {
    broker.disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .denied)])
    let body = Array("traceOn=false\nautoCreateTopicEnable=false".utf8)
    let refused = broker.ask(.updateBrokerConfig, body: body)
    #expect(refused.code == .systemError)
    #expect(refused.remark?.hasPrefix("the settings file /conf/broker.conf cannot be written") == true)
    #expect(broker.tables.settings.withLock { $0.serving.traceOn && $0.version.counter == 0 })
    #expect(broker.tables.topics.withLock { $0.rules.autoCreates })
    #expect(broker.ask(.updateBrokerConfig, body: body).code == .success)
    #expect(broker.tables.settings.withLock { !$0.serving.traceOn && $0.version.counter == 1 })
  }

  @Test func `of changes of settings made at once file and broker keep the same`() async throws {
    let access = AdminAccess(ownAddresses: [HostAddress(ipv4: 0x7F00_0001, port: 0)])
    let requester = broker.requester
    let answerer = try broker.handlers.answerer(for: .updateBrokerConfig, from: requester, access)
    guard case .handler(let handler, .ioThread) = answerer else {
      Issue.record("\(answerer)")
      return
    }
    for round in 0..<200 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for value in [2 * round + 1, 2 * round + 2] {
          group.addTask {
            let header = CommandHeader(code: RequestCode.updateBrokerConfig.rawValue, id: RequestID(1))
            let request = Command(header: header, body: Array("maxMessageSize=\(value)".utf8))
            _ = try handler.handle(request, from: requester)
          }
        }
        try await group.waitForAll()
      }
      var file = ConfigFile(path: "/conf/broker.conf")
      let written = try file.load(from: broker.disk) { bytes throws(DecodeError) in
        try PropertiesFile(parsing: bytes)
      }
      #expect(written?.value["maxMessageSize"] == broker.tables.settings.withLock { $0["maxMessageSize"] })
    }
  }

  @Test func `every code has one place to run`() {
    let served = Set(broker.handlers.codes.map(\.rawValue))
    let expected: Set<Int32> = [
      12, 14, 17, 21, 25, 26, 28, 29, 30, 31, 32, 33, 34, 35, 38, 41, 42, 43, 200, 201, 202, 203, 204, 207, 208, 215,
    ]
    #expect(expected.isSubset(of: served))
    // Declared by Java, and answered with 3 by Java too.
    #expect(served.isDisjoint(with: [13, 22, 23, 27, 209, 210, 211, 212, 213, 214, 301, 302]))
  }
}
