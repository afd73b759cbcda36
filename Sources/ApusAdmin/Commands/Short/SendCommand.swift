import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusSystem

/// `apus send`: sends one message, the short way.
struct SendCommand: AdminCommand {
  static let description = CommandDescription(
    name: "send", operands: "TOPIC BODY", operandLimit: 2, summary: "Send a message.",
    options: [
      Option("key", "k", value: "KEY…", help: "Words by which it can be found."),
      Option("tag", "t", value: "TAG", help: "What subscriptions select by."),
      Option("delay", "d", value: "TIME", help: "When it is delivered: after 500ms, 10s, 5m, 2h or 3d."),
      Option("group", "g", value: "GROUP", help: "The producer group (apus-send)."),
    ] + CommonOption.all)

  private let message: Message
  private let group: String
  /// How long the message waits; nil for one that is delivered at once.
  private let delay: Duration?

  init(_ arguments: Arguments) throws(CommandFailure) {
    guard arguments.operands.count == 2 else { throw arguments.failure("say what to send: send TOPIC BODY") }
    delay = try arguments.trimmed("delay").map { (text) throws(CommandFailure) -> Duration in
      guard let delay = Self.duration(text) else {
        throw arguments.failure("option '--delay' takes a time as 500ms, 10s, 5m, 2h or 3d, not '\(text)'")
      }
      return delay
    }
    message = Message(
      topic: arguments.operands[0], text: arguments.operands[1], tag: arguments.trimmed("tag"),
      keys: arguments.trimmed("key")?.split(separator: " ").map(String.init) ?? [],
      delivery: delay.map(Message.Delivery.after) ?? .now)
    group = arguments.trimmed("group") ?? "apus-send"
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let start = SystemClock.wall()
    let receipt = try await session.sender(group: group).send(message)
    var text = "\(receipt.messageID) stored"
    if let delay {
      // It has no place in the topic yet.
      let due = start.advanced(byMilliseconds: delay.wholeMilliseconds)
      text += ", to be delivered to \(receipt.queue.topic) at \(due.millisecondsText)"
    } else {
      text +=
        " in \(receipt.queue.topic) at \(receipt.queue.brokerName), queue \(receipt.queue.queueID)"
        + ", offset \(receipt.queueOffset)"
    }
    session.say(
      text,
      [
        "msgId": .text(receipt.messageID), "topic": .text(receipt.queue.topic),
        "brokerName": .text(receipt.queue.brokerName), "queueId": Cell(receipt.queue.queueID),
        "queueOffset": Cell(receipt.queueOffset), "sendStatus": .text(receipt.status.rawValue),
      ])
  }

  /// Reads a whole number with its unit.
  static func duration(_ text: String) -> Duration? {
    let digits = text.prefix(while: \.isNumber)
    guard let number = Int64(digits), number > 0, number < 1_000_000_000 else { return nil }
    return switch text.dropFirst(digits.count) {
    case "ms": .milliseconds(number)
    case "s": .seconds(number)
    case "m": .seconds(number * 60)
    case "h": .seconds(number * 3600)
    case "d": .seconds(number * 86_400)
    default: nil
    }
  }
}
