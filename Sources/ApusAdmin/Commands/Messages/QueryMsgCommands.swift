import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusProtocol

/// The options of commands that may have a member of a group consume the message that they find.
private enum DirectOptions {
  static let all = [
    Option("consumerGroup", "g", value: "GROUP", help: "With -d: have a member of this group consume it."),
    Option("clientId", "d", value: "ID", help: "The member."),
  ]
}

/// A member of a group that is to consume a message.
private struct Member: Hashable, Sendable {
  let group: String
  let clientID: String

  init?(_ arguments: Arguments) {
    guard let group = arguments.trimmed("consumerGroup"), let clientID = arguments.trimmed("clientId") else {
      return nil
    }
    self.group = group
    self.clientID = clientID
  }

  func consume(_ message: ReceivedMessage, _ session: AdminSession) async throws(AdminError) {
    let result = try await session.client.consume(message, by: clientID, of: group)
    session.show(result.json, as: result.javaText)
  }
}

extension DirectConsumption {
  /// What came of it as Java prints it.
  fileprivate var javaText: String {
    "ConsumeMessageDirectlyResult [order=\(isOrderly), autoCommit=\(commitsByItself),"
      + " consumeResult=\(outcome?.rawValue ?? "null"), remark=\(remark ?? "null"), spentTimeMills=\(milliseconds)]"
  }
}

/// `queryMsgById`: messages by the ids that brokers gave them.
struct QueryMsgByIDCommand: AdminCommand {
  static let description = admin(
    "queryMsgById", "Show messages by the ids that the broker gave them.",
    options: [
      Option("msgId", "i", value: "ID,ID…", required: true, help: "The broker's ids (offsetMsgId).")
    ] + DirectOptions.all + [
      Option("sendMessage", "s", value: "true|false", help: "Send the message once more."),
      Option("unitName", "u", value: "NAME", help: "With -s: the unit to send it in."),
    ])

  private let ids: [MessageID]
  private let member: Member?
  private let resends: Bool?
  private let unitName: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    var ids: [MessageID] = []
    for text in try arguments.required("msgId").split(separator: ",") {
      guard let id = MessageID(offsetID: text.filter { $0 != " " }) else {
        throw arguments.failure(
          "option '--msgId': '\(text)' is no id that a broker gives; queryMsgByUniqueKey takes those of producers")
      }
      ids.append(id)
    }
    guard !ids.isEmpty else { throw arguments.failure("option '--msgId' names no id") }
    self.ids = ids
    member = Member(arguments)
    resends = try arguments.bool("sendMessage")
    unitName = arguments.trimmed("unitName") ?? ""
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let sendsAgain = member == nil && resends == true
    let sender = sendsAgain ? try session.sender(group: "ReSendMsgById", unit: unitName) : nil
    guard ids.count > 1 else { return try await handle(ids[0], sender, session) }
    // As at several servers, an id that fails does not keep the others from their turn.
    var failures: [String] = []
    for id in ids {
      do throws(AdminError) {
        try await handle(id, sender, session)
      } catch {
        session.warn("\(id): \(error)")
        failures.append("\(id)")
      }
    }
    guard failures.isEmpty else {
      throw AdminError("failed for \(failures.joined(separator: ", ")), \(failures.count) of \(ids.count)")
    }
  }

  private func handle(
    _ id: MessageID, _ sender: TestSender?, _ session: AdminSession
  ) async throws(AdminError) {
    let message = try await session.client.message(id)
    if let member {
      try await member.consume(message, session)
    } else if let sender {
      try await resend(message, by: sender, session)
    } else if resends == nil {
      try await MessageDetails(message: message, showsOffsetID: true).show(session)
    }
  }

  private func resend(
    _ message: ReceivedMessage, by sender: TestSender, _ session: AdminSession
  ) async throws(AdminError) {
    let receipt = try await sender.send(message.copy)
    session.say(
      "prepare resend msg. originalMsgId=\(message.offsetMessageID)\(receipt.javaText)",
      ["originalMsgId": .text(message.offsetMessageID), "msgId": .text(receipt.messageID)])
  }
}

/// `queryMsgByKey`: messages by one of the words in their KEYS.
struct QueryMsgByKeyCommand: AdminCommand {
  static let description = admin(
    "queryMsgByKey", "List the messages of a topic that have a key.",
    options: [
      CommonOption.topic(), Option("msgKey", "k", value: "KEY", required: true, help: "The key."),
    ])

  static let table = Table(
    "%-50s %4s %40s",
    [.init("#Message ID", "msgId"), .init("#QID", "queueId"), .init("#Offset", "queueOffset")])

  private let topic: String
  private let key: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    key = try arguments.required("msgKey")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    let (found, failure) = try await session.messages(of: topic, key: key, isUnique: false, limit: 64)
    guard !found.isEmpty else {
      throw failure ?? AdminError("the topic '\(topic)' has no message with the key '\(key)'")
    }
    session.show(
      Self.table, found.map { [.text($0.messageID), Cell($0.queue.queueID), Cell($0.queueOffset)] })
    if let failure { throw failure }
  }
}

/// `queryMsgByUniqueKey`: messages by the ids that their producers gave them.
struct QueryMsgByUniqueKeyCommand: AdminCommand {
  static let description = admin(
    "queryMsgByUniqueKey", "Show a message by the id that its producer gave it.",
    options: [
      Option("msgId", "i", value: "ID", required: true, help: "The producer's id (msgId)."), CommonOption.topic(),
    ] + DirectOptions.all + [Option("showAll", "a", help: "All messages with this id, at most 32.")])

  private let id: String
  private let topic: String
  private let member: Member?
  private let showsAll: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    id = try arguments.required("msgId")
    topic = try arguments.required("topic")
    member = Member(arguments)
    showsAll = arguments.has("showAll")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    if let member { return try await member.consume(try await session.message(id, of: topic), session) }
    let (found, failure) = try await session.messages(of: topic, key: id, isUnique: true, limit: 32)
    guard !found.isEmpty else {
      throw failure ?? AdminError("the topic '\(topic)' has no message with the id \(id)")
    }
    for (index, message) in found.prefix(showsAll ? found.count : 1).enumerated() {
      let details = MessageDetails(
        message: message, showsOffsetID: false, fileSuffix: index > 0 ? "_\(index)" : "")
      try await details.show(session)
    }
    // Who asked for one message has it.
    if showsAll, let failure { throw failure }
  }
}
