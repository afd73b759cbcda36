package import ApusBase

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

/// How much a pull may bring, apart from the store's own limits.
package struct FetchLimits: Hashable, Sendable {
  /// How many messages the client asked for.
  package var maxMessages: Int
  /// How many bytes the caller has room for; the first message is given whatever its size.
  package var maxBytes: Int
  /// Whether the records are looked into before it is known which ones count: then all that may be scanned are brought,
  /// up to ``inspectedBytes``, and the limits are held when the choice is made.
  package var inspects: Bool

  /// How many bytes of records are brought to be looked into; the first record is brought whatever its size.
  package static var inspectedBytes: Int { 4 << 20 }

  /// Puts limits together.
  package init(maxMessages: Int, maxBytes: Int = .max, inspects: Bool = false) {
    self.maxMessages = maxMessages
    self.maxBytes = maxBytes
    self.inspects = inspects
  }

  /// How many entries are looked at: at least 800.
  package var scanLimit: Int { max(800, min(maxMessages, 1 << 20)) }
}

/// Which messages a pull wants, by what queue entries and their extension units tell.
package enum EntryFilter: Hashable, Sendable {
  /// All.
  case all
  /// Those whose tags have one of these hashes. Others with the same hash pass too; the client looks again.
  case hashes([Int32])
  /// Those that may meet a condition. Entries without a unit pass.
  case bits(BitFilter)

  /// Whether an entry with this tags code passes. The address of an extension unit, which holds the hash, passes, as it
  /// does in Java when the unit is lost.
  package func matches(_ tagsCode: Int64) -> Bool {
    switch self {
    case .all, .bits: true
    case .hashes(let hashes):
      ConsumeQueueExtension.isAddress(tagsCode) || hashes.contains(Int32(truncatingIfNeeded: tagsCode))
    }
  }

  /// Whether an entry with this unit passes.
  package func matches(_ unit: ConsumeQueueExtension) -> Bool {
    switch self {
    case .all: true
    case .hashes: ConsumeQueueExtension.isAddress(unit.tagsCode) || matches(unit.tagsCode)
    case .bits(let filter): filter.mayPass(unit)
    }
  }

  /// Whether units are looked at.
  package var looksAtUnits: Bool { if case .all = self { false } else { true } }
}

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
