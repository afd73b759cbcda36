import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusSystem

/// `consumeMessage`: reads messages of a topic, oldest first, from a queue, an offset or a time on.
struct ConsumeMessageCommand: AdminCommand {
  static let description = admin(
    "consumeMessage", "Read messages of a topic, from a queue, an offset or a time on.",
    details: "Nothing is committed: the messages stay where they are for everybody else.",
    options: [
      CommonOption.topic(), Option("brokerName", "b", value: "NAME", help: "With -i: the broker group."),
      Option("queueId", "i", value: "N", help: "Only this queue."),
      Option("offset", "o", value: "N", help: "With -i: from this offset on."),
      Option("consumerGroup", "g", value: "GROUP", help: "In the name of this group (TOOLS_CONSUMER)."),
      ReadOptions.time("beginTimestamp", "s", "Only what was stored then or later"),
      ReadOptions.time("endTimestamp", "e", "Only what was stored before"),
      Option("MessageNumber", "c", value: "N", help: "How many messages (128)."),
    ])

  private let topic: String
  private let queue: MessageQueue?
  private let offset: Int64
  private let group: String
  private let begin: WallTime?
  private let end: WallTime?
  private let limit: Int64

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    group = arguments.trimmed("consumerGroup") ?? SystemGroups.toolsConsumer
    limit = try arguments.integer("MessageNumber", in: 1...Int64.max) ?? 128
    let queueID = try arguments.integer("queueId", in: 0...Int32.max)
    if let queueID {
      guard let broker = arguments.trimmed("brokerName") else {
        throw arguments.failure("Please set the brokerName before queueId!")
      }
      queue = MessageQueue(topic: topic, brokerName: broker, queueID: queueID)
    } else {
      queue = nil
    }
    guard queue != nil || !arguments.has("offset") else { throw arguments.failure("Please set queueId before offset!") }
    offset = try arguments.integer("offset", in: 0...Int64.max) ?? 0
    begin = try ReadOptions.time("beginTimestamp", arguments)
    end = try ReadOptions.time("endTimestamp", arguments)
    let now = SystemClock.wall()
    if let begin, begin > now { throw arguments.failure("Please set the beginTimestamp before now!") }
    if let end, end > now { throw arguments.failure("Please set the endTimestamp before now!") }
    if let begin, let end, begin > end {
      throw arguments.failure("Please make sure that the beginTimestamp is less than or equal to the endTimestamp")
    }
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    var left = limit
    guard let queue else {
      try await session.each(try await session.client.readers(of: topic)) { reader throws(AdminError) in
        guard left > 0 else { return }
        let range = try await reader.range(from: begin, to: end)
        if range.end - range.start > left {
          session.say("The older \(left) message of the \(reader.queue.queueID) queue will be provided")
        }
        left -= try await read(reader, range, atMost: left, session)
      }
      return
    }
    let reader = try await session.client.reader(of: queue)
    var range = try await reader.range(from: begin, to: end)
    guard offset <= range.end else { return session.say("\(queue.javaText) no matched msg, offset=\(offset)") }
    range.start = max(range.start, offset)
    if range.end - range.start > left { session.say("The oldler \(left) message will be provided") }
    _ = try await read(reader, range, atMost: left, session)
  }

  /// Whether a message was stored in the time that is asked for; without an end of it, whether it was there when
  /// reading began.
  private func isWanted(_ message: ReceivedMessage, before endOffset: Int64) -> Bool {
    guard end == nil else { return message.isStored(from: begin, to: end) }
    return message.queueOffset < endOffset && message.isStored(from: begin, to: nil)
  }

  /// Prints messages and says how many there were.
  private func read(
    _ reader: QueueReader, _ range: (start: Int64, end: Int64), atMost limit: Int64, _ session: AdminSession
  ) async throws(AdminError) -> Int64 {
    var (offset, count) = (range.start, Int64(0))
    while offset < range.end, count < limit {
      let pulled = try await reader.pull(from: offset, limit: Int32(clamping: min(32, limit - count)), group: group)
      let place = "status=\(pulled.status.rawValue), offset=\(pulled.nextOffset)"
      offset = pulled.nextOffset
      switch pulled.status {
      case .found:
        session.say("Consume ok")
        for message in pulled.messages where isWanted(message, before: range.end) {
          session.show(message, .utf8)
          count += 1
        }
      case .noMatch: session.say("\(reader.queue.javaText) no matched msg. \(place)")
      case .noNewMessage, .offsetIllegal:
        session.say("\(reader.queue.javaText) print msg finished. \(place)")
        return count
      }
    }
    return count
  }
}
