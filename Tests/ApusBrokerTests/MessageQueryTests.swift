import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// Lookups of messages by their keys, through a whole broker.
@Suite(.timeLimit(.minutes(10))) struct MessageQueryTests {
  @Test func `an answer is no longer than clients take, and holds the newest messages`() throws {
    let served = try ServedBroker([("mappedFileSizeCommitLog", "16777216")])
    let client = try served.client()
    let body = String(repeating: "x", count: 3_900_000)
    for number in 0..<5 {
      let sent = try client.send(body, to: "T", [("KEYS", "k"), ("UNIQ_KEY", "u\(number)")])
      #expect(sent.responseCode == .success)
    }
    let answer = try client.ask(
      .queryMessage,
      [
        ReplyField("topic", "T"), ReplyField("key", "k"), ReplyField("maxNum", 32),
        ReplyField("beginTimestamp", 0), ReplyField("endTimestamp", Int64.max),
      ])
    #expect(answer.responseCode == .success)
    #expect(answer.body.count < 16 << 20)
    let found = try TestClient.records(answer.body)
    #expect(found.map { $0.properties["UNIQ_KEY"] ?? "" } == ["u1", "u2", "u3", "u4"])
  }

  @Test func `what has the same hash in another topic is not given`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    // Java's hashes of both names are the same, and so are those of names and key.
    for topic in ["TopicAa", "TopicBB"] {
      #expect(try client.send(topic, to: topic, [("KEYS", "k")]).responseCode == .success)
      let answer = try client.ask(
        .queryMessage,
        [
          ReplyField("topic", topic), ReplyField("key", "k"), ReplyField("maxNum", 32),
          ReplyField("beginTimestamp", 0), ReplyField("endTimestamp", Int64.max),
        ])
      #expect(answer.responseCode == .success)
      #expect(try TestClient.records(answer.body).map(\.body) == [topic])
    }
  }
}
