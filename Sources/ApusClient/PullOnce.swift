import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// What a pull consumer can be asked without its ``PullConsumer/run()``.
extension PullConsumer {
  /// Pulls from a queue once, beside what ``PullConsumer/poll(timeout:)`` gives, as Java's DefaultMQPullConsumer does:
  /// the application keeps the offset. It brings at most `limit` messages, 1…1024, from `offset` on, which is not below
  /// 0; `selector` picks among them. `waits`: whether the broker holds the pull for
  /// ``PullConsumerConfiguration/suspendTime`` when there is nothing new. Finding nothing is a result, not an error.
  public func pull(
    _ queue: MessageQueue, from offset: Int64, limit: Int = 32, _ selector: Subscription.Selector = .all,
    waits: Bool = false
  ) async throws(ClientError) -> PullResult {
    guard offset >= 0 else { throw ClientError(.invalidArgument, "an offset is not negative, this is \(offset)") }
    guard 1...1024 ~= limit else { throw ClientError(.invalidArgument, "the limit is \(limit), not 1…1024") }
    let runtime = client.runtime
    let queue = wrapped(queue)
    let pull = Pull(
      once: queue, from: offset, limit: Int32(limit), selector, for: group,
      suspend: waits ? configuration.suspendTime : nil)
    let deadline =
      SystemClock.monotonic() + (waits ? configuration.suspendedPullTimeout : configuration.pullTimeout)
    let member = try await runtime.member(0, of: queue, by: deadline)
    return try await pull.result(
      from: member.address, by: runtime, timeout: try deadline.left()
    ).named(in: runtime.configuration.namespace)
  }

  /// Tells the brokers how far the group has consumed a queue, as the application knows it: `offset`, not below 0, is
  /// the next one to be consumed.
  public func commit(_ queue: MessageQueue, offset: Int64) async throws(ClientError) {
    guard offset >= 0 else { throw ClientError(.invalidArgument, "an offset is not negative, this is \(offset)") }
    try await offsets.commit(wrapped(queue), offset)
  }

  /// The queues of a topic that may be read: as they are, and again whenever they change.
  public func queueChanges(of topic: String) -> QueueChanges { QueueChanges(consumer: self, topic: topic) }

  /// The queues of a topic as the name servers know them now, sorted.
  func freshQueues(of topic: String) async throws(ClientError) -> [MessageQueue] {
    let topic = Namespace.wrap(topic, in: client.runtime.configuration.namespace)
    return try await client.runtime.routes.refresh(topic).readQueues.sorted()
  }
}

extension Pull {
  /// A pull that stands for itself: it carries its expression, and commits nothing.
  init(
    once queue: MessageQueue, from offset: Int64, limit: Int32, _ selector: Subscription.Selector, for group: String,
    suspend: Duration? = nil
  ) {
    let subscription = Subscription(queue.topic, selector).data(
      topic: queue.topic, version: SystemClock.wall().milliseconds)
    self.init(
      group: group, queue: queue, offset: offset, limit: limit, commit: nil, suspend: suspend,
      subscription: subscription, version: subscription.version)
  }

  /// Asks the broker at `host:port`, and waits for what matches the expression.
  func result(from broker: String, by runtime: ClientRuntime, timeout: Duration) async throws(ClientError) -> PullResult
  {
    let deadline = SystemClock.monotonic() + timeout
    let address = try await runtime.address(broker, for: .pullMessage, by: deadline)
    let answer = try await answer(from: address, named: broker, by: runtime, timeout: try deadline.left())
    return answer.matching(subscription)
  }
}

extension PullResult {
  /// The result without the messages that only share the hash of a tag with those that are wanted.
  func matching(_ subscription: SubscriptionData?) -> PullResult {
    var result = self
    result.messages = messages.filter { Self.isWanted($0, by: subscription) }
    return result
  }

  /// The result under the names that the application knows, its messages with the ends of their queue.
  func named(in namespace: String) -> PullResult {
    var result = self
    result.messages = messages.map { message in
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
