import ApusBase
import ApusModel
import Testing

@testable import ApusBrokerCore

@Suite struct TopicsTests {
  let now = WallTime(milliseconds: 1_795_219_541_931)

  func topics(_ change: (inout Topics.Rules) -> Void = { _ in }) -> Topics {
    var rules = Topics.Rules(cluster: "FxCluster", broker: "fx-a")
    change(&rules)
    return Topics(rules: rules, now: now)
  }

  @Test func `starts with the topics that every Java broker has`() throws {
    let stored = try StoredTopics(json: JSONParser.parse(Fixture.text("config-json/store-4.9.8.topics.json")))
    let recorded = Dictionary(uniqueKeysWithValues: stored.topics.map { ($0.name, $0) })
    let fresh = Topics(rules: Topics.Rules(cluster: "FxCluster", broker: "fx-st"), now: now)
    #expect(fresh.count == 8)
    for topic in fresh.all { #expect(topic.config == recorded[topic.name], "\(topic.name)") }
    #expect(fresh.version == DataVersion(timestamp: now))
  }

  @Test func `makes the trace topic only when asked, closes the cluster's and the broker's when told`() throws {
    #expect(topics().find("RMQ_SYS_TRACE_TOPIC") == nil)
    let other = topics {
      $0.traceTopic = "RMQ_SYS_TRACE_TOPIC"
      $0.clusterTopicEnabled = false
      $0.brokerTopicEnabled = false
    }
    #expect(other.find("RMQ_SYS_TRACE_TOPIC")?.config.writeQueueCount == 1)
    #expect(other.find("FxCluster")?.config.permission == .inherit)
    #expect(other.find("fx-a")?.config.permission == .inherit)
  }

  @Test(arguments: ["config-json/topics.json", "config-json/store-4.9.8.topics.json"])
  func `a Java broker's file comes back as it was`(path: String) throws {
    let json = try JSONParser.parse(Fixture.text(path))
    let stored = try StoredTopics(json: json)
    let table = Topics(rules: Topics.Rules(cluster: "FxCluster", broker: "fx-a"), stored: stored, now: now)
    let written = try StoredTopics(json: JSONParser.parse(table.json.text(.pretty)))
    #expect(written.version == stored.version)
    let names = Set(stored.topics.map(\.name))
    #expect(Set(written.topics.filter { names.contains($0.name) }) == Set(stored.topics))
    #expect(table.find("TBW102")?.config.permission.rawValue == 7)
  }

  @Test func `writes a topic byte for byte as Java does`() throws {
    var table = topics()
    table.update(TopicConfig(name: "T", readQueueCount: 8, writeQueueCount: 8), now: now)
    let text = table.json.text(.pretty)
    #expect(text.hasPrefix("{\n\t\"dataVersion\":{\n\t\t\"counter\":1,\n\t\t\"timestamp\":1795219541931\n\t},\n"))
    #expect(
      text.contains(
        "\t\t\"T\":{\n\t\t\t\"order\":false,\n\t\t\t\"perm\":6,\n\t\t\t\"readQueueNums\":8,\n"
          + "\t\t\t\"topicFilterType\":\"SINGLE_TAG\",\n\t\t\t\"topicName\":\"T\",\n\t\t\t\"topicSysFlag\":0,\n"
          + "\t\t\t\"writeQueueNums\":8\n\t\t}"))
  }

  @Test(arguments: [(4, 4), (8, 8), (100, 8), (0, 1), (-3, 1), (.max, 8)] as [(Int32, Int32)])
  func `a send makes its topic with the fewer of the wished and the template's queues`(
    wished: Int32, given: Int32
  ) throws {
    var table = topics()
    let made = try table.forSend(
      to: "New", defaultTopic: "TBW102", defaultQueueCount: wished, unitMode: false, now: now)
    #expect(made.isNew)
    #expect(made.topic.config.readQueueCount == given)
    #expect(made.topic.config.writeQueueCount == given)
    #expect(made.topic.config.permission == .readWrite)
    #expect(table.version.counter == 1)
    let again = try table.forSend(
      to: "New", defaultTopic: "TBW102", defaultQueueCount: 1, unitMode: false, now: now)
    #expect(!again.isNew)
    #expect(again.topic === made.topic)
    #expect(table.version.counter == 1)
  }

  @Test func `no topic is made from a template that is missing, closed or does not pass on`() {
    var table = topics()
    for template in ["Nothing", "", "BenchmarkTest"] {
      #expect(throws: Topics.Missing.notCreated) {
        try table.forSend(to: "New", defaultTopic: template, defaultQueueCount: 4, unitMode: false, now: now)
      }
    }
    var manual = topics { $0.autoCreates = false }
    #expect(manual.find("TBW102") == nil)
    #expect(throws: Topics.Missing.notCreated) {
      try manual.forSend(to: "New", defaultTopic: "TBW102", defaultQueueCount: 4, unitMode: false, now: now)
    }
    manual.update(TopicConfig(name: "TBW102", permission: Permission(rawValue: 7)), now: now)
    #expect(throws: Topics.Missing.notCreated) {
      try manual.forSend(to: "New", defaultTopic: "TBW102", defaultQueueCount: 4, unitMode: false, now: now)
    }
    #expect(table.find("New") == nil)
  }

  @Test func `a retry topic is made where topics are not, with one queue`() throws {
    var manual = topics { $0.autoCreates = false }
    let made = try manual.forSend(
      to: "%RETRY%g", defaultTopic: "TBW102", defaultQueueCount: 4, unitMode: true, now: now)
    #expect(made.topic.config.writeQueueCount == 1)
    #expect(made.topic.config.permission == .readWrite)
    #expect(made.topic.config.systemFlag == TopicConfig.unitSubscribedFlag)
  }

  @Test func `a topic that exists takes on a unit flag and keeps the rest`() throws {
    var table = topics()
    let first = try table.ensure("%RETRY%g", queueCount: 2, now: now)
    #expect(try table.ensure("%RETRY%g", queueCount: 5, now: now) === first)
    let flagged = try table.ensure(
      "%RETRY%g", queueCount: 5, systemFlag: TopicConfig.unitSubscribedFlag, now: now)
    #expect(flagged.id == first.id)
    #expect(flagged.config.writeQueueCount == 2)
    #expect(flagged.config.systemFlag == TopicConfig.unitSubscribedFlag)
    #expect(table.version.counter == 2)
  }

  @Test func `numbers stay with a topic and are never given twice`() {
    var table = topics()
    let first = table.update(TopicConfig(name: "A"), now: now)
    #expect(table.update(TopicConfig(name: "A", readQueueCount: 3), now: now).id == first.id)
    #expect(table.delete("A", now: now)?.id == first.id)
    #expect(table.delete("A", now: now) == nil)
    #expect(table.update(TopicConfig(name: "A"), now: now).id == first.id + 1)
    #expect(table.version.counter == 4)
  }

  @Test func `orders exactly the topics that name servers list`() {
    var table = topics()
    table.update(TopicConfig(name: "A"), now: now)
    #expect(table.applyOrder(["A", "Unknown"], now: now) == true)
    #expect(table.find("A")?.config.isOrdered == true)
    #expect(table.applyOrder(["A"], now: now) == false)
    table.update(TopicConfig(name: "A", readQueueCount: 2), now: now)
    #expect(table.find("A")?.config.isOrdered == true)
    #expect(table.applyOrder([], now: now) == true)
    #expect(table.find("A")?.config.isOrdered == false)
  }

  @Test func `a topic that is made after its order configuration is ordered`() throws {
    var table = topics()
    #expect(table.applyOrder(["A", "B", "Unknown"], now: now) == false)
    table.update(TopicConfig(name: "A"), now: now)
    #expect(table.find("A")?.config.isOrdered == true)
    let sent = try table.forSend(
      to: "B", defaultTopic: "TBW102", defaultQueueCount: 4, unitMode: false, now: now)
    #expect(sent.topic.config.isOrdered)
    #expect(table.applyOrder(["A"], now: now) == true)
    _ = table.delete("B", now: now)
    table.update(TopicConfig(name: "B"), now: now)
    #expect(table.find("B")?.config.isOrdered == false)
  }

  @Test func `knows its own topics`() {
    let table = topics()
    for name in ["TBW102", "FxCluster", "fx-a", "FxCluster_REPLY_TOPIC", "rmq_sys_x", "RMQ_SYS_TRANS_HALF_TOPIC"] {
      #expect(table.isSystem(name), "\(name)")
    }
    for name in ["Orders", "%RETRY%g", "fx-b"] { #expect(!table.isSystem(name), "\(name)") }
  }

  @Test func `stops at its limit`() throws {
    var table = topics { $0.limit = 10 }
    while table.count < 10 { _ = try table.ensure("t\(table.count)", queueCount: 1, now: now) }
    #expect(throws: Topics.Missing.full) { try table.ensure("more", queueCount: 1, now: now) }
    #expect(throws: Topics.Missing.full) {
      try table.forSend(to: "more", defaultTopic: "TBW102", defaultQueueCount: 4, unitMode: false, now: now)
    }
  }

  @Test(arguments: [
    #"{"topicConfigTable":{"x":{"topicName":""}}}"#,
    #"{"topicConfigTable":{"x":{}}}"#,
    #"{"topicConfigTable":{"x":{"topicName":"x","readQueueNums":-1}}}"#,
    #"{"topicConfigTable":{"x":{"topicName":"x","writeQueueNums":99999999}}}"#,
    #"{"topicConfigTable":{"x":{"topicName":"x","perm":"many"}}}"#,
  ])
  func `refuses a file that cannot be`(text: String) throws {
    let json = try JSONParser.parse(text)
    #expect(throws: DecodeError.self) { try StoredTopics(json: json) }
  }

  @Test func `a queue that is gone has another in its place`() {
    let topic = Topic(id: 0, config: TopicConfig(name: "T", readQueueCount: 4, writeQueueCount: 3))
    let queues = (0..<9 as Range<Int32>).map { topic.queue(insteadOf: $0) }
    #expect(queues == [0, 1, 2, 3, 0, 1, 2, 3, 0])
    let none = Topic(id: 1, config: TopicConfig(name: "U", readQueueCount: 0, writeQueueCount: 0))
    #expect(none.queue(insteadOf: 7) == 7)
  }

  @Test func `a Java broker's retry topic of a group with a long name keeps no store from opening`() throws {
    let (longest, tooLong) = (String(repeating: "g", count: 120), String(repeating: "g", count: 121))
    let members = [longest, tooLong].map { "\"%RETRY%\($0)\":{\"topicName\":\"%RETRY%\($0)\"}" }
    let stored = try StoredTopics(
      json: JSONParser.parse("{\"topicConfigTable\":{\(members.joined(separator: ","))}}"))
    #expect(stored.topics.map(\.name) == ["%RETRY%" + longest])
  }
}
