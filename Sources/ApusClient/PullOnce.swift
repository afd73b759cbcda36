import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// What a pull consumer can be asked without its ``PullConsumer/run()``.
extension PullConsumer {
  /// Pulls from a queue once, beside what ``PullConsumer/poll(timeout:)`` gives, as Java's DefaultMQPullConsumer does:
  /// the application keeps the offset. `selector` picks among the messages. `waits`: whether the broker holds the pull
  /// for `suspendTime` when there is nothing new.
  public func pull(
    _ queue: MessageQueue, from offset: Int64, limit: Int = 32, _ selector: Subscription.Selector = .all,
    waits: Bool = false
  ) async throws(ClientError) -> PullResult {
    guard offset >= 0 else { throw ClientError(.invalidArgument, "an offset is not negative, this is \(offset)") }
    guard 1...1024 ~= limit else { throw ClientError(.invalidArgument, "the limit is \(limit), not 1…1024") }
    let runtime = client.runtime
    let subscription = Subscription(queue.topic, selector).data(
      topic: queue.topic, version: SystemClock.wall().milliseconds)
    let pull = Pull(
      group: group, queue: queue, offset: offset, limit: Int32(limit), commit: nil,
      suspend: waits ? configuration.suspendTime : nil, subscription: subscription, version: subscription.version)
    let member = try await runtime.member(0, of: queue)
    let result = try await pull.answer(
      from: try await runtime.address(member.address, for: .pullMessage), named: member.address, by: runtime,
      timeout: waits ? configuration.suspendedPullTimeout : configuration.pullTimeout)
    return result.selected(by: subscription, namespace: runtime.configuration.namespace)
  }

  /// Tells the brokers how far the group has consumed a queue, as the application knows it.
  public func commit(_ queue: MessageQueue, offset: Int64) async throws(ClientError) {
    guard offset >= 0 else { throw ClientError(.invalidArgument, "an offset is not negative, this is \(offset)") }
    try await offsets.commit(queue, offset)
  }

  /// The queues of a topic that may be read: as they are, and again whenever they change.
  public func queueChanges(of topic: String) -> QueueChanges { QueueChanges(consumer: self, topic: topic) }

  /// The queues of a topic as the name servers know them now, sorted.
  func freshQueues(of topic: String) async throws(ClientError) -> [MessageQueue] {
    let topic = Namespace.wrap(topic, in: client.runtime.configuration.namespace)
    return try await client.runtime.routes.refresh(topic).readQueues.sorted()
  }
}

extension PullResult {
  /// The result under the names that the application knows, without the messages that only share the hash of a tag.
  func selected(by subscription: SubscriptionData?, namespace: String) -> PullResult {
    var result = self
    result.messages = messages.filter { Self.isWanted($0, by: subscription) }.map { message in
      var message = message
      message.properties["MIN_OFFSET"] = "\(minOffset)"
      message.properties["MAX_OFFSET"] = "\(maxOffset)"
      message.takeOriginalTopic(namespace: namespace)
      return message
    }
    return result
  }

  /// The broker selects by the hash of a tag, which other tags may share.
  private static func isWanted(_ message: ReceivedMessage, by subscription: SubscriptionData?) -> Bool {
    guard let subscription, subscription.isTagExpression, !subscription.tags.isEmpty else { return true }
    return message.tag.map { subscription.tags.contains($0) } ?? false
  }
}
