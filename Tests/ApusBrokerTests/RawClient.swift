import ApusBase
import ApusModel
import ApusProtocol
import Testing

/// A client that sends requests and reads answers when a test says so.
final class RawClient: BlockingPeer {
  private var lastID: Int32 = 0

  /// Sends a request without waiting for its answer.
  @discardableResult
  func send(
    _ code: RequestCode, _ fields: [ReplyField]? = nil, body: [UInt8] = [], oneway: Bool = false,
    type: HeaderType = .json
  ) -> RequestID {
    lastID += 1
    let header = CommandHeader(code: code.rawValue, id: RequestID(lastID), flag: oneway ? 2 : 0, type: type)
    send(Command(header: header, fields: fields, body: body))
    return header.id
  }

  func send(_ command: Command) {
    var output = ByteWriter()
    command.encode(into: &output)
    send(bytes: output.array)
  }

  /// Sends a request and waits for the next answer, which has to be its own. What the broker asks meanwhile is passed
  /// over.
  func ask(
    _ code: RequestCode, _ fields: [ReplyField]? = nil, body: [UInt8] = [], type: HeaderType = .json
  ) throws -> Command {
    let id = send(code, fields, body: body, type: type)
    var answer = try #require(try receive())
    while !answer.header.isResponse { answer = try #require(try receive()) }
    #expect(answer.header.id == id)
    #expect(answer.header.type == type)
    return answer
  }
}

/// Fields of the requests that tests make.
enum Fields {
  /// A send of the second version.
  static func send(
    to topic: String, queue: Int32 = 0, properties: String? = nil, batch: String? = nil, sysFlag: Int = 0
  ) -> [ReplyField] {
    var fields = [
      ReplyField("a", "pg"), ReplyField("b", topic), ReplyField("c", "TBW102"), ReplyField("d", 4),
      ReplyField("e", Int64(queue)), ReplyField("f", Int64(sysFlag)), ReplyField("g", 1_795_219_489_633),
      ReplyField("h", 7), ReplyField("j", 0),
    ]
    if let properties { fields.append(ReplyField("i", properties)) }
    if let batch { fields.append(ReplyField("m", batch)) }
    return fields
  }

  /// The same send with the names of the first version.
  static func long(_ fields: [ReplyField]) -> [ReplyField] {
    let names = [
      "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
      "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes", "m": "batch",
    ]
    return fields.map { ReplyField(names[$0.name] ?? $0.name, $0.value) }
  }

  /// A pull; `wait` in milliseconds, zero for not waiting. Without an expression the heartbeats' one counts.
  static func pull(
    _ topic: String, queue: Int32 = 0, at offset: Int64, group: String = "cg", expression: String? = "*",
    wait: Int64 = 0, max: Int64 = 32, version: Int64 = 0, commit: Int64? = nil
  ) -> [ReplyField] {
    let flags = (commit == nil ? 0 : 1) | (wait > 0 ? 2 : 0) | (expression == nil ? 0 : 4)
    var fields = [
      ReplyField("consumerGroup", group), ReplyField("topic", topic), ReplyField("queueId", Int64(queue)),
      ReplyField("queueOffset", offset), ReplyField("maxMsgNums", max), ReplyField("sysFlag", Int64(flags)),
      ReplyField("commitOffset", commit ?? 0), ReplyField("suspendTimeoutMillis", wait),
      ReplyField("subVersion", version), ReplyField("expressionType", "TAG"),
    ]
    if let expression { fields.append(ReplyField("subscription", expression)) }
    return fields
  }

  static func queue(_ topic: String, _ queue: Int32 = 0) -> [ReplyField] {
    [ReplyField("topic", topic), ReplyField("queueId", Int64(queue))]
  }
}
