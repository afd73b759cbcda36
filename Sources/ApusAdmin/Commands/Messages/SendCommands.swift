import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusSystem

/// `sendMessage`: sends one message.
struct SendMessageCommand: AdminCommand {
  static let description = admin(
    "sendMessage", "Send a message.",
    options: [
      CommonOption.topic(), Option("body", "p", value: "TEXT", required: true, help: "The content, sent as UTF-8."),
      Option("key", "k", value: "KEY…", help: "Words by which it can be found."),
      Option("tags", "c", value: "TAG", help: "What subscriptions select by."),
      Option("broker", "b", value: "NAME", help: "With -i: the broker group."),
      Option("qid", "i", value: "N", help: "With -b: the queue."),
      Option("msgTraceEnable", "m", value: "true|false", help: "Whether it is traced (false)."),
    ])

  static let table = Table(
    "%-32s  %-4s  %-20s    %s",
    [
      .init("#Broker Name", "brokerName"), .init("#QID", "queueId"), .init("#Send Result", "sendStatus"),
      .init("#MsgId", "msgId"),
    ])

  private let message: Message
  private let queue: MessageQueue?
  private let isTraced: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    isTraced = try arguments.bool("msgTraceEnable") ?? false
    let topic = try arguments.required("topic")
    message = Message(
      topic: topic, text: try arguments.required("body"), tag: arguments.trimmed("tags"),
      keys: arguments.trimmed("key")?.split(separator: " ").map(String.init) ?? [])
    let (broker, queueID) = (
      arguments.trimmed("broker"), try arguments.integer("qid", in: 0...Int32.max)
    )
    guard queueID == nil || broker != nil else {
      throw arguments.failure("Broker name must be set if the queue is chosen: say --broker NAME")
    }
    // A broker without a queue is passed over, as in Java.
    queue = broker.flatMap { name in
      queueID.map { MessageQueue(topic: topic, brokerName: name, queueID: $0) }
    }
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let sender = try session.sender(group: Self.group)
    let start = SystemClock.monotonic()
    let receipt = try await sender.send(message, to: queue)
    if isTraced { try await trace(receipt, took: SystemClock.monotonic() - start, sender) }
    session.show(
      Self.table,
      [
        [
          .text(receipt.queue.brokerName), Cell(receipt.queue.queueID), .text(receipt.status.rawValue),
          .text(receipt.messageID),
        ]
      ])
  }
}

extension SendMessageCommand {
  private static let group = "apus-send-message"

  /// Stores that the message was sent, as a producer that traces its messages does.
  private func trace(
    _ receipt: SendReceipt, took duration: Duration, _ sender: TestSender
  ) async throws(AdminError) {
    let fields = [
      "Pub", "\(SystemClock.wall().milliseconds)", receipt.region ?? "DefaultRegion", Self.group, message.topic,
      receipt.messageID, message.tag ?? "", message.keys.joined(separator: " "), receipt.queue.brokerName,
      "\(message.body.count)", "\(duration.wholeMilliseconds)", "0", receipt.offsetMessageID, "true",
    ]
    _ = try await sender.send(
      Message(
        topic: SystemTopics.trace, text: fields.joined(separator: "\u{1}") + "\u{2}",
        keys: [receipt.messageID] + message.keys))
  }
}

/// `sendMsgStatus`: sends messages to a broker and shows how each went.
struct SendMsgStatusCommand: AdminCommand {
  static let description = admin(
    "sendMsgStatus", "Send messages to a broker and show how each went.",
    details: "Every broker has a topic of its own name for this.",
    options: [
      Option("brokerName", "b", value: "NAME", required: true, help: "The broker group."),
      Option("messageSize", "s", value: "BYTES", help: "The size of a message (128)."),
      Option("count", "c", value: "N", help: "How many (50)."),
    ])

  private let brokerName: String
  private let size: Int
  private let count: Int

  init(_ arguments: Arguments) throws(CommandFailure) {
    brokerName = try arguments.required("brokerName")
    size = try arguments.integer("messageSize", in: 1...4 << 20) ?? 128
    count = try arguments.integer("count", in: 1...Int(Int32.max)) ?? 50
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let sender = try session.sender(group: "PID_SMSC")
    _ = try await sender.send(message(size: 16))
    for _ in 0..<count {
      let start = SystemClock.monotonic()
      let receipt = try await sender.send(message(size: size))
      let milliseconds = (SystemClock.monotonic() - start).wholeMilliseconds
      session.say(
        "rt=\(milliseconds)ms, SendResult=\(receipt.javaText)",
        [
          "rtMillis": Cell(milliseconds), "sendStatus": .text(receipt.status.rawValue),
          "msgId": .text(receipt.messageID), "queueId": Cell(receipt.queue.queueID),
          "queueOffset": Cell(receipt.queueOffset),
        ])
    }
  }

  private func message(size: Int) -> Message {
    Message(topic: brokerName, text: String(repeating: "hello jodie", count: (size + 10) / 11))
  }
}

/// `checkMsgSendRT`: sends messages to the queues of a topic in turn and measures how long each takes.
struct CheckMsgSendRTCommand: AdminCommand {
  static let description = admin(
    "checkMsgSendRT", "Measure how long sends to a topic take.",
    options: [
      CommonOption.topic(), Option("amount", "a", value: "N", help: "How many messages (100)."),
      Option("size", "s", value: "BYTES", help: "The size of a message (128)."),
    ])

  static let table = Table(
    "%-32s  %-4s  %-20s    %s",
    [
      .init("#Broker Name", "brokerName"), .init("#QID", "queueId"), .init("#Send Result", "isSent"),
      .init("#RT", "rtMillis"),
    ])

  private let topic: String
  private let amount: Int
  private let size: Int

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    amount = try arguments.integer("amount", in: 1...Int(Int32.max)) ?? 100
    size = try arguments.integer("size", in: 1...4 << 20) ?? 128
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let sender = try session.sender(group: "apus-check-send")
    let queues = try await sender.queues(of: topic)
    guard !queues.isEmpty else { throw AdminError("the topic '\(topic)' has no queue that may be written to") }
    let message = Message(topic: topic, text: String(repeating: "a", count: size))
    session.begin(Self.table)
    var total = Duration.zero
    for index in 0..<amount {
      let queue = queues[index % queues.count]
      let outcome = await sender.time(message, to: queue, session)
      // The first one makes the connection.
      if index > 0 { total += outcome.duration }
      session.row(
        Self.table,
        [
          .text(queue.brokerName), Cell(queue.queueID), .value(.bool(outcome.isSent), shown: "\(outcome.isSent)"),
          Cell(outcome.duration.wholeMilliseconds),
        ])
    }
    let mean = amount > 1 ? total.inMilliseconds / Double(amount - 1) : .nan
    session.say("Avg RT: \(Cell.fixed(mean, 2))", ["avgRtMillis": .decimal(mean, digits: 2)])
  }
}

extension TestSender {
  /// Sends a message and measures how long that takes; a failure is named on standard error.
  func time(
    _ message: Message, to queue: MessageQueue? = nil, _ session: AdminSession
  ) async -> (isSent: Bool, duration: Duration) {
    let start = SystemClock.monotonic()
    do throws(AdminError) {
      _ = try await send(message, to: queue)
      return (true, SystemClock.monotonic() - start)
    } catch {
      session.warn("\(error)")
      return (false, SystemClock.monotonic() - start)
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded down.
  var wholeMilliseconds: Int64 { Int64(inMilliseconds.rounded(.down)) }

  /// Milliseconds with their fraction.
  var inMilliseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1000 + Double(attoseconds) / 1e15
  }
}
