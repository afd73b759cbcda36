package import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusStoreCore

/// A pull after its checks: everything needed to run it, now or later.
package struct HeldPull: Sendable {
  /// The request's header, for the answer.
  package var header: CommandHeader
  /// Where from.
  package var topic: Topic
  /// Who pulls.
  package var group: SubscriptionGroup
  /// The queue.
  package var queueID: Int32
  /// From which message on.
  package var offset: QueueOffset
  /// How many messages at most.
  package var maxMessages: Int32
  /// The version of the subscription that it goes by, at least: what its group told of the topic. Nil for one that carries
  /// its filters itself.
  package var subscriptionVersion: Int64?
  /// The tags; nil for all messages.
  package var subscription: Subscription?
  /// The condition on the properties; nil for all messages.
  package var condition: RecordCondition?
  /// What the queue's bit maps tell about the condition; nil for nothing.
  package var bits: BitFilter?
  /// How long it may wait for a message; zero once it has waited.
  package var wait: Duration
  /// Until when it waits; nil before it does.
  package var heldUntil: MonotonicTime?
  /// When the look for messages began; nil while it waits for one.
  package var began: MonotonicTime?
  /// How often it went on waiting.
  package var looks = 0
}
