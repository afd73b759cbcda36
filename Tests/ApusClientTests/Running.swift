@testable import ApusClient

/// Something that lives as long as the task that runs it.
protocol Runnable: Sendable {
  func run() async throws(ClientError)
}

extension MessageClient: Runnable {}
extension PushConsumer: Runnable {}
extension PullConsumer: Runnable {}

/// Runs a client and its consumers until `body` is done.
func running<Result>(
  _ client: MessageClient, _ consumers: [any Runnable] = [], _ body: () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await client.run() }
    for consumer in consumers { group.addTask { try await consumer.run() } }
    let result = try await body()
    group.cancelAll()
    try await group.waitForAll()
    return result
  }
}

/// What a listener saw, for a test to wait for.
final class Seen: Sendable {
  let messages: AsyncStream<ReceivedMessage>
  private let continuation: AsyncStream<ReceivedMessage>.Continuation

  init() { (messages, continuation) = AsyncStream.makeStream() }

  func add(_ all: [ReceivedMessage]) { for message in all { continuation.yield(message) } }

  /// The next `count` messages.
  func first(_ count: Int) async -> [ReceivedMessage] {
    var found: [ReceivedMessage] = []
    for await message in messages {
      found.append(message)
      if found.count == count { break }
    }
    return found
  }
}

extension ConsumerConfiguration {
  /// The defaults, but a new group begins at the oldest message.
  static var fromStart: ConsumerConfiguration {
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    return configuration
  }
}
