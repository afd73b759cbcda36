import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel

/// `printMsg`: the messages of a topic.
struct PrintMsgCommand: AdminCommand {
  static let description = admin(
    "printMsg", "Print the messages of a topic.",
    options: [
      CommonOption.topic(), ReadOptions.charset, ReadOptions.expression,
      ReadOptions.time("beginTimestamp", "b", "Only what was stored then or later"),
      ReadOptions.time("endTimestamp", "e", "Only what was stored before"),
      Option("printBody", "d", value: "true|false", help: "Whether bodies are printed (true)."),
    ])

  private let topic: String
  private let body: BodyText
  private let expression: String
  private let begin: WallTime?
  private let end: WallTime?

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    let charset = try BodyText(charset: arguments.trimmed("charsetName"), arguments)
    body = try arguments.bool("printBody") ?? true ? charset : .none
    expression = arguments.trimmed("subExpression") ?? "*"
    begin = try ReadOptions.time("beginTimestamp", arguments)
    end = try ReadOptions.time("endTimestamp", arguments)
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try await session.each(try await session.client.readers(of: topic)) { reader throws(AdminError) in
      let range = try await reader.range(from: begin, to: end)
      session.say("minOffset=\(range.start), maxOffset=\(range.end), \(reader.queue.javaText)")
      try await print(reader, range, session)
      session.say(String(repeating: "-", count: 56))
    }
  }

  private func print(
    _ reader: QueueReader, _ range: (start: Int64, end: Int64), _ session: AdminSession
  ) async throws(AdminError) {
    var offset = range.start
    while offset < range.end {
      let pulled = try await reader.pull(from: offset, expression)
      offset = pulled.nextOffset
      let place = "status=\(pulled.status.rawValue), offset=\(offset)"
      switch pulled.status {
      case .found:
        for message in pulled.messages where message.isStored(from: begin, to: end) { session.show(message, body) }
      case .noMatch: session.say("\(reader.queue.javaText) no matched msg. \(place)")
      case .noNewMessage, .offsetIllegal: return session.say("\(reader.queue.javaText) print msg finished. \(place)")
      }
    }
  }
}

/// `printMsgByQueue`: the messages of one queue, or how many there are of each tag.
struct PrintMsgByQueueCommand: AdminCommand {
  static let description = admin(
    "printMsgByQueue", "Print the messages of a queue, or count them by tag.",
    options: [
      CommonOption.topic(), Option("brokerName", "a", value: "NAME", required: true, help: "The broker group."),
      Option("queueId", "i", value: "N", required: true, help: "The queue."), ReadOptions.charset,
      ReadOptions.expression, ReadOptions.time("beginTimestamp", "b", "Only what was stored then or later"),
      ReadOptions.time("endTimestamp", "e", "Only what was stored before"),
      Option("printMsg", "p", java: "print msg", value: "true|false", help: "Whether messages are printed (false)."),
      Option("printBody", "d", value: "true|false", help: "Whether bodies are printed (false)."),
      Option("calculate", "f", value: "true|false", help: "Whether messages are counted by tag (false)."),
    ])

  private let queue: MessageQueue
  private let body: BodyText
  private let expression: String
  private let begin: WallTime?
  private let end: WallTime?
  private let printsMessages: Bool
  private let countsTags: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    queue = MessageQueue(
      topic: try arguments.required("topic"), brokerName: try arguments.required("brokerName"),
      queueID: try arguments.integer("queueId", in: 0...Int32.max) ?? 0)
    let charset = try BodyText(charset: arguments.trimmed("charsetName"), arguments)
    body = try arguments.bool("printBody") ?? false ? charset : .none
    expression = arguments.trimmed("subExpression") ?? "*"
    begin = try ReadOptions.time("beginTimestamp", arguments)
    end = try ReadOptions.time("endTimestamp", arguments)
    printsMessages = try arguments.bool("printMsg") ?? false
    countsTags = try arguments.bool("calculate") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let reader = try await session.client.reader(of: queue)
    let range = try await reader.range(from: begin, to: end)
    var (offset, counts) = (range.start, [String: Int]())
    while offset < range.end {
      let pulled = try await reader.pull(from: offset, expression)
      offset = pulled.nextOffset
      guard pulled.status == .found || pulled.status == .noMatch else { break }
      for message in pulled.messages where message.isStored(from: begin, to: end) {
        if let tag = message.tag, !tag.isEmpty { counts[tag, default: 0] += 1 }
        if printsMessages { session.show(message, body) }
      }
    }
    guard countsTags else { return }
    for (tag, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      session.say(
        "Tag: \(tag)\(String(repeating: " ", count: max(0, 30 - tag.count))) Count: \(count)",
        ["tag": .text(tag), "count": Cell(count)])
    }
  }
}

/// `queryMsgByOffset`: the message at an offset of a queue.
struct QueryMsgByOffsetCommand: AdminCommand {
  static let description = admin(
    "queryMsgByOffset", "Show the message at an offset of a queue.",
    options: [
      CommonOption.topic(), Option("brokerName", "b", value: "NAME", required: true, help: "The broker group."),
      Option("queueId", "i", value: "N", required: true, help: "The queue."),
      Option("offset", "o", value: "N", required: true, help: "The offset."),
    ])

  private let queue: MessageQueue
  private let offset: Int64

  init(_ arguments: Arguments) throws(CommandFailure) {
    queue = MessageQueue(
      topic: try arguments.required("topic"), brokerName: try arguments.required("brokerName"),
      queueID: try arguments.integer("queueId", in: 0...Int32.max) ?? 0)
    offset = try arguments.integer("offset", in: 0...Int64.max) ?? 0
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let pulled = try await session.client.reader(of: queue).pull(from: offset, limit: 1)
    guard let message = pulled.messages.first, message.queueOffset == offset else {
      throw AdminError("the queue has no message at the offset \(offset): \(pulled.status.rawValue)")
    }
    try await MessageDetails(message: message, showsOffsetID: true).show(session)
  }
}
