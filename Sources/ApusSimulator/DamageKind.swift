/// How bytes that were durable come to be others.
package enum DamageKind: String, CaseIterable, Hashable, Sendable {
  /// A bit of the log is another.
  case flippedBit
  /// Sectors of the log are zeroes: the device took a write and lost it.
  case lostWrite
  /// Sectors of the log hold what belongs elsewhere in it: the device wrote it to the wrong place.
  case misdirectedWrite
  /// A bit of a queue file is another.
  case flippedQueueBit
  /// Sectors of a queue file are zeroes, and entries stand behind them.
  case lostQueueWrite
  /// A bit of an index file is another.
  case flippedIndexBit
  /// A log file was cut short while the store was closed.
  case cutLogFile
  /// A queue file was cut short while the store was closed.
  case cutQueueFile
  /// A queue file was removed while the store was closed.
  case lostQueueFile
  /// An index file was removed while the store was closed.
  case lostIndexFile
  /// A bit of the record of deleted topics is another.
  case flippedDeletionBit
  /// The record of deleted topics was cut short while the store was closed.
  case cutDeletions
  /// The record of deleted topics was removed while the store was closed.
  case lostDeletions
  /// Checkpoint or mark was removed while the store was closed.
  case lostMark
}
