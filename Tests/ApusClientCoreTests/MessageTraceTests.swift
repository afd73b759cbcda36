import ApusBase
import Testing

@testable import ApusClientCore

@Suite struct MessageTraceTests {
  private static let id = "AC1415116D1418B4AAC217FE1B4E0000"
  private static let offsetID = "0A9A002600002A9F0000000000002329"

  private static func sent(
    _ id: String = id, region: String = "DefaultRegion", keys: String? = "Keys"
  ) -> MessageTrace {
    .published(
      MessageTrace.Published(
        MessageTrace.Told(
          time: 1_795_219_489_633, region: region, group: "PID-test", topic: "topic-test", messageID: id, tag: "Tags",
          keys: keys, storeHost: "127.0.0.1:10911"),
        bodyBytes: 26, cost: 245, kind: .normal, offsetMessageID: offsetID, isSuccess: true))
  }

  private static let call = MessageTrace.Consuming(
    time: 1_795_219_489_633, region: "DefaultRegion", group: "CID-test", requestID: "R",
    items: [
      MessageTrace.Item(messageID: id, retryTimes: 2, keys: "a b"),
      MessageTrace.Item(messageID: "second", retryTimes: 0, keys: nil),
    ])

  /// Records with `|` for byte 1 and `;` for byte 2.
  private func text(_ trace: MessageTrace, isCloud: Bool = false) -> String {
    var output = ByteWriter(capacity: 100)
    trace.encode(isCloud: isCloud, into: &output)
    return String(decoding: output.array.map { $0 == 1 ? 0x7C : $0 == 2 ? 0x3B : $0 }, as: UTF8.self)
  }

  @Test func `records have Java's fields in its order`() {
    #expect(
      text(Self.sent())
        == "Pub|1795219489633|DefaultRegion|PID-test|topic-test|\(Self.id)|Tags|Keys|127.0.0.1:10911|26|245|0|"
        + "\(Self.offsetID)|true;")
    #expect(
      text(.consuming(Self.call))
        == "SubBefore|1795219489633|DefaultRegion|CID-test|R|\(Self.id)|2|a b;"
        + "SubBefore|1795219489633|DefaultRegion|CID-test|R|second|0|null;")
    let end = MessageTrace.consumed(
      MessageTrace.Consumed(Self.call, cost: 7, outcome: .failed, isSuccess: false, time: 99))
    #expect(
      text(end) == "SubAfter|R|\(Self.id)|7|false|a b|4|99|CID-test;SubAfter|R|second|7|false|null|4|99|CID-test;")
    #expect(text(end, isCloud: true) == "SubAfter|R|\(Self.id)|7|false|a b|4|SubAfter|R|second|7|false|null|4|")
    let transaction = MessageTrace.transactionEnded(
      MessageTrace.TransactionEnded(
        MessageTrace.Told(
          time: 5, region: "r", group: "g", topic: "t", messageID: "m", tag: nil, keys: "k", storeHost: "h:1"),
        transactionID: "x", state: "COMMIT_MESSAGE", isAnswer: false))
    #expect(text(transaction) == "EndTransaction|5|r|g|t|m|null|k|h:1|2|x|COMMIT_MESSAGE|false;")
  }

  @Test func `traces of one region share a message, and its words are given once`() {
    let items = TraceMessages.make(of: [Self.sent("1"), Self.sent("2"), Self.sent("1", keys: nil)])
    #expect(items.count == 1)
    #expect(items[0].words == ["1", "Keys", "2"])
    #expect(items[0].body.count { $0 == 2 } == 3)
    let regions = [Self.sent("1", region: "a"), Self.sent("2", region: "b"), Self.sent("3", region: "a")]
    #expect(TraceMessages.make(of: regions).count == 1)
    #expect(TraceMessages.make(of: regions, isCloud: true).map(\.words) == [["1", "Keys", "3"], ["2", "Keys"]])
    #expect(TraceMessages.make(of: []).isEmpty)
  }

  @Test func `no message is longer than its limits, and no trace is lost`() {
    let long = String(repeating: "k", count: 1_000)
    let traces = (0..<200).map { Self.sent("id\($0)", keys: long + "\($0)") }
    let items = TraceMessages.make(of: traces)
    #expect(items.count > 1)
    for item in items {
      #expect(item.body.count <= TraceMessages.bodyLimit)
      #expect(item.words.reduce(0) { $0 + $1.utf8.count + 1 } <= TraceMessages.wordsLimit)
    }
    #expect(items.flatMap(\.body).count { $0 == 2 } == 200)
    #expect(Set(items.flatMap(\.words)).count == 400)
    let huge = TraceMessages.make(of: [Self.sent(keys: String(repeating: "k", count: 200_000)), Self.sent("2")])
    #expect(huge.map(\.words) == [[Self.id], ["2", "Keys"]])
  }
}
