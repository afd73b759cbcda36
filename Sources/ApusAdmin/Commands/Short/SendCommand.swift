import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel

/// `apus send`: sends one message, the short way.
struct SendCommand: AdminCommand {
  static let description = CommandDescription(
    name: "send", operands: "TOPIC BODY", operandLimit: 2, summary: "Send a message.",
    options: [
      Option("key", "k", value: "KEY…", help: "Words by which it can be found."),
      Option("tag", "t", value: "TAG", help: "What subscriptions select by."),
      Option("delay", "d", value: "TIME", help: "When it is delivered: after 500ms, 10s, 5m or 2h."),
      Option("group", "g", value: "GROUP", help: "The producer group (apus-send)."),
    ] + CommonOption.all)

  private let message: Message
  private let group: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    guard arguments.operands.count == 2 else { throw arguments.failure("say what to send: send TOPIC BODY") }
    var delivery = Message.Delivery.now
    if let text = arguments.trimmed("delay") {
      guard let delay = Self.duration(text) else {
        throw arguments.failure("option '--delay' takes a time as 500ms, 10s, 5m or 2h, not '\(text)'")
      }
      delivery = .after(delay)
    }
    message = Message(
      topic: arguments.operands[0], text: arguments.operands[1], tag: arguments.trimmed("tag"),
      keys: arguments.trimmed("key")?.split(separator: " ").map(String.init) ?? [], delivery: delivery)
    group = arguments.trimmed("group") ?? "apus-send"
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let receipt = try await session.sender(group: group).send(message)
    session.say(
      "\(receipt.messageID) stored in \(receipt.queue.topic) at \(receipt.queue.brokerName), queue"
        + " \(receipt.queue.queueID), offset \(receipt.queueOffset)",
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
    default: nil
    }
  }
}
