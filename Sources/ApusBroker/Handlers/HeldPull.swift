import ApusBase
import ApusBrokerCore
import ApusProtocol
import ApusStoreCore

/// A pull after its checks: everything needed to run it, now or later.
struct HeldPull: Sendable {
  /// The request's header, for the answer.
  var header: CommandHeader
  /// Where from.
  var topic: Topic
  /// Who pulls.
  var group: SubscriptionGroup
  /// The queue.
  var queueID: Int32
  /// From which message on.
  var offset: QueueOffset
  /// How many messages at most.
  var maxMessages: Int32
  /// The version of the subscription that it goes by, at least: what its group told of the topic. Nil for one that
  /// carries its filters itself.
  var subscriptionVersion: Int64?
  /// The tags; nil for all messages.
  var subscription: Subscription?
  /// The condition on the properties; nil for all messages.
  var condition: RecordCondition?
  /// What the queue's bit maps tell about the condition; nil for nothing.
  var bits: BitFilter?
  /// How long it may wait for a message; zero once it has waited.
  var wait: Duration
  /// Until when it waits; nil before it does.
  var heldUntil: MonotonicTime?
  /// When the look for messages began; nil while it waits for one.
  var began: MonotonicTime?
  /// How often it went on waiting.
  var looks = 0
}
