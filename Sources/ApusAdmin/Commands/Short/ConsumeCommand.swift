import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel

/// `apus consume`: prints the messages of a topic, the short way. Without a group it leaves no trace; in a group it
/// shares the queues with the other members and commits what it has printed.
struct ConsumeCommand: AdminCommand {
  static let description = CommandDescription(
    name: "consume", operands: "TOPIC", operandLimit: 1, summary: "Print the messages of a topic.",
    details: """
      Ends when there is nothing more, with --follow when it is stopped. Without
      --group nothing is committed.
      """,
    options: [
      Option("group", "g", value: "GROUP", help: "Consume as a member of this group."),
      Option("follow", "f", help: "Wait for new messages."),
      Option("from", value: "first|last|TIME", help: "Where to begin; in a group, if it has no offset yet (first)."),
      Option("tags", "t", value: "TAGS", help: "Only messages with one of these tags: A || B."),
    ] + CommonOption.all)

  private enum Start {
    case first, last
    case time(WallTime)
  }

  private let topic: String
  private let group: String?
  private let follows: Bool
  private let start: Start
  private let tags: String

  init(_ arguments: Arguments) throws(CommandFailure) {
    guard let topic = arguments.operands.first else { throw arguments.failure("say which topic: consume TOPIC") }
    self.topic = topic
    group = arguments.trimmed("group")
    follows = arguments.has("follow")
    tags = arguments.trimmed("tags") ?? "*"
    switch arguments.trimmed("from") ?? "first" {
    case "first": start = .first
    case "last": start = .last
    case let text:
      guard let time = WallTime(optionText: text) else {
        throw arguments.failure(
          "option '--from' takes first, last, milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, not '\(text)'")
      }
      start = .time(time)
    }
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    if let group { return try await consume(as: group, session) }
    var places: [(reader: QueueReader, offset: Int64)] = []
    for reader in try await session.client.readers(of: topic) {
      let range =
        switch start {
        case .time(let time): try await reader.range(from: time, to: nil)
        case .first, .last: try await reader.range(from: nil, to: nil)
        }
      if case .last = start { places.append((reader, range.end)) } else { places.append((reader, range.start)) }
    }
    repeat {
      var isIdle = true
      for index in places.indices {
        let pulled = try await places[index].reader.pull(from: places[index].offset, tags)
        // Sent back, by a queue that was made anew, is no progress: who follows looks again after a pause.
        if pulled.nextOffset > places[index].offset { isIdle = false }
        places[index].offset = pulled.nextOffset
        for message in pulled.messages where isWanted(message) { show(message, session) }
      }
      guard isIdle else { continue }
      guard follows, await session.sleep(for: .milliseconds(200)) else { return }
    } while !Task.isCancelled
  }

  /// Whether a message was stored at or after the time to begin at: a search by time gives the nearest one.
  private func isWanted(_ message: ReceivedMessage) -> Bool {
    guard case .time(let time) = start else { return true }
    return message.isStored(from: time, to: nil)
  }

  private func consume(as group: String, _ session: AdminSession) async throws(AdminError) {
    // Who follows may wait for a topic that is not there yet.
    if !follows { _ = try await session.client.route(of: topic) }
    var configuration = PullConsumerConfiguration()
    configuration.commitsByItself = false
    switch start {
    case .first: configuration.start = .first
    case .last: configuration.start = .last
    case .time(let time): configuration.start = .time(milliseconds: time.milliseconds)
    }
    let client = session.client.messages
    let consumer: PullConsumer
    do throws(ClientError) {
      consumer = try client.pullConsumer(
        group: group, subscriptions: [Subscription(topic, tags == "*" ? .all : .tags(tags))], configuration)
    } catch {
      throw AdminError(error)
    }
    var isAnswered = true
    do {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await client.run() }
        tasks.addTask { try await consumer.run() }
        while let messages = await consumer.poll(), follows || !messages.isEmpty, !Task.isCancelled {
          for message in messages { show(message, session) }
          await consumer.commit()
        }
        isAnswered = follows || Task.isCancelled || !consumer.queues.isEmpty
        tasks.cancelAll()
        try await tasks.waitForAll()
      }
    } catch let error as ClientError {
      throw AdminError(error)
    } catch {
      throw AdminError("\(error)")
    }
    guard isAnswered else {
      throw AdminError(
        "this member of the group '\(group)' got no queue of the topic '\(topic)': its brokers do not answer, or others"
          + " have them all")
    }
  }

  private func show(_ message: ReceivedMessage, _ session: AdminSession) {
    var notes = [
      message.tag.map { "tag \($0)" }, message.keys.isEmpty ? nil : "keys \(message.keys.joined(separator: " "))",
    ]
    .compactMap { $0 }.joined(separator: ", ")
    if !notes.isEmpty { notes = " (\(notes))" }
    session.show(
      message.jsonValue,
      as: "\(WallTime(milliseconds: message.storeMilliseconds).millisecondsText) \(message.queue.brokerName)"
        + ":\(message.queue.queueID)@\(message.queueOffset)\(notes) \(message.text)")
  }
}
