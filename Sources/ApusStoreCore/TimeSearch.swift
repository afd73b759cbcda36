package import ApusBase

/// Finds the message of a queue that was stored nearest to a time, by halving; the caller says when each one was
/// stored.
///
/// An exact hit wins, else the nearer neighbour, a tie going to the earlier; before the first and after the last
/// message it is that one
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/ConsumeQueue.java,
/// `getOffsetInQueueByTime`). Java first picks a file by its modification time; this looks at the messages alone.
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

  /// Searches the messages `range` of a queue. An empty range has the answer `range.lowerBound`.
  package init(for time: WallTime, in range: Range<QueueOffset>) {
    self.time = time
    low = range.lowerBound.rawValue
    high = range.upperBound.rawValue
  }

  /// The message to look at, or the answer.
  package var next: Step {
    if let exact { return .found(QueueOffset(exact)) }
    if low < high { return .probe(QueueOffset(low + (high - low) / 2)) }
    guard let before else { return .found(QueueOffset(after?.offset ?? low)) }
    guard let after else { return .found(QueueOffset(before.offset)) }
    let toBefore = time.milliseconds &- before.time.milliseconds
    let toAfter = after.time.milliseconds &- time.milliseconds
    return .found(QueueOffset(toBefore <= toAfter ? before.offset : after.offset))
  }

  /// Tells when the probed message was stored; nil when it cannot be read any more, which counts as too early.
  package mutating func learn(_ storeTime: WallTime?) {
    let middle = low + (high - low) / 2
    guard let storeTime else {
      low = middle + 1
      return
    }
    if storeTime == time {
      exact = middle
    } else if storeTime < time {
      before = (middle, storeTime)
      low = middle + 1
    } else {
      after = (middle, storeTime)
      high = middle
    }
  }
}
