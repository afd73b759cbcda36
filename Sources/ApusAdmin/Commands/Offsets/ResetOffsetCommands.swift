import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// The options that say which group is set to which time.
private enum ResetOptions {
  static let force = Option(
    "force", "f", value: "true|false", help: "Whether a group goes forward too, not only back (true).")

  static func time(_ form: String) -> Option {
    Option(
      "timestamp", "s", value: form, required: true,
      help: "The time, as milliseconds (-1: the end) or yyyy-MM-dd#HH:mm:ss:SSS.")
  }
}

extension OffsetReset {
  /// Reads the options; `time` is what the time option holds.
  fileprivate init(_ arguments: Arguments, time: WallTime?) throws(CommandFailure) {
    self.init(
      group: try arguments.required("group"), topic: try arguments.required("topic"), time: time,
      isForced: try arguments.bool("force") ?? true)
  }

  /// What the time option holds. −1 is the end, nil, as for brokers that hand it to members: by a search of that time
  /// a group without members would begin at the oldest message.
  fileprivate static func time(_ text: String, _ arguments: Arguments) throws(CommandFailure) -> WallTime? {
    guard let time = WallTime(optionText: text) else {
      throw arguments.failure("option '--timestamp' takes milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, not '\(text)'")
    }
    return time.milliseconds == -1 ? nil : time
  }

  /// The line above the table.
  fileprivate func title(_ groupName: String, text: String) -> String {
    "rollback consumer offset by specified \(groupName)[\(group)], topic[\(topic)], force[\(isForced)],"
      + " timestamp(string)[\(text)], timestamp(long)[\(time?.milliseconds ?? -1)]"
  }
}

/// `resetOffsetByTime`: sets a group to a time, without its members being started again.
struct ResetOffsetByTimeCommand: AdminCommand {
  static let description = admin(
    "resetOffsetByTime", "Set a group's offsets to a time, without a restart of its members.",
    details: "A group without members is set at the brokers.",
    options: [
      CommonOption.group("group"), CommonOption.topic(), ResetOptions.time("now|TIME"), ResetOptions.force,
      Option("cplus", "c", help: "The members are clients of C++."),
    ], destroys: "set the offsets of the group")

  private let reset: OffsetReset
  private let text: String
  private let language: Language

  init(_ arguments: Arguments) throws(CommandFailure) {
    text = try arguments.required("timestamp")
    reset = try OffsetReset(arguments, time: text == "now" ? nil : try OffsetReset.time(text, arguments))
    language = arguments.has("cplus") ? .cpp : .java
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("set the offsets of the group '\(reset.group)' in the topic '\(reset.topic)' to \(text)")
    let isDone = try await reset.ofMembers(session, language: language, title: reset.title("group", text: text))
    if !isDone { try await reset.atBrokers(session, title: reset.title("consumerGroup", text: text)) }
  }
}

/// `resetOffsetByTimeOld`: sets a group to a time at the brokers.
struct ResetOffsetByTimeOldCommand: AdminCommand {
  static let description = admin(
    "resetOffsetByTimeOld", "Set a group's offsets to a time at the brokers; its members must be started again.",
    options: [
      CommonOption.group("group"), CommonOption.topic(), ResetOptions.time("TIME"), ResetOptions.force,
    ], destroys: "set the offsets of the group")

  private let reset: OffsetReset
  private let text: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    text = try arguments.required("timestamp")
    reset = try OffsetReset(arguments, time: try OffsetReset.time(text, arguments))
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("set the offsets of the group '\(reset.group)' in the topic '\(reset.topic)' to \(text)")
    try await reset.atBrokers(session, title: reset.title("consumerGroup", text: text))
  }
}

/// `skipAccumulatedMessage`: a group goes on at the end of its queues.
struct SkipAccumulatedMessageCommand: AdminCommand {
  static let description = admin(
    "skipAccumulatedMessage", "Have a group pass over all messages that lie before it.",
    options: [CommonOption.group("group"), CommonOption.topic(), ResetOptions.force],
    destroys: "pass over all messages that lie before the group")

  private let reset: OffsetReset

  init(_ arguments: Arguments) throws(CommandFailure) { reset = try OffsetReset(arguments, time: nil) }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm(
      "have the group '\(reset.group)' pass over all messages of the topic '\(reset.topic)' that lie before it")
    if try await !reset.ofMembers(session) { try await reset.atBrokers(session) }
  }
}
