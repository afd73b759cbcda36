package import ApusBase

/// Finds out after a stop what waits: from a snapshot, from the copies that the log holds behind the snapshot's mark,
/// and from the timers' queue behind its position.
///
/// Every record that a timer brought forth, delivered or stored anew, names its source. So whatever the process had
/// come to when it stopped, a message that was delivered is not delivered again, and one that was not still waits. A
/// timer that was stored anew waits at its new place from the first moment on, as it did in the process that stopped,
/// so that it meets the cancellations that came before its copy.
package struct TimerReplay: Sendable {
  /// What a record of the timers' queue says.
  package enum Record: Hashable, Sendable {
    /// A message waits.
    case wait(TimerWheel.Timer)
    /// A waiting message is cancelled.
    case cancel(key: UInt64)
  }

  /// What became of a source.
  private enum Copy: Hashable {
    case delivered
    case movedTo(PhysicalOffset)
  }

  private var copies: [PhysicalOffset: Copy] = [:]
  /// Places of the queue that are accounted for already.
  private var known: Set<PhysicalOffset> = []
  /// What waits so far.
  package private(set) var wheel: TimerWheel

  private let queueStart: PhysicalOffset

  /// Begins with nothing. `queueStart` is where the first record lies that the timers' queue will give.
  package init(now: WallTime, queueStart: PhysicalOffset) {
    self.queueStart = queueStart
    // So that what became due meanwhile comes out in order.
    wheel = TimerWheel(now: now.advanced(byMilliseconds: -TimerRequest.longestDelay))
  }

  /// The log holds, behind the mark, a copy of the record at `source`: at `place` in the timers' topic, or delivered
  /// when that is nil. To be told in the log's order, before everything else.
  package mutating func sawCopy(of source: PhysicalOffset, at place: PhysicalOffset?) {
    copies[source] = place.map { .movedTo($0) } ?? .delivered
  }

  /// The snapshot holds a timer. `start` is where the log begins: what lay before is gone.
  package mutating func restore(_ timer: TimerWheel.Timer, logStart start: PhysicalOffset) {
    guard timer.offset >= start || copies[timer.offset] != nil else { return }
    if timer.offset >= queueStart { known.insert(timer.offset) }
    add(timer)
  }

  /// The timers' queue holds a record, at `offset` of the log. To be told in the queue's order, after the snapshot.
  package mutating func take(_ record: Record, at offset: PhysicalOffset) {
    switch record {
    case .wait(let timer):
      guard known.remove(offset) == nil else { return }
      add(timer)
    case .cancel(let key): while let id = wheel.find(key: key) { wheel.remove(id) }
    }
  }

  private mutating func add(_ timer: TimerWheel.Timer) {
    var timer = timer
    while let copy = copies[timer.offset] {
      guard case .movedTo(let place) = copy, place > timer.offset else { return }
      timer.offset = place
      known.insert(place)
    }
    wheel.add(timer)
  }
}
