import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Messages that are delivered later, through a whole broker. Brokers over kept stores run one after the other, as a
/// child process may hold a parent's lock for a moment.
@Suite(.serialized, .timeLimit(.minutes(10))) struct DelayTests {
  private static let levels = [("messageDelayLevel", "0s 1s 1h")]

  @Test func `a delayed message is stored and delivered with what Java stores`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    let java = try #require(try JavaStore.messages(of: "SCHEDULE_TOPIC_XXXX").first { $0.keys == "delay1" })
    let sent = ["KEYS", "UNIQ_KEY", "DELAY", "WAIT", "TAGS"].map { ($0, java.properties[$0] ?? "") }
    let answer = try client.send("x", to: "FxDelay", queue: 1, sent + [("REAL_TOPIC", "elsewhere")], reconsumed: 2)
    #expect(answer.responseCode == .success)
    #expect(answer["queueId"] == "1")
    #expect(answer["queueOffset"] == "0")
    let waiting = try client.record(at: try answer.recordOffset)
    #expect(waiting.properties == java.properties)
    let delivered = try #require(try client.pull("FxDelay", queue: 1).first)
    #expect(delivered.properties == java.properties)
    #expect(delivered.body == "x")
    #expect(delivered.flag == 7)
    #expect(delivered.reconsumeTimes == 2)
    #expect(delivered.bornTime == waiting.bornTime)
    #expect(delivered.queueOffset == 0)
    #expect(delivered.offset > waiting.offset)
  }

  @Test func `a message comes after its delay and in order`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    var stored: [Int64] = []
    for number in 0..<3 {
      let answer = try client.send("\(number)", to: "FxDelay", [("DELAY", "2")])
      stored.append(try client.record(at: try answer.recordOffset).storeTime)
    }
    var delivered: [Received] = []
    while delivered.count < 3 { delivered += try client.pull("FxDelay", from: Int64(delivered.count)) }
    #expect(delivered.map(\.body) == ["0", "1", "2"])
    #expect(zip(delivered, stored).allSatisfy { $0.storeTime >= $1 + 1000 })
  }

  @Test func `a level above the last is the last, and none is no delay`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    let answer = try client.send("x", to: "FxDelay", [("DELAY", "99")])
    #expect(try client.record(at: try answer.recordOffset).properties["DELAY"] == "3")
    #expect(try client.end("SCHEDULE_TOPIC_XXXX", queue: 2) == 1)
    for level in ["0", "-3"] {
      #expect(try client.send("plain", to: "FxDelay", [("DELAY", level)]).responseCode == .success)
    }
    #expect(try client.end("FxDelay") == 2)
    #expect(try client.send("x", to: "FxDelay", [("DELAY", "soon")]).responseCode == .messageIllegal)
  }

  @Test func `a restart loses nothing and repeats nothing`() throws {
    let store = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: store) } catch { print(error) } }
    do {
      let served = try ServedBroker(Self.levels, kept: store)
      let client = try served.client()
      _ = try client.send("now", to: "FxDelay", [("DELAY", "1")])
      _ = try client.pull("FxDelay")
      let offsets = try client.ask(.getAllDelayOffset)
      #expect(String(decoding: offsets.body, as: UTF8.self) == #"{"offsetTable":{1:1}}"#)
      // Due behind the stop, or, on a machine that stands still for a second, before it.
      _ = try client.send("later", to: "FxDelay", [("DELAY", "2")])
    }
    do {
      let served = try ServedBroker(Self.levels, kept: store)
      let client = try served.client()
      #expect(try client.pull("FxDelay", from: 1).map(\.body) == ["later"])
      #expect(try client.end("FxDelay") == 2)
    }
    let file = try String(contentsOfFile: store + "/config/delayOffset.json", encoding: .utf8)
    #expect(file.filter { !$0.isWhitespace } == #"{"offsetTable":{1:1,2:1}}"#)
  }

  @Test func `an entry that points to a message of another queue delivers nothing`() throws {
    let store = ServedBroker.newDirectory()
    defer { do { try FileManager.default.removeItem(atPath: store) } catch { print(error) } }
    do {
      let served = try ServedBroker(Self.levels, kept: store)
      let client = try served.client()
      _ = try client.send("now", to: "FxDelay", [("DELAY", "1")])
      _ = try client.pull("FxDelay")
      _ = try client.send("later", to: "FxDelay", [("DELAY", "3")])
    }
    // Where the delivered message lies, and that it is due.
    func file(_ queue: String) -> URL {
      URL(fileURLWithPath: store + "/consumequeue/" + queue + "/00000000000000000000")
    }
    let delivered = try #require(try FileHandle(forReadingFrom: file("FxDelay/0")).read(upToCount: 12))
    let waiting = try FileHandle(forUpdating: file("SCHEDULE_TOPIC_XXXX/2"))
    try waiting.write(contentsOf: delivered + Data(count: 8))
    try waiting.close()
    let served = try ServedBroker(Self.levels, kept: store)
    let client = try served.client()
    try Patience.wait {
      String(decoding: try client.ask(.getAllDelayOffset).body, as: UTF8.self).contains("3:1")
    }
    #expect(try client.end("FxDelay") == 1)
  }

  @Test func `what a Java broker left behind is delivered`() throws {
    let store = try JavaStore()
    let served = try ServedBroker(JavaStore.settings, kept: store.path)
    let client = try served.client()
    let pending = try JavaStore.messages(of: "SCHEDULE_TOPIC_XXXX").filter { $0.keys == "delay4" }
    let java = try #require(pending.first)
    let before = try JavaStore.messages(of: "FxDelay").filter { $0.queue == 0 }.count
    // Long due, or, where the clock is behind, further away than the level's delay.
    var delivered: [Received] = []
    while !delivered.contains(where: { $0.properties["KEYS"] == "delay4" }) {
      delivered += try client.pull("FxDelay", from: Int64(before + delivered.count))
    }
    let copies = delivered.filter { $0.properties["KEYS"] == "delay4" }
    #expect(copies.map(\.properties) == [java.properties])
  }

  /// Makes the file of a topic's first queue one that cannot be opened; returns what puts it back.
  private func breakQueue(of topic: String, in directory: String) throws -> () throws -> Void {
    let file = directory + "/consumequeue/\(topic)/0/00000000000000000000"
    try FileManager.default.moveItem(atPath: file, toPath: directory + "/aside")
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: directory + "/nowhere")
    // In one step: a queue that is looked at in between would have no file, and begin anew.
    return { try PosixDisk().rename(directory + "/aside", to: file) }
  }

  @Test func `a queue that cannot be read holds up no delayed messages for others`() throws {
    let directory = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker([("messageDelayLevel", "1h")], kept: directory)
      let client = try served.client()
      #expect(try client.send("plain", to: "Bad").responseCode == .success)
      for topic in ["Bad", "Good"] {
        #expect(try client.send("delayed", to: topic, [("DELAY", "1")]).responseCode == .success)
      }
      served.stop()
    }
    let mend = try breakQueue(of: "Bad", in: directory)
    // Later than the level allows now, both are due at once.
    let served = try ServedBroker([("messageDelayLevel", "0s")], last: directory)
    let client = try served.client()
    #expect(try client.pull("Good").map(\.body) == ["delayed"])
    try mend()
    #expect(try client.pull("Bad", from: 1).map(\.body) == ["delayed"])
  }

  @Test func `a queue that cannot be read holds up no messages with a time of their own for others`() throws {
    let directory = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker(kept: directory)
      let client = try served.client()
      #expect(try client.send("plain", to: "Bad").responseCode == .success)
      // More than may wait for the device at once.
      for _ in 0..<70 {
        #expect(try client.send("timed", to: "Bad", [("TIMER_DELAY_MS", "3000")]).responseCode == .success)
      }
      #expect(try client.send("timed", to: "Good", [("TIMER_DELAY_MS", "3000")]).responseCode == .success)
      served.stop()
    }
    let mend = try breakQueue(of: "Bad", in: directory)
    let served = try ServedBroker(last: directory)
    let client = try served.client()
    #expect(try client.pull("Good").map(\.body) == ["timed"])
    try mend()
    try Patience.wait { try client.end("Bad") == 71 }
  }

  @Test func `a batch cannot be delayed`() throws {
    let served = try ServedBroker(Self.levels)
    let client = try served.client()
    let fields = [
      ReplyField("a", "pg"), ReplyField("b", "FxDelay"), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", 0), ReplyField("f", 0), ReplyField("g", 0), ReplyField("h", 0), ReplyField("m", "true"),
      ReplyField("i", "DELAY\u{1}1"),
    ]
    #expect(try client.ask(.sendBatchMessage, fields, body: Array("x".utf8)).responseCode == .messageIllegal)
  }
}
