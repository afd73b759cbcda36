import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel

/// What traces say of a message: that it was sent, or that it was consumed.
struct TraceRecord: Hashable, Sendable {
  /// What was done.
  enum Kind: String {
    case sent = "Pub"
    case consumed = "SubAfter"
  }

  /// What was done.
  var kind: Kind
  /// The message.
  var messageID: String
  /// The group that did it.
  var group: String
  /// When it was done; 0 when the trace, of an older client, does not say.
  var time: WallTime
  /// How long it took, in milliseconds.
  var milliseconds: Int64
  /// Whether it went well.
  var isSuccess: Bool

  /// The records of a trace message that tell of a message that was sent or consumed. Fields are separated by 0x01,
  /// records by 0x02. Records of other kinds, and those that are cut short, are passed over. What was consumed names
  /// its group only in newer clients: of older ones the record before it does.
  static func records(in text: String) -> [TraceRecord] {
    var groups: [String: String] = [:]
    return text.split(separator: "\u{2}").compactMap { record in
      let fields = record.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
      switch fields.first {
      case "SubBefore" where fields.count >= 6:
        groups[fields[4]] = fields[3]
        return nil
      case "Pub": return sent(fields)
      case "SubAfter": return consumed(fields, groups)
      default: return nil
      }
    }
  }

  private static func sent(_ fields: [String]) -> TraceRecord? {
    guard fields.count >= 12, let time = Int64(fields[1]) else { return nil }
    // Old clients leave out the broker's id, or everything behind the kind of message.
    let success = fields.count >= 14 ? fields[13] : fields.count == 13 ? fields[12] : "true"
    return TraceRecord(
      kind: .sent, messageID: fields[5], group: fields[3], time: WallTime(milliseconds: time),
      milliseconds: Int64(fields[10]) ?? 0, isSuccess: success.lowercased() == "true")
  }

  private static func consumed(_ fields: [String], _ groups: [String: String]) -> TraceRecord? {
    guard fields.count >= 5 else { return nil }
    return TraceRecord(
      kind: .consumed, messageID: fields[2], group: fields.count >= 9 ? fields[8] : groups[fields[1]] ?? "",
      time: WallTime(milliseconds: fields.count >= 8 ? Int64(fields[7]) ?? 0 : 0),
      milliseconds: Int64(fields[3]) ?? 0, isSuccess: fields[4].lowercased() == "true")
  }
}

/// `queryMsgTraceById`: who sent a message and who consumed it, as its traces say.
struct QueryMsgTraceByIDCommand: AdminCommand {
  static let description = admin(
    "queryMsgTraceById", "Show who sent and who consumed a message, from its traces.",
    options: [
      Option("msgId", "i", value: "ID", required: true, help: "The producer's id (msgId)."),
      Option("traceTopic", "t", value: "TOPIC", help: "Where the traces are (RMQ_SYS_TRACE_TOPIC)."),
    ])

  private static func table(_ group: String, _ time: String) -> Table {
    Table(
      "%-10s %-20s %-20s %-20s %-10s %-10s",
      [
        .init("#Type", "type"), .init(group, "group"), .init("#ClientHost", "clientHost"), .init(time, "timestamp"),
        .init("#CostTimes", "costMillis"), .init("#Status", "status"),
      ])
  }
  static let sent = table("#ProducerGroup", "#SendTime")
  static let consumed = table("#ConsumerGroup", "#ConsumerTime")

  private let id: String
  private let topic: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    id = try arguments.required("msgId")
    topic = arguments.trimmed("traceTopic") ?? SystemTopics.trace
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let (traces, failure) = try await session.messages(of: topic, key: id, isUnique: false, limit: 64)
    var consumed: [String: [[Cell]]] = [:]
    var isFound = false
    for message in traces {
      for record in TraceRecord.records(in: message.text) where record.messageID == id {
        isFound = true
        let cells = Self.cells(
          record, host: message.bornHost, told: WallTime(milliseconds: message.bornMilliseconds))
        guard record.kind == .sent else {
          consumed[record.group, default: []].append(cells)
          continue
        }
        session.show(Self.sent, [cells])
        session.say("")
      }
    }
    for (_, rows) in consumed.sorted(by: { $0.key < $1.key }) {
      session.show(Self.consumed, rows)
      session.say("")
    }
    if let failure { throw failure }
    guard isFound else { throw AdminError("the topic '\(topic)' has no trace of a message with the id \(id)") }
  }

  /// The row of a record. No column is empty, as those behind it would move for who counts them: a group that the trace
  /// does not name is Java's `null`, and for a time that it does not say stands when it was told, where Java shows the
  /// time of the query.
  static func cells(_ record: TraceRecord, host: String, told: WallTime) -> [Cell] {
    [
      record.kind == .sent ? "Pub" : "Sub",
      .value(.string(record.group), shown: record.group.isEmpty ? "null" : record.group),
      .text(host.split(separator: ":").dropLast().joined(separator: ":")),
      .seconds(record.time.milliseconds > 0 ? record.time : told),
      .value(.integer(record.milliseconds), shown: "\(record.milliseconds)ms"),
      .text(record.isSuccess ? "success" : "failed"),
    ]
  }
}
