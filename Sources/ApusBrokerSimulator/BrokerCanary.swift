/// A mistake put where a broker with a bug would make it: into its files, its disk or its answers. The checkers must
/// find each, or they would find nothing. None of it is in the broker's own code.
package enum BrokerCanary: String, CaseIterable, Hashable, Sendable {
  /// A flush reports success without having flushed: answers are sent before what they promise.
  case acknowledgeBeforeFlush
  /// A flush or sync that failed is taken for one that succeeded.
  case ignoreSyncErrors
  /// A rollback is taken for a commit.
  case deliverRolledBack
  /// The offsets of half messages are written ahead of what has ended.
  case forgetHalfMessage
  /// A delivered timer is taken for one that waits.
  case deliverTimerTwice
  /// What should become a dead letter is acknowledged and dropped.
  case loseDeadLetter
  /// A lock is granted to whoever asks.
  case grantEveryLock
  /// A message is answered with the queue offset of the one before it.
  case reuseOffset
  /// A group's offset is written ahead of what it consumed.
  case skipMessages
  /// A repeated send is answered with the place of another message.
  case confuseSends
  /// The ids of a batch's messages are answered in another order.
  case misplaceBatch
  /// A light queue is read without some of its messages.
  case skipLightMessages
  /// A member of a group commits behind the newest message that it was given, not before the oldest unfinished one.
  case commitGiven
  /// A log file is removed before its time.
  case removeTooSoon
  /// After a crash the end of the log is taken for whole, as after a stop in order.
  case trustTail
  /// That a topic was deleted is not recorded.
  case forgetDeletion
  /// A deletion takes the messages of the topic that was made again under the name, too.
  case hideNextLife
}
