import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// Clients that send what no client should: a broker answers or hangs up, and serves the next one.
@Suite(.timeLimit(.minutes(10))) struct HostileClientTests {
  private static let topic = "HostileTopic"

  /// The broker still takes a message and gives it out.
  private func expectService(_ served: ServedBroker, _ note: String = "") throws {
    let client = try RawClient(port: served.port)
    let sent = try client.ask(.sendMessageV2, Fields.send(to: "GoodTopic"), body: Array("good".utf8))
    #expect(sent.responseCode == .success, "\(note)")
    let offset = try #require(Int64(sent["queueOffset"] ?? ""))
    let pulled = try client.ask(.pullMessage, Fields.pull("GoodTopic", at: offset))
    #expect(try TestClient.records(pulled.body).map(\.body) == ["good"], "\(note)")
  }

  private static func frame(_ header: String, body: [UInt8] = [], type: UInt32 = 0) -> [UInt8] {
    var output = ByteWriter()
    let bytes = Array(header.utf8)
    output.write(Int32(4 + bytes.count + body.count))
    output.write(type << 24 | UInt32(bytes.count))
    output.write(bytes)
    output.write(body)
    return output.array
  }

  @Test func `random bytes and frames that end early are no harm`() throws {
    let served = try ServedBroker()
    var random = SeededGenerator(seed: 4711)
    var output = ByteWriter()
    let header = CommandHeader(code: RequestCode.sendMessageV2.rawValue, id: RequestID(1))
    Command(header: header, fields: Fields.send(to: Self.topic), body: [1, 2, 3]).encode(into: &output)
    let whole = output.array
    for round in 0..<200 {
      let client = try RawClient(port: served.port)
      if round.isMultiple(of: 2) {
        client.send(
          bytes: (0..<Int.random(in: 1...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
      } else {
        client.send(bytes: Array(whole.prefix(Int.random(in: 1..<whole.count, using: &random))))
      }
    }
    try expectService(served)
  }

  @Test(arguments: [Int32.max, 17 << 20, -1, 0, .min]) func `lengths that cannot be are no harm`(length: Int32) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    var output = ByteWriter()
    output.write(length)
    output.write(Int32(20))
    output.write(repeating: UInt8(ascii: "{"), count: 100)
    client.send(bytes: output.array)
    try expectService(served)
  }

  @Test(arguments: [HeaderType.json, .binary]) func `every code is answered or refused`(type: HeaderType) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let codes = Array(0...420) + [-1, 32_767, 9999].map { Int32($0) }
    for code in codes {
      let answer = try client.ask(RequestCode(Int32(code)), type: type)
      #expect(answer.header.isResponse, "\(code)")
    }
    try expectService(served)
  }

  @Test func `headers with values of the wrong kind are no harm`() throws {
    let served = try ServedBroker()
    var random = SeededGenerator(seed: 815)
    let codes = [
      10, 11, 12, 14, 15, 17, 25, 29, 30, 31, 33, 34, 35, 36, 38, 41, 200, 203, 215, 310, 314, 320, 324, 325,
    ]
    let names = [
      "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "m", "topic", "queueId", "consumerGroup", "queueOffset",
      "sysFlag", "maxMsgNums", "suspendTimeoutMillis", "commitOffset", "subscription", "expressionType", "offset",
      "group", "timestamp", "perm", "readQueueNums", "writeQueueNums", "key", "maxNum", "subVersion",
    ]
    let values = [
      "\"\"", "\"0\"", "\"-1\"", "\"2147483648\"", "\"-9223372036854775808\"", "\"9223372036854775807\"", "1e999", "{}",
      "[[]]", "null", "true", "\"%RETRY%x\"", "\"TBW102\"", "\"SCHEDULE_TOPIC_XXXX\"", "\"../../etc\"", "\"\\u0000\"",
      "\"\\ud800\"", "\"TAGS\\u0001\"", "\"\\u0002\\u0002\\u0001\"", "\"SQL92\"", "\"((((a\"", "\"a || b\"", "6", "1.5",
    ]
    for round in 0..<2000 {
      var fields: [String] = []
      for _ in 0..<Int.random(in: 0...14, using: &random) {
        let name = names[Int.random(in: 0..<names.count, using: &random)]
        fields.append("\"\(name)\":\(values[Int.random(in: 0..<values.count, using: &random)])")
      }
      let code = codes[Int.random(in: 0..<codes.count, using: &random)]
      let header =
        "{\"code\":\(code),\"opaque\":\(round),\"flag\":\(round % 5 == 0 ? 2 : 0),\"language\":\"JAVA\","
        + "\"version\":\(values[round % 6]),\"extFields\":{\(fields.joined(separator: ","))}}"
      let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let client = try RawClient(port: served.port)
      client.send(bytes: Self.frame(header, body: body))
      if round.isMultiple(of: 250) { try expectService(served, header) }
    }
    try expectService(served)
  }

  @Test func `a body that all others on its loop would wait for is not read`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let blanks = [UInt8](repeating: UInt8(ascii: " "), count: 4 << 20)
    let heartbeat = HeartbeatData(clientID: "c", producerGroups: ["pg"]).bytes()
    let wish = LockRequestBody(group: "g", clientID: "c", queues: []).bytes()
    for (code, body) in [(RequestCode.heartbeat, heartbeat), (RequestCode.lockBatchMessageQueue, wish)] {
      let refused = try client.ask(code, body: body + blanks)
      #expect(refused.responseCode == .systemError)
      #expect(refused.remark?.contains("\(body.count + blanks.count) bytes") == true)
      #expect(try client.ask(code, body: body + blanks.dropFirst(body.count)).responseCode == .success)
    }
    try expectService(served)
  }
}
