import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// The topic that clients record their traces in.
@Suite(.timeLimit(.minutes(10))) struct TraceTopicTests {
  /// What a Java producer records of one send.
  private static let record =
    [
      "Pub", "1795219489633", "DefaultRegion", "pg", "Orders", "7F0000010001", "TagA", "k1", "127.0.0.1:10911", "5",
      "3",
    ]
    .joined(separator: "\u{1}") + "\u{1}0\u{1}7F00000100002A9F0000000000000000\u{1}true\u{2}"

  private func topic(_ client: TestClient, _ name: String) throws -> TopicConfig? {
    try TopicTable(bytes: try client.ask(.getAllTopicConfig).body).topics.first { $0.name == name }
  }

  @Test(arguments: ["RMQ_SYS_TRACE_TOPIC", "MyTraces"])
  func `the topic is there with one queue, and records flow through`(name: String) throws {
    let served = try ServedBroker([
      ("traceTopicEnable", "true"), ("msgTraceTopicName", name), ("autoCreateTopicEnable", "false"),
    ])
    let client = try served.client()
    let config = try #require(try topic(client, name))
    #expect(config.readQueueCount == 1)
    #expect(config.writeQueueCount == 1)
    #expect(config.permission == .readWrite)
    #expect(try client.send(Self.record, to: name, [("KEYS", "7F0000010001 k1")]).responseCode == .success)
    #expect(try client.pull(name).map(\.body) == [Self.record])
    let found = try client.ask(
      .queryMessage,
      [
        ReplyField("topic", name), ReplyField("key", "7F0000010001"), ReplyField("maxNum", 32),
        ReplyField("beginTimestamp", 0), ReplyField("endTimestamp", Int64.max),
      ])
    // The index follows the log: it may not have come to the record yet.
    #expect(found.responseCode == .success || found.responseCode == .queryNotFound)
  }

  @Test func `switched off the topic is made by the first record, where topics are made`() throws {
    let open = try ServedBroker()
    let client = try open.client()
    #expect(try topic(client, "RMQ_SYS_TRACE_TOPIC") == nil)
    #expect(try client.send(Self.record, to: "RMQ_SYS_TRACE_TOPIC").responseCode == .success)
    let closed = try ServedBroker([("autoCreateTopicEnable", "false")])
    #expect(
      try closed.client().send(Self.record, to: "RMQ_SYS_TRACE_TOPIC").responseCode == .topicNotExist)
  }
}
