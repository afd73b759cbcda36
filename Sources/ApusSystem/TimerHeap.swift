import ApusBase

/// One-shot timers of a loop, ordered by time and, for equal times, by the order they were made. Cold: a timer costs an
/// allocation.
struct TimerHeap {
  private struct Entry {
    var time: MonotonicTime
    var id: UInt64

    func isBefore(_ other: Entry) -> Bool { time == other.time ? id < other.id : time < other.time }
  }

  private var entries: [Entry] = []
  private var actions: [UInt64: () -> Void] = [:]
  /// The id of the timer that was made last.
  private(set) var lastID: UInt64 = 0

  /// When the first timer is due.
  var next: MonotonicTime? { entries.first?.time }

  mutating func add(at time: MonotonicTime, _ action: @escaping () -> Void) -> UInt64 {
    lastID += 1
    actions[lastID] = action
    entries.append(Entry(time: time, id: lastID))
    var child = entries.count - 1
    while child > 0, entries[child].isBefore(entries[(child - 1) / 2]) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
    return lastID
  }

  /// Takes a timer back; one that has run is no error.
  mutating func cancel(_ id: UInt64) {
    guard actions.removeValue(forKey: id) != nil else { return }
    // Cancelled entries leave when they come to the top, or all at once when they are the most.
    if entries.count > 64, entries.count > 2 * actions.count {
      let live = entries.filter { actions[$0.id] != nil }.sorted { $0.isBefore($1) }
      entries = live
    }
    dropCancelled()
  }

  /// Takes the first timer that is due, unless it was made after the one with this id.
  mutating func popDue(_ now: MonotonicTime, madeUpTo last: UInt64) -> (() -> Void)? {
    guard let first = entries.first, first.time <= now, first.id <= last else { return nil }
    removeFirst()
    let action = actions.removeValue(forKey: first.id)
    dropCancelled()
    return action
  }

  private mutating func dropCancelled() {
    while let first = entries.first, actions[first.id] == nil { removeFirst() }
  }

  private mutating func removeFirst() {
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
        if entries[child].isBefore(entries[least]) { least = child }
      }
      if least == parent { return }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
