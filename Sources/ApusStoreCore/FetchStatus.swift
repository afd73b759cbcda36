/// What became of a pull, as RocketMQ names it
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/GetMessageStatus.java).
package enum FetchStatus: String, Hashable, Sendable {
  /// There are messages.
  case found = "FOUND"
  /// The filter passed none of those looked at.
  case noMatchedMessage = "NO_MATCHED_MESSAGE"
  /// The record is not in the log any more, or is damaged.
  case messageWasRemoving = "MESSAGE_WAS_REMOVING"
  /// The queue's entry cannot be read.
  case offsetFoundNull = "OFFSET_FOUND_NULL"
  /// Beyond the end by more than one.
  case offsetOverflowBadly = "OFFSET_OVERFLOW_BADLY"
  /// At the end: wait for the next message.
  case offsetOverflowOne = "OFFSET_OVERFLOW_ONE"
  /// Before the first message.
  case offsetTooSmall = "OFFSET_TOO_SMALL"
  /// There is no such queue.
  case noMatchedLogicQueue = "NO_MATCHED_LOGIC_QUEUE"
  /// The queue never had a message.
  case noMessageInQueue = "NO_MESSAGE_IN_QUEUE"
}
