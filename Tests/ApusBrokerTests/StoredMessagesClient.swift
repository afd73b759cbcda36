import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// A record that a broker handed out, by its parts.
struct Received: Equatable {
  var offset: Int64
  var queueOffset: Int64
  var body: String
  var properties: [String: String]
  var bornTime: Int64
  var storeTime: Int64
  var reconsumeTimes: Int32
  var flag: Int32

  init(_ record: borrowing StoredRecord) {
    offset = record.physicalOffset.rawValue
    queueOffset = record.queueOffset.rawValue
    body = record.body.text
    properties = record.properties.dictionary
    bornTime = record.bornTime.milliseconds
    storeTime = record.storeTime.milliseconds
    reconsumeTimes = record.reconsumeTimes
    flag = record.flag
  }
}

extension TestClient {
  /// Sends a message with these properties.
  func send(
    _ body: String, to topic: String, queue: Int32 = 0, _ properties: [(String, String)] = [], reconsumed: Int32 = 0,
    maxReconsumeTimes: Int32? = nil, born: Int64 = 1_795_219_489_633
  ) throws -> Command {
    var fields = [
      ReplyField("a", "pg"), ReplyField("b", topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", Int64(queue)), ReplyField("f", 0), ReplyField("g", born), ReplyField("h", 7),
      ReplyField("j", Int64(reconsumed)), ReplyField("k", "false"), ReplyField("m", "false"),
    ]
    if !properties.isEmpty {
      fields.append(ReplyField("i", properties.map { "\($0.0)\u{1}\($0.1)" }.joined(separator: "\u{2}")))
    }
    if let maxReconsumeTimes { fields.append(ReplyField("l", Int64(maxReconsumeTimes))) }
    return try ask(.sendMessageV2, fields, body: Array(body.utf8))
  }

  /// The messages of a queue from an offset on, at least one: waits for it.
  func pull(_ topic: String, queue: Int32 = 0, from offset: Int64 = 0) throws -> [Received] {
    while true {
      let answer = try ask(
        .pullMessage,
        [
          ReplyField("consumerGroup", "test_group"), ReplyField("topic", topic), ReplyField("queueId", Int64(queue)),
          ReplyField("queueOffset", offset), ReplyField("maxMsgNums", 32), ReplyField("sysFlag", 6),
          ReplyField("commitOffset", 0), ReplyField("suspendTimeoutMillis", 15_000),
          ReplyField("subscription", "*"), ReplyField("subVersion", 0), ReplyField("expressionType", "TAG"),
        ])
      switch answer.responseCode {
      case .success: return try Self.records(answer.body)
      case .pullNotFound, .pullRetryImmediately: continue
      default: throw Refused(code: answer.responseCode, remark: answer.remark)
      }
    }
  }

  /// The message at a place of a queue that may be beyond what pulls are given, as in the queues of delay levels.
  func entry(_ topic: String, queue: Int32, at offset: Int64) throws -> Received {
    try #require(try pull(topic, queue: queue, from: offset).first)
  }

  /// The queue offset behind a queue's last message.
  func end(_ topic: String, queue: Int32 = 0) throws -> Int64 {
    let answer = try ask(.getMaxOffset, [ReplyField("topic", topic), ReplyField("queueId", Int64(queue))])
    return Int64(answer["offset"] ?? "") ?? -1
  }

  /// The record at an offset of the log.
  func record(at offset: Int64) throws -> Received {
    Received(try StoredRecord(try ask(.viewMessageByID, [ReplyField("offset", offset)]).body.rawSpan))
  }

  static func records(_ bytes: [UInt8]) throws -> [Received] {
    var found: [Received] = []
    var position = 0
    while position + 4 <= bytes.count {
      let size = Int(bytes.rawSpan.loadBigEndian(at: position, as: Int32.self))
      found.append(Received(try StoredRecord(bytes.rawSpan.extracting(position..<position + size))))
      position += size
    }
    return found
  }
}

/// An answer with another code than expected.
struct Refused: Error {
  let code: ResponseCode
  let remark: String?
}

extension Command {
  /// Where the record lies that a send was answered with.
  var recordOffset: Int64 {
    get throws { try MessageID(self["msgId"] ?? "").offset.rawValue }
  }
}
