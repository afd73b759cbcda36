import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct ConsumerOffsetsTests {
  @discardableResult
  func commit(
    _ offsets: inout ConsumerOffsets, _ topic: String, _ group: String, _ queue: Int32, _ offset: Int64
  ) -> ConsumerOffsets.CommitOutcome {
    offsets.commit(
      topic: Array(topic.utf8).rawSpan, group: Array(group.utf8).rawSpan, queue: queue, offset: offset)
  }

  @Test func `tells what was committed last, also when it lies further back`() {
    var offsets = ConsumerOffsets()
    #expect(commit(&offsets, "T", "g", 0, 10) == .committed)
    #expect(commit(&offsets, "T", "g", 1, 20) == .committed)
    #expect(commit(&offsets, "T", "g", 0, 4) == .committed)
    #expect(offsets.offset(topic: "T", group: "g", queue: 0) == 4)
    #expect(offsets.offsets(topic: "T", group: "g") == [0: 4, 1: 20])
    #expect(offsets.offset(topic: "T", group: "g", queue: 2) == nil)
    #expect(offsets.offset(topic: "T", group: "h", queue: 0) == nil)
    #expect(offsets.changes == 3)
    #expect(offsets.pairCount == 1)
  }

  @Test(
    arguments: [
      (-1, 0), (65_536, 0), (.max, 0), (.min, 0), (0, -1), (0, .min),
    ] as [(Int32, Int64)])
  func `refuses queues and offsets that cannot be`(queue: Int32, offset: Int64) {
    var offsets = ConsumerOffsets()
    #expect(commit(&offsets, "T", "g", queue, offset) == .outOfRange)
    #expect(offsets.changes == 0)
  }

  @Test func `nobody is beyond the end of a queue that lost its newest messages`() {
    var offsets = ConsumerOffsets()
    commit(&offsets, "T", "g", 0, 10)
    commit(&offsets, "T", "g", 1, 20)
    commit(&offsets, "T", "h", 0, 3)
    commit(&offsets, "Gone", "g", 0, 1)
    let before = offsets.changes
    let taken = offsets.takeBack { topic, queue in topic == "T" ? [0: 4, 1: 20][queue] ?? 0 : 0 }
    #expect(taken.count == 2)
    #expect(taken.contains(.init(topic: "T", group: "g", queue: 0, from: 10, end: 4)))
    #expect(taken.contains(.init(topic: "Gone", group: "g", queue: 0, from: 1, end: 0)))
    #expect(offsets.offsets(topic: "T", group: "g") == [0: 4, 1: 20])
    #expect(offsets.offset(topic: "T", group: "h", queue: 0) == 3)
    #expect(offsets.offset(topic: "Gone", group: "g", queue: 0) == 0)
    #expect(offsets.changes > before)
    #expect(offsets.takeBack { _, _ in 4 }.map(\.queue) == [1])
  }

  @Test func `stops at its limit but keeps serving what it knows`() {
    var offsets = ConsumerOffsets(limit: 2)
    commit(&offsets, "A", "g", 0, 1)
    commit(&offsets, "B", "g", 0, 1)
    #expect(commit(&offsets, "C", "g", 0, 1) == .full)
    #expect(commit(&offsets, "A", "g", 7, 1) == .committed)
    offsets.remove(topic: "B", group: "g")
    #expect(commit(&offsets, "C", "g", 0, 1) == .committed)
  }

  @Test func `finds topics by group and groups by topic`() {
    var offsets = ConsumerOffsets()
    commit(&offsets, "B", "g", 0, 1)
    commit(&offsets, "A", "g", 0, 1)
    commit(&offsets, "A", "f", 0, 1)
    #expect(offsets.topics(ofGroup: "g") == ["A", "B"])
    for (group, topics) in offsets.topicsByGroup { #expect(topics == offsets.topics(ofGroup: group)) }
    #expect(offsets.topicsByGroup["g"] == ["A", "B"])
    #expect(offsets.groups(ofTopic: "A") == ["f", "g"])
    offsets.remove(group: "g")
    #expect(offsets.topics(ofGroup: "g") == [])
    #expect(offsets.groups(ofTopic: "A") == ["f"])
    #expect(offsets.pairCount == 1)
    offsets.remove(topic: "A")
    #expect(offsets.pairCount == 0)
  }

  @Test func `a copy takes over another group's queues and keeps its own`() {
    var offsets = ConsumerOffsets()
    commit(&offsets, "T", "from", 0, 5)
    commit(&offsets, "T", "from", 1, 6)
    commit(&offsets, "T", "to", 1, 9)
    commit(&offsets, "T", "to", 2, 7)
    offsets.copy(fromGroup: "from", toGroup: "to", topic: "T")
    #expect(offsets.offsets(topic: "T", group: "to") == [0: 5, 1: 6, 2: 7])
    offsets.copy(fromGroup: "nobody", toGroup: "to", topic: "T")
    #expect(offsets.offsets(topic: "T", group: "to") == [0: 5, 1: 6, 2: 7])
  }

  @Test func `a copy makes no pair more than there may be`() {
    var offsets = ConsumerOffsets(limit: 2)
    commit(&offsets, "T", "from", 0, 5)
    let copied = ["to", "third", "to"].map { offsets.copy(fromGroup: "from", toGroup: $0, topic: "T") }
    #expect(copied == [true, false, true])
    #expect(offsets.pairCount == 2)
  }

  @Test func `a snapshot does not see later commits`() {
    var offsets = ConsumerOffsets()
    commit(&offsets, "T", "g", 0, 1)
    let snapshot = offsets
    commit(&offsets, "T", "g", 0, 2)
    commit(&offsets, "T", "h", 0, 2)
    #expect(snapshot.offsets(topic: "T", group: "g") == [0: 1])
    #expect(snapshot.groups(ofTopic: "T") == ["g"])
  }

  @Test(arguments: ["config-json/consumerOffset.json", "config-json/store-4.9.8.consumerOffset.json"])
  func `a Java broker's file comes back as it was`(path: String) throws {
    let stored = try StoredConsumerOffsets(json: JSONParser.parse(Fixture.text(path)))
    #expect(!stored.entries.isEmpty)
    let offsets = ConsumerOffsets(stored: stored)
    #expect(offsets.changes == 0)
    let text = offsets.json.text(.pretty)
    #expect(Set(try StoredConsumerOffsets(json: JSONParser.parse(text)).entries) == Set(stored.entries))
    for line in try Fixture.text(path).split(separator: "\n") where line.contains("@") {
      #expect(text.contains(line), "\(line)")
    }
  }

  @Test(arguments: [
    #"{"offsetTable":{"nothing":{0:1}}}"#, #"{"offsetTable":{"t@g":{x:1}}}"#, #"{"offsetTable":{"t@g":{0:"far"}}}"#,
  ])
  func `refuses a file that cannot be`(text: String) throws {
    let json = try JSONParser.parse(text)
    #expect(throws: DecodeError.self) { try StoredConsumerOffsets(json: json) }
  }

  @Test func `leaves out what nobody can want`() throws {
    let json = try JSONParser.parse(#"{"offsetTable":{"t@g":{-1:5,0:-1,1:2,70000:3}}}"#)
    #expect(try StoredConsumerOffsets(json: json).entries.map(\.queues) == [[1: 2]])
  }
}
