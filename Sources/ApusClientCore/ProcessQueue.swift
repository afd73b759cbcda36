package import ApusBase

/// The messages of one queue that have been pulled and not been consumed yet, and how far the queue is consumed without
/// a gap. Inlinable, so that it is compiled for the one type of message that clients have.
package struct ProcessQueue<Message: Sendable>: Sendable {
  /// When no more is pulled for a while.
  package struct Limits: Hashable, Sendable {
    /// `pullThresholdForQueue`: messages.
    package var count: Int
    /// `pullThresholdSizeForQueue`: bytes of bodies.
    package var bytes: Int
    /// `consumeConcurrentlyMaxSpan`: from the first offset to the last; nil where order makes it meaningless.
    package var span: Int64?

    /// Limits a queue.
    package init(count: Int, bytes: Int, span: Int64?) {
      self.count = count
      self.bytes = bytes
      self.span = span
    }
  }

  @usableFromInline
  struct Entry {
    /// Nil once it is consumed: it may be large, and stand for long behind one that is not.
    @usableFromInline var message: Message?
    @usableFromInline var bytes: Int
    @usableFromInline var offset: Int64
    /// When it was handed out last.
    @usableFromInline var taken: MonotonicTime?

    @usableFromInline
    init(message: Message, bytes: Int, offset: Int64) {
      (self.message, self.bytes, self.offset) = (message, bytes, offset)
    }

    @inlinable var isDone: Bool { message == nil }
  }

  /// In the order of their offsets; those before ``head`` are gone.
  @usableFromInline var entries: [Entry] = []
  @usableFromInline var head = 0
  /// Where the next one to be handed out stands.
  @usableFromInline var next = 0
  /// The offset behind the last one put in.
  @usableFromInline var end: Int64
  /// Bytes of the messages that are not consumed.
  @usableFromInline package internal(set) var bytes = 0
  /// How many messages are not consumed.
  @usableFromInline package internal(set) var count = 0

  /// An empty queue that goes on at an offset.
  @inlinable
  package init(from offset: Int64) { end = offset }

  /// Up to where, exclusively, every message is consumed.
  @inlinable
  package var consumed: Int64 { head < entries.count ? entries[head].offset : end }

  /// How many messages wait to be handed out.
  @inlinable
  package var waiting: Int { entries.count - next }

  /// The offsets of the messages that are not consumed, oldest first.
  @inlinable
  package var pendingOffsets: [Int64] { entries[head...].filter { !$0.isDone }.map(\.offset) }

  /// The offsets of those of them that were handed out, oldest first.
  @inlinable
  package var takenOffsets: [Int64] { entries[head..<next].filter { !$0.isDone }.map(\.offset) }

  /// Adds messages in the order of their offsets, and moves on to `nextOffset` behind them. Those before the present
  /// end have been added before and are left out, as is one at the last number there is, which has nothing behind it.
  @inlinable
  package mutating func put(_ messages: [(offset: Int64, bytes: Int, message: Message)], nextOffset: Int64) {
    for (offset, size, message) in messages where offset >= end && offset < .max {
      entries.append(Entry(message: message, bytes: size, offset: offset))
      bytes += size
      count += 1
      end = offset + 1
    }
    end = max(end, nextOffset)
  }

  /// Hands out up to `limit` messages that have not been, or are to be again.
  @inlinable
  package mutating func take(_ limit: Int, now: MonotonicTime? = nil) -> [(offset: Int64, message: Message)] {
    var taken: [(offset: Int64, message: Message)] = []
    while next < entries.count, taken.count < limit {
      // What was put back may have been consumed all the same.
      if let message = entries[next].message {
        if now != nil { entries[next].taken = now }
        taken.append((entries[next].offset, message))
      }
      next += 1
    }
    return taken
  }

  /// Whether a message is in hand and not consumed.
  @inlinable
  package func holds(_ offset: Int64) -> Bool { index(of: offset).map { !entries[$0].isDone } ?? false }

  /// Up to `limit` of the messages, oldest first, that were handed out `time` ago or earlier and are not consumed.
  @inlinable
  package func overdue(after time: Duration, now: MonotonicTime, limit: Int) -> [Message] {
    let late = entries[head..<next].lazy.filter { !$0.isDone && ($0.taken.map { now - $0 >= time } ?? false) }
    return late.prefix(limit).compactMap { $0.message }
  }

  /// Hands out again what was handed out and is not consumed: for queues that are consumed in order.
  @inlinable
  package mutating func putBack() { next = head }

  /// Replaces a message that was handed out and is not consumed.
  @inlinable
  package mutating func update(_ offset: Int64, _ message: Message) {
    if let index = index(of: offset), !entries[index].isDone { entries[index].message = message }
  }

  /// Messages are consumed. Returns up to where, exclusively, every one is.
  @inlinable
  @discardableResult
  package mutating func finish(_ offsets: [Int64]) -> Int64 {
    for offset in offsets {
      guard let index = index(of: offset), !entries[index].isDone else { continue }
      entries[index].message = nil
      bytes -= entries[index].bytes
      count -= 1
    }
    while head < entries.count, entries[head].isDone { head += 1 }
    next = max(next, head)
    if head > 1024, head * 2 > entries.count {
      entries.removeFirst(head)
      next -= head
      head = 0
    }
    return consumed
  }

  /// Everything that was handed out is consumed, or with `end` what of it lies before that offset. Returns up to where,
  /// exclusively, everything is.
  @inlinable
  @discardableResult
  package mutating func finishTaken(before end: Int64? = nil) -> Int64 {
    finish(entries[head..<next].map(\.offset).filter { $0 < end ?? .max })
  }

  /// Whether no more should be pulled for now.
  @inlinable
  package func isFull(_ limits: Limits) -> Bool {
    if count >= limits.count || bytes >= limits.bytes { return true }
    guard let span = limits.span, let last = entries.last, head < entries.count else { return false }
    let (distance, isBeyond) = last.offset.subtractingReportingOverflow(entries[head].offset)
    return isBeyond || distance > span
  }

  /// Forgets everything and goes on at an offset.
  @inlinable
  package mutating func reset(to offset: Int64) { self = ProcessQueue(from: offset) }

  @inlinable
  func index(of offset: Int64) -> Int? {
    var (low, high) = (head, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].offset == offset ? low : nil
  }
}
