package import ApusModel

/// What becomes of a message that a consumer gave back.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/processor/SendMessageProcessor.java
/// (`asyncConsumerSendMsgBack`).
package enum Redelivery: Hashable, Sendable {
  /// It comes again after the delay of this level, which is 1 at least and may be above the last one.
  case retry(level: Int64)
  /// It goes to the dead letters.
  case dead(DeadLetter.Reason)

  /// The level of the first retry.
  package static let firstLevel: Int64 = 3

  /// Decides about a message that was tried `reconsumeTimes` times before this one and may be tried `limit` times;
  /// `delayLevel` is what the consumer asks for. A number of tries below 0, which a sender may have made up, counts as
  /// a few tries less but never leads below the first level.
  package init(delayLevel: Int32, reconsumeTimes: Int32, limit: Int32) {
    if reconsumeTimes >= limit {
      self = .dead(.triedTooOften)
    } else if delayLevel < 0 {
      self = .dead(.givenUp)
    } else {
      self = .retry(level: delayLevel == 0 ? max(Self.firstLevel + Int64(reconsumeTimes), 1) : Int64(delayLevel))
    }
  }
}
