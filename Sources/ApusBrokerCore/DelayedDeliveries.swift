package import ApusBase

/// Decides when delayed messages are delivered. Each level has a queue whose messages become due one after the other;
/// this knows where each level is, which message comes next and when, and tells its owner what to do. It reads nothing
/// itself.
///
/// The owner asks ``next(now:)``, does what it says and reports, until it is told to wait. What the owner cannot do at
/// once (a record that only the device has) it takes away with ``takeAway(_:)`` and brings back with ``bringBack(_:)``;
/// other levels go on meanwhile.
///
/// Within a level the order is the queue's, as in Java: a message waits for those before it. A message that is due
/// later than a whole delay from now was stored before the clock was set back: it is delivered at once.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/schedule/ScheduleMessageService.java
package struct DelayedDeliveries: Sendable {
  /// What the owner does next.
  package enum Step: Hashable, Sendable {
    /// Look at the entry of a level's queue at an offset and ``learn(_:_:)``.
    case read(level: Int, at: QueueOffset)
    /// Deliver the message at an offset, then ``passed(_:)``.
    case deliver(level: Int, at: QueueOffset)
    /// Ask again at this moment, or when a message was stored; nil when nothing is pending.
    case wait(until: WallTime?)
  }

  /// What stands at an offset of a level's queue.
  package enum Reading: Hashable, Sendable {
    /// A message that is due at this moment.
    case message(due: WallTime)
    /// Nothing: the queue goes from `min` to below `max`.
    case outside(min: QueueOffset, max: QueueOffset)
    /// Nothing that can be read before `next`.
    case unreadable(next: QueueOffset)
  }

  private enum State: Hashable {
    /// The entry at `next` was not looked at.
    case unread
    /// Nothing is at `next`.
    case empty
    /// The message at `next` is due then.
    case due(WallTime)
    /// The owner is busy with it.
    case away
  }

  private struct Level {
    var delay: Int64
    var next = QueueOffset.zero
    var isKnown = false
    var state = State.unread
  }

  private var levels: [Level]
  /// Which level is looked at first, so that a busy one does not hold up the others.
  private var turn = 0

  /// Starts where the levels were left: `delays` in milliseconds, level 1 first; offsets by level. A level that was
  /// left nowhere starts at its queue's beginning.
  package init(delays: [Int64], from offsets: [Int: QueueOffset]) {
    levels = delays.map { Level(delay: $0) }
    for (level, offset) in offsets where levels.indices.contains(level - 1) {
      levels[level - 1].next = offset
      levels[level - 1].isKnown = true
    }
  }

  /// What to do now.
  package mutating func next(now: WallTime) -> Step {
    var earliest: WallTime?
    for step in levels.indices {
      let index = (turn + step) % levels.count
      let level = levels[index]
      switch level.state {
      case .unread:
        turn = index
        return .read(level: index + 1, at: level.next)
      case .due(let due):
        if due <= now || due > now.advanced(byMilliseconds: level.delay) {
          // The next level has its turn after this message.
          turn = (index + 1) % levels.count
          return .deliver(level: index + 1, at: level.next)
        }
        earliest = min(earliest ?? due, due)
      case .empty, .away: break
      }
    }
    return .wait(until: earliest)
  }

  /// The owner has looked at the entry of a level.
  package mutating func learn(_ level: Int, _ reading: Reading) {
    switch reading {
    case .message(let due): levels[level - 1].state = .due(due)
    case .outside(let min, let max):
      let next = Swift.max(min, Swift.min(levels[level - 1].next, max))
      levels[level - 1].state = next < max ? .unread : .empty
      levels[level - 1].next = next
    case .unreadable(let next):
      levels[level - 1].next = Swift.max(next, levels[level - 1].next + 1)
      levels[level - 1].isKnown = true
      levels[level - 1].state = .unread
    }
  }

  /// The message at the head of a level was delivered, or will never be.
  package mutating func passed(_ level: Int) {
    levels[level - 1].next = levels[level - 1].next + 1
    levels[level - 1].isKnown = true
    levels[level - 1].state = .unread
  }

  /// The owner does something for a level that takes time: the level is left alone.
  package mutating func takeAway(_ level: Int) { levels[level - 1].state = .away }

  /// The owner is done: the level is looked at anew.
  package mutating func bringBack(_ level: Int) { levels[level - 1].state = .unread }

  /// Messages were stored in some of the queues.
  package mutating func grew() {
    for index in levels.indices where levels[index].state == .empty { levels[index].state = .unread }
  }

  /// Where the levels are: the offset of the next message to deliver. Levels that never had one are left out, as Java
  /// does.
  package var offsets: [Int: QueueOffset] {
    var offsets: [Int: QueueOffset] = [:]
    for (index, level) in levels.enumerated() where level.isKnown { offsets[index + 1] = level.next }
    return offsets
  }
}
