package import ApusBase

/// Sends that are stored but whose acknowledgement waits until the store's mode is fulfilled (flushed, replicated), in
/// the order of the log. One loop owns one such queue, so that what it holds is already in log order and an
/// acknowledgement is a pop.
///
/// Each entry is answered exactly once: as acknowledged when the mark covers it, or as timed out when its deadline
/// passed first.
package struct PendingAcknowledgements<Token> {
  private struct Entry {
    var token: Token
    var end: PhysicalOffset
    var deadline: MonotonicTime
  }

  private var entries: [Entry] = []
  private var head = 0

  package init() {}

  /// How many sends wait.
  package var count: Int { entries.count - head }

  /// Whether no send waits.
  package var isEmpty: Bool { head == entries.count }

  /// When the oldest send times out; nil when none waits. Deadlines are added in order, so the oldest is the first; a
  /// send whose time is shorter than those before it had, as after the setting was lowered, times out with them.
  package var nextDeadline: MonotonicTime? { isEmpty ? nil : entries[head].deadline }

  /// The log offset that would acknowledge everything waiting; nil when nothing waits.
  package var lastEnd: PhysicalOffset? { isEmpty ? nil : entries[entries.count - 1].end }

  /// Adds a send whose record ends at `end`; no entry before it may end later.
  package mutating func add(_ token: Token, end: PhysicalOffset, deadline: MonotonicTime) {
    precondition(isEmpty || entries[entries.count - 1].end <= end, "sends wait in the order of the log")
    entries.append(Entry(token: token, end: end, deadline: deadline))
  }

  /// Takes out the oldest send whose record ends at or below `mark`; nil when there is none.
  package mutating func popAcknowledged(upTo mark: PhysicalOffset) -> Token? {
    guard head < entries.count, entries[head].end <= mark else { return nil }
    return pop()
  }

  /// Takes out the oldest send whose deadline has passed; nil when there is none.
  package mutating func popExpired(now: MonotonicTime) -> Token? {
    guard head < entries.count, entries[head].deadline <= now else { return nil }
    return pop()
  }

  /// Takes out the oldest send, whatever it waits for; nil when none is left. For a store that can acknowledge no more.
  package mutating func popAny() -> Token? {
    head < entries.count ? pop() : nil
  }

  private mutating func pop() -> Token {
    let token = entries[head].token
    head += 1
    if head == entries.count {
      entries.removeAll(keepingCapacity: true)
      head = 0
    } else if head >= 1024, head * 2 >= entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return token
  }
}
