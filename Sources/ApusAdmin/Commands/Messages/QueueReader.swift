import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusProtocol

/// Reads a queue from one offset to another, without a trace of it in a group's offsets.
struct QueueReader: Sendable {
  /// The queue.
  let queue: MessageQueue
  /// The broker that it is read from.
  let broker: String
  let client: AdminClient

  /// The offsets of what was stored between two times; nil for the queue's own ends. A broker tells which message was
  /// stored closest to a time, be that before or after it, so that both ends may hold messages too many:
  /// `isStored(from:to:)` of a message tells.
  func range(from begin: WallTime?, to end: WallTime?) async throws(AdminError) -> (start: Int64, end: Int64) {
    var start: Int64
    if let begin {
      start = try await client.offset(at: begin, of: queue, at: broker)
    } else {
      start = try await client.minOffset(of: queue, at: broker)
    }
    start = max(0, start)
    let all = max(0, try await client.maxOffset(of: queue, at: broker))
    guard let end else { return (start, all) }
    let closest = max(0, try await client.offset(at: end, of: queue, at: broker))
    return (start, min(closest.clampedAdding(1), all))
  }

  /// Pulls once; `expression` selects by tags. Throws when the broker answers with messages, or says that it passed
  /// over some, and does not go on behind where it was asked: whoever reads on would do so for ever.
  func pull(
    from offset: Int64, limit: Int32 = 32, _ expression: String = "*", group: String = SystemGroups.toolsConsumer
  ) async throws(AdminError) -> PullResult {
    let pulled: PullResult
    do throws(ClientError) {
      pulled = try await client.messages.pull(
        queue, from: offset, limit: limit, matching: expression, for: group, at: broker)
    } catch {
      throw AdminError(error)
    }
    guard pulled.goesOn(from: offset) else {
      throw AdminError(
        "the broker \(broker) answers \(pulled.status.rawValue) to a pull from the offset \(offset) of"
          + " \(queue.javaText) and then sends back to \(pulled.nextOffset)")
    }
    return pulled
  }
}

extension PullResult {
  /// Whether the next pull asks for something else, or there need be none.
  func goesOn(from offset: Int64) -> Bool {
    switch status {
    case .found, .noMatch: nextOffset > offset
    case .noNewMessage, .offsetIllegal: true
    }
  }
}

extension AdminSession {
  /// Reads queues, one after the other. When a broker fails, its other queues are not tried; it is named on standard
  /// error and does not keep those of other brokers from their turn.
  func each(
    _ readers: [QueueReader], _ work: (QueueReader) async throws(AdminError) -> Void
  ) async throws(AdminError) {
    var brokers: [String] = []
    for reader in readers where !brokers.contains(reader.broker) { brokers.append(reader.broker) }
    try await each(brokers) { broker throws(AdminError) in
      for reader in readers where reader.broker == broker { try await work(reader) }
    }
  }
}

extension AdminClient {
  /// Readers of all queues of a topic that may be read, sorted.
  func readers(of topic: String) async throws(AdminError) -> [QueueReader] {
    let route = try await route(of: topic)
    var readers: [QueueReader] = []
    for data in route.queues.sorted(by: { $0.brokerName < $1.brokerName }) where data.permission.contains(.read) {
      guard let broker = route.brokers.first(where: { $0.brokerName == data.brokerName })?.preferredAddress else {
        continue
      }
      for number in 0..<max(0, min(data.readQueueCount, 65_536)) {
        let queue = MessageQueue(topic: topic, brokerName: data.brokerName, queueID: number)
        readers.append(QueueReader(queue: queue, broker: broker, client: self))
      }
    }
    return readers
  }

  /// A reader of one queue.
  func reader(of queue: MessageQueue) async throws(AdminError) -> QueueReader {
    let route = try await route(of: queue.topic)
    guard let broker = route.brokers.first(where: { $0.brokerName == queue.brokerName })?.preferredAddress else {
      throw AdminError("the topic '\(queue.topic)' does not lie on a broker group '\(queue.brokerName)'")
    }
    return QueueReader(queue: queue, broker: broker, client: self)
  }
}

extension ReceivedMessage {
  /// Whether it was stored at one time or later, and before another; nil for no such limit.
  func isStored(from begin: WallTime?, to end: WallTime?) -> Bool {
    if let begin, storeMilliseconds < begin.milliseconds { return false }
    if let end, storeMilliseconds >= end.milliseconds { return false }
    return true
  }
}

/// How bodies of messages are shown.
enum BodyText: Hashable, Sendable {
  case utf8
  /// One byte a character.
  case latin1
  /// Not at all.
  case none

  /// Reads the option that names a character set.
  init(charset name: String?, _ arguments: Arguments) throws(CommandFailure) {
    switch (name ?? "UTF-8").uppercased() {
    case "UTF-8", "UTF8", "US-ASCII", "ASCII": self = .utf8
    case "ISO-8859-1", "LATIN1": self = .latin1
    default:
      throw arguments.failure("option '--charsetName' takes UTF-8, US-ASCII or ISO-8859-1, not '\(name ?? "")'")
    }
  }

  /// A body as it is shown.
  func text(of message: ReceivedMessage) -> String {
    switch self {
    case .utf8: message.text
    case .latin1: String(String.UnicodeScalarView(message.body.map { Unicode.Scalar($0) }))
    case .none: "NOT PRINT BODY"
    }
  }
}

/// The options of commands that print messages.
enum ReadOptions {
  static let charset = Option(
    "charsetName", "c", value: "NAME", help: "The character set of bodies: UTF-8, US-ASCII, ISO-8859-1 (UTF-8).")
  static let expression = Option(
    "subExpression", "s", value: "TAGS", help: "Only messages with one of these tags: A || B.")

  static func time(_ name: String, _ letter: Character, _ help: String) -> Option {
    Option(name, letter, value: "TIME", help: help + ", as milliseconds or yyyy-MM-dd#HH:mm:ss:SSS.")
  }

  /// Reads a time option.
  static func time(_ name: String, _ arguments: Arguments) throws(CommandFailure) -> WallTime? {
    guard let text = arguments.trimmed(name) else { return nil }
    guard let time = WallTime(optionText: text) else {
      throw arguments.failure("option '--\(name)' takes milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, not '\(text)'")
    }
    return time
  }
}

extension AdminSession {
  /// Prints a message on one line.
  func show(_ message: ReceivedMessage, _ body: BodyText) {
    show(
      message.jsonValue, as: "MSGID: \(message.messageID) \(message.javaText) BODY: \(body.text(of: message))")
  }
}
