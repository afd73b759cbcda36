package import ApusBase

/// Finds the message of a queue that was stored nearest to a time, by halving; the caller says when each one was
/// stored.
///
/// An exact hit wins, else the nearer neighbour, a tie going to the earlier; before the first and after the last
/// message it is that one
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/ConsumeQueue.java,
/// `getOffsetInQueueByTime`). Java first picks a file by its modification time; this looks at the messages alone.
///
/// Where a message cannot be read, the next one that can says on which side of it the time lies. Java answers 0 then.
package struct TimeSearch: Sendable {
  /// What to do next.
  package enum Step: Hashable, Sendable {
    /// Tell when this message was stored.
    case probe(QueueOffset)
    /// The search is over.
    case found(QueueOffset)
  }

  private let time: WallTime
  private var low: Int64
  private var high: Int64
  private var before: (offset: Int64, time: WallTime)?
  private var after: (offset: Int64, time: WallTime)?
  private var exact: Int64?
  /// How many messages from the middle on cannot be read.
  private var skipped: Int64 = 0

  /// So many unreadable messages side by side are passed over. Behind more of them the search goes on before them: an
  /// answer that is too early has messages read again, one that is too late leaves some out.
  private static let skipLimit: Int64 = 1024

  /// Searches the messages `range` of a queue. An empty range has the answer `range.lowerBound`.
  package init(for time: WallTime, in range: Range<QueueOffset>) {
    self.time = time
    low = range.lowerBound.rawValue
    high = range.upperBound.rawValue
  }

  /// The message to look at, or the answer.
  package var next: Step {
    if let exact { return .found(QueueOffset(exact)) }
    if low < high { return .probe(QueueOffset(middle + skipped)) }
    guard let before else { return .found(QueueOffset(after?.offset ?? low)) }
    guard let after else { return .found(QueueOffset(before.offset)) }
    let toBefore = time.milliseconds &- before.time.milliseconds
    let toAfter = after.time.milliseconds &- time.milliseconds
    return .found(QueueOffset(toBefore <= toAfter ? before.offset : after.offset))
  }

  private var middle: Int64 { low + (high - low) / 2 }

  /// Tells when the probed message was stored; nil when it cannot be read.
  package mutating func learn(_ storeTime: WallTime?) {
    let middle = middle
    let probed = middle + skipped
    guard let storeTime else {
      skipped += 1
      guard probed + 1 == high || skipped == Self.skipLimit else { return }
      skipped = 0
      high = middle
      return
    }
    skipped = 0
    if storeTime == time {
      exact = probed
    } else if storeTime < time {
      before = (probed, storeTime)
      low = probed + 1
    } else {
      after = (probed, storeTime)
      high = middle
    }
  }
}
