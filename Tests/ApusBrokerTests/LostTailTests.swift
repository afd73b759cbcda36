import ApusBase
import ApusModel
import ApusProtocol
import Foundation
import Testing

@testable import ApusBroker

/// What files of a store say that a power loss left ahead of its log.
@Suite(.timeLimit(.minutes(10))) struct LostTailTests {
  private func offset(_ client: TestClient, _ topic: String, _ group: String) throws -> String? {
    try client.ask(
      .queryConsumerOffset,
      [ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", 0)])["offset"]
  }

  /// A store with two messages of topic T, left by a process that was killed, whose file of offsets is replaced.
  private func store(offsets: String) throws -> String {
    let served = try ServedBroker()
    let client = try served.client()
    for body in ["one", "two"] { #expect(try client.send(body, to: "T").responseCode == .success) }
    let left = try served.killed()
    try FileManager.default.createDirectory(atPath: left + "/config", withIntermediateDirectories: true)
    try offsets.write(toFile: left + "/config/consumerOffset.json", atomically: false, encoding: .utf8)
    return left
  }

  @Test func `a group that consumed what was lost misses none of what comes next`() throws {
    let left = try store(
      offsets: #"{"offsetTable":{"T@ahead":{0:9},"T@behind":{0:1},"T@level":{0:2},"Lost@ahead":{0:3}}}"#)
    let served = try ServedBroker(last: left)
    let client = try served.client()
    #expect(try offset(client, "T", "ahead") == "2")
    #expect(try offset(client, "T", "behind") == "1")
    #expect(try offset(client, "T", "level") == "2")
    #expect(try offset(client, "Lost", "ahead") == "0")
    // It is on the device before new messages come: the next start cannot tell those from the lost ones.
    let kept = try String(contentsOfFile: left + "/config/consumerOffset.json", encoding: .utf8)
    #expect(!kept.contains("9"))
  }

  @Test func `after a stop in order offsets stay as they are`() throws {
    let left = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker(kept: left)
      let client = try served.client()
      #expect(try client.send("one", to: "T").responseCode == .success)
      // Tools set offsets to where they want.
      let told = [
        ReplyField("consumerGroup", "g"), ReplyField("topic", "T"), ReplyField("queueId", 0),
        ReplyField("commitOffset", 5),
      ]
      #expect(try client.ask(.updateConsumerOffset, told).responseCode == .success)
    }
    let served = try ServedBroker(last: left)
    #expect(try offset(served.client(), "T", "g") == "5")
  }

  @Test func `counts of questions about half messages that were lost are forgotten`() throws {
    let left = try store(offsets: "{}")
    try #"{"checks":[[0,0,15]]}"#.write(
      toFile: left + "/config/transactionChecks.json", atomically: false, encoding: .utf8)
    let served = try ServedBroker(last: left)
    let kept = try String(contentsOfFile: left + "/config/transactionChecks.json", encoding: .utf8)
    #expect(!kept.contains("15"))
    withExtendedLifetime(served) {}
  }

  @Test func `a topic whose settings a kill took is made again, as it has messages`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    for (body, queue) in [("one", 0), ("two", 3)] {
      #expect(try client.send(body, to: "T", queue: Int32(queue)).responseCode == .success)
    }
    let left = try served.killed()
    try? FileManager.default.removeItem(atPath: left + "/config/topics.json")
    try? FileManager.default.removeItem(atPath: left + "/config/topics.json.bak")
    let next = try ServedBroker(last: left)
    let kept = try String(contentsOfFile: left + "/config/topics.json", encoding: .utf8)
    #expect(kept.contains("\"T\""))
    #expect(try next.client().send("three", to: "T", queue: 3).responseCode == .success)
  }

  @Test func `a deleted topic stays deleted when the broker is killed at once`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    #expect(try client.send("one", to: "T").responseCode == .success)
    #expect(try client.ask(.deleteTopicInBroker, [ReplyField("topic", "T")]).responseCode == .success)
    let next = try ServedBroker(last: try served.killed())
    let bounds = [ReplyField("topic", "T"), ReplyField("queueId", 0)]
    #expect(try next.client().ask(.getMaxOffset, bounds)["offset"] != "1")
  }
}
