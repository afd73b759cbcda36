import ApusBase
import ApusModel
import ApusProtocol
import Testing

/// What the tests of transactions ask of a broker.
extension TransactionTests {
  /// A half message as its sender knows it.
  struct Half {
    var offset: Int64
    var queueOffset: Int64
    var key: String
  }

  /// Producers are asked at once, often and without end; no message is too old, as their birth is a moment that has
  /// passed.
  static let eager = [
    ("transactionTimeOut", "0"), ("transactionCheckInterval", "20"), ("fileReservedTime", "876000"),
    ("transactionCheckMax", "1000000"),
  ]

  static func properties(_ key: String, group: String = "pg") -> String {
    "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}\(group)\u{2}UNIQ_KEY\u{1}\(key)\u{2}WAIT\u{1}true\u{2}TAGS\u{1}A\u{2}KEYS\u{1}k"
  }

  func send(
    _ client: TestClient, _ body: String, topic: String = "Orders", queue: Int32 = 1, properties: String? = nil,
    sysFlag: Int32 = 4, code: RequestCode = .sendMessageV2
  ) throws -> Command {
    let fields = [
      ReplyField("a", "pg"), ReplyField("b", topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", queue), ReplyField("f", sysFlag), ReplyField("g", 1_795_219_489_633 as Int64),
      ReplyField("h", 7), ReplyField("i", properties ?? Self.properties(body)), ReplyField("j", 0),
    ]
    return try client.ask(code, fields, body: Array(body.utf8))
  }

  func sendHalf(_ client: TestClient, _ body: String) throws -> Half {
    let answer = try send(client, body)
    #expect(answer.responseCode == .success)
    #expect(answer["queueId"] == "1")
    let id = try MessageID(answer["msgId"] ?? "")
    return Half(offset: id.offset.rawValue, queueOffset: Int64(answer["queueOffset"] ?? "") ?? -1, key: body)
  }

  func end(_ client: TestClient, _ half: Half, _ resolution: Int32, group: String = "pg") throws -> Command {
    try client.ask(
      .endTransaction,
      [
        ReplyField("producerGroup", group), ReplyField("tranStateTableOffset", half.queueOffset),
        ReplyField("commitLogOffset", half.offset), ReplyField("commitOrRollback", resolution),
        ReplyField("fromTransactionCheck", "false"), ReplyField("msgId", half.key),
      ])
  }

  func count(_ client: TestClient, _ topic: String, queue: Int32 = 1) throws -> Int64 {
    let answer = try client.ask(.getMaxOffset, [ReplyField("topic", topic), ReplyField("queueId", queue)])
    return answer.responseCode == .success ? Int64(answer["offset"] ?? "") ?? -1 : 0
  }

  /// The records of a queue.
  func records(_ client: TestClient, _ topic: String, queue: Int32 = 1) throws -> [[UInt8]] {
    var records: [[UInt8]] = []
    let total = try count(client, topic, queue: queue)
    while records.count < total {
      let answer = try client.ask(
        .pullMessage,
        [
          ReplyField("consumerGroup", "readers"), ReplyField("topic", topic), ReplyField("queueId", queue),
          ReplyField("queueOffset", records.count), ReplyField("maxMsgNums", 32), ReplyField("sysFlag", 4),
          ReplyField("commitOffset", 0), ReplyField("suspendTimeoutMillis", 0), ReplyField("subscription", "*"),
          ReplyField("subVersion", 1), ReplyField("expressionType", "TAG"),
        ])
      #expect(answer.responseCode == .success)
      var position = 0
      while position < answer.body.count {
        let record = try StoredRecord(answer.body.rawSpan.extracting(position..<answer.body.count))
        records.append(record.bytes.array)
        position += record.size
      }
    }
    return records
  }

  func bodies(_ client: TestClient, _ topic: String = "Orders", queue: Int32 = 1) throws -> [String] {
    try records(client, topic, queue: queue).map { try StoredRecord($0.rawSpan).body.text }
  }

  func view(_ client: TestClient, _ offset: Int64) throws -> [UInt8] {
    try client.ask(.viewMessageByID, [ReplyField("offset", offset)]).body
  }

  /// Asks until a queue has as many messages.
  func wait(_ client: TestClient, until topic: String, queue: Int32 = 0, has number: Int64) throws {
    try Patience.wait { try count(client, topic, queue: queue) >= number }
  }
}
