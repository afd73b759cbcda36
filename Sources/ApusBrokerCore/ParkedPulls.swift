package import ApusBase

/// Pulls that found nothing and wait for a message to arrive, for their time to run out or for their connection to
/// close.
///
/// A pull waits without a thread: what is kept is a value that lets the shell run it again in full. One instance serves
/// one event loop. Parking, waking and forgetting take constant time; only the look for pulls whose time is up goes
/// through all of them, at most once every ``scanInterval`` and only when one may be due.
///
/// A woken pull is run again. One that goes on waiting, as what came was not for it, keeps its deadline, so that each
/// is answered at the latest when its time is up. Every five seconds the shell compares all queues that pulls wait for
/// with the store, as a wake-up that went missing must not cost a message its delivery
/// (apache/rocketmq@rocketmq-all-4.9.8:broker/…/longpolling/PullRequestHoldService.java).
package struct ParkedPulls<Pull: Sendable> {
  /// A pull that no longer waits.
  package struct Released: Sendable {
    /// What the shell parked.
    package var pull: Pull
    /// The connection it came from.
    package var connection: UInt64
  }

  /// What became of a request to wait.
  package enum Outcome: Sendable {
    /// It waits.
    case parked
    /// There is no room: answer now that nothing was found.
    case full
  }

  private struct Slot {
    var pull: Pull?
    var queue: QueueKey
    var connection: UInt64
    /// The first offset that satisfies the pull.
    var wanted: Int64
    var subscription: Subscription?
    var deadline: MonotonicTime
  }

  private struct Links {
    var previous: Int32 = -1
    var next: Int32 = -1
  }

  private struct List {
    var head: Int32 = -1
    var tail: Int32 = -1
    var count = 0
  }

  /// How many pulls may wait at once.
  package let capacity: Int
  /// How many pulls of one connection may wait at once.
  package let capacityPerConnection: Int
  /// How late the end of a pull's time may be noticed.
  package static var scanInterval: Duration { .milliseconds(100) }
  /// How often all queues are compared with the store.
  package static var checkInterval: Duration { .seconds(5) }

  private var slots: [Slot] = []
  private var vacant: [Int32] = []
  private var queueLinks: [Links] = []
  private var connectionLinks: [Links] = []
  /// Lists stay when they run empty: the same queues and connections come back at once.
  private var queues: [QueueKey: List] = [:]
  private var connections: [UInt64: List] = [:]
  /// No pull's time is up before this moment.
  private var nothingDueBefore = MonotonicTime(nanoseconds: .max)
  private var nextScan = MonotonicTime(nanoseconds: .min)
  private var nextCheck: MonotonicTime?

  /// Makes a place for `capacity` pulls, of which one connection may hold `perConnection`.
  package init(capacity: Int, perConnection: Int) {
    self.capacity = capacity
    self.capacityPerConnection = perConnection
  }

  /// How many pulls wait.
  package var count: Int { slots.count - vacant.count }
  /// Whether none waits.
  package var isEmpty: Bool { count == 0 }

  /// Lets a pull wait until a message at or above offset `wanted` that `subscription` may want (nil: any) is in
  /// `queue`, and no longer than `deadline`.
  package mutating func park(
    _ pull: Pull, connection: UInt64, queue: QueueKey, wanted: Int64, subscription: Subscription?,
    deadline: MonotonicTime
  ) -> Outcome {
    guard count < capacity, connections[connection]?.count ?? 0 < capacityPerConnection else { return .full }
    let slot = Slot(
      pull: pull, queue: queue, connection: connection, wanted: wanted, subscription: subscription, deadline: deadline)
    let number: Int32
    if let reused = vacant.popLast() {
      number = reused
      slots[Int(reused)] = slot
    } else {
      number = Int32(slots.count)
      slots.append(slot)
      queueLinks.append(Links())
      connectionLinks.append(Links())
    }
    Self.link(number, to: &queues[queue, default: List()], &queueLinks)
    Self.link(number, to: &connections[connection, default: List()], &connectionLinks)
    nothingDueBefore = min(nothingDueBefore, deadline)
    return .parked
  }

  /// A message with `tagsCode` was put at `offset` of `queue`: takes out the pulls that may want it and appends them to
  /// `released`.
  package mutating func arrived(_ queue: QueueKey, offset: Int64, tagsCode: Int64, released: inout [Released]) {
    guard var number = queues[queue]?.head else { return }
    while number >= 0 {
      let slot = slots[Int(number)]
      let next = queueLinks[Int(number)].next
      if slot.wanted <= offset, slot.subscription?.matches(tagsCode: tagsCode) ?? true {
        release(number, into: &released)
      }
      number = next
    }
  }

  /// `queue` now ends before offset `end`, with messages that nobody looked at: takes out all pulls that wait for less
  /// and appends them to `released`.
  package mutating func arrived(_ queue: QueueKey, end: Int64, released: inout [Released]) {
    guard var number = queues[queue]?.head else { return }
    while number >= 0 {
      let slot = slots[Int(number)]
      let next = queueLinks[Int(number)].next
      if slot.wanted < end { release(number, into: &released) }
      number = next
    }
  }

  /// Whether any pull waits for `queue`.
  package func isAwaited(_ queue: QueueKey) -> Bool { (queues[queue]?.count ?? 0) > 0 }

  /// Takes out the pulls whose time is up and appends them to `released`.
  package mutating func expire(now: MonotonicTime, released: inout [Released]) {
    guard now >= nothingDueBefore, now >= nextScan else { return }
    var earliest = MonotonicTime(nanoseconds: .max)
    for number in slots.indices where slots[number].pull != nil {
      if slots[number].deadline <= now {
        release(Int32(number), into: &released)
      } else {
        earliest = min(earliest, slots[number].deadline)
      }
    }
    nothingDueBefore = earliest
    nextScan = now + Self.scanInterval
  }

  /// Every ``checkInterval``, the queues that pulls wait for; the shell looks each up and calls
  /// ``arrived(_:end:released:)``.
  package mutating func queuesToCheck(now: MonotonicTime) -> [QueueKey] {
    guard !isEmpty else {
      nextCheck = nil
      return []
    }
    guard let due = nextCheck else {
      nextCheck = now + Self.checkInterval
      return []
    }
    guard now >= due else { return [] }
    nextCheck = now + Self.checkInterval
    return queues.filter { $0.value.count > 0 }.map(\.key)
  }

  /// A connection is gone: forgets its pulls.
  package mutating func connectionClosed(_ connection: UInt64) {
    guard var number = connections[connection]?.head else { return }
    while number >= 0 {
      let next = connectionLinks[Int(number)].next
      remove(number)
      number = next
    }
    connections[connection] = nil
  }

  /// The process is stopping, or a topic went away: takes out all pulls, or those of one topic, and appends them to
  /// `released`.
  package mutating func releaseAll(topic: Int32? = nil, released: inout [Released]) {
    for number in slots.indices where slots[number].pull != nil {
      if let topic, slots[number].queue.topic != topic { continue }
      release(Int32(number), into: &released)
    }
    if let topic { queues = queues.filter { $0.key.topic != topic || $0.value.count > 0 } }
  }

  private mutating func release(_ number: Int32, into released: inout [Released]) {
    guard let pull = slots[Int(number)].pull else { preconditionFailure("released a pull that does not wait") }
    released.append(Released(pull: pull, connection: slots[Int(number)].connection))
    remove(number)
  }

  private mutating func remove(_ number: Int32) {
    let queue = slots[Int(number)].queue
    let connection = slots[Int(number)].connection
    Self.unlink(number, from: &queues[queue, default: List()], &queueLinks)
    Self.unlink(number, from: &connections[connection, default: List()], &connectionLinks)
    slots[Int(number)].pull = nil
    slots[Int(number)].subscription = nil
    vacant.append(number)
  }

  /// Appends to a list, so that who waits longest is woken first.
  private static func link(_ number: Int32, to list: inout List, _ links: inout [Links]) {
    links[Int(number)] = Links(previous: list.tail, next: -1)
    if list.tail >= 0 { links[Int(list.tail)].next = number } else { list.head = number }
    list.tail = number
    list.count += 1
  }

  private static func unlink(_ number: Int32, from list: inout List, _ links: inout [Links]) {
    let link = links[Int(number)]
    if link.previous >= 0 { links[Int(link.previous)].next = link.next } else { list.head = link.next }
    if link.next >= 0 { links[Int(link.next)].previous = link.previous } else { list.tail = link.previous }
    list.count -= 1
  }
}
