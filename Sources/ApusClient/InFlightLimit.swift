import ApusSystem

/// Lets so many through at once; the others wait in line.
final class InFlightLimit: Sendable {
  private struct State {
    var free: Int
    /// Those who wait, by number; numbers of those who left are missing.
    var line: [UInt64: PendingAnswer<Bool>] = [:]
    var firstID: UInt64 = 0
    var nextID: UInt64 = 0
  }

  private let state: Locked<State>

  init(_ limit: Int) {
    precondition(limit > 0, "a limit below 1 lets nobody through")
    state = Locked(State(free: limit))
  }

  /// Waits for a place, at most as long as told. False when the time is over or the task is cancelled first; then there
  /// is none to give back.
  func enter(within limit: Duration? = nil) async -> Bool {
    let place = state.withLock { state -> (id: UInt64, pending: PendingAnswer<Bool>)? in
      if state.free > 0 {
        state.free -= 1
        return nil
      }
      let place = (id: state.nextID, pending: PendingAnswer<Bool>())
      state.nextID += 1
      state.line[place.id] = place.pending
      return place
    }
    guard let place else { return true }
    let hasEntered =
      if let limit {
        await place.pending.value(ifCancelled: false, within: limit, ifLate: false)
      } else {
        await place.pending.value(ifCancelled: false)
      }
    if hasEntered { return true }
    // Whoever left may have handed the place over in the same moment.
    let wasWaiting = state.withLock { $0.line.removeValue(forKey: place.id) != nil }
    if !wasWaiting { leave() }
    return false
  }

  /// Gives a place back.
  func leave() {
    let next = state.withLock { state -> PendingAnswer<Bool>? in
      guard !state.line.isEmpty else {
        state.free += 1
        return nil
      }
      while true {
        defer { state.firstID += 1 }
        if let first = state.line.removeValue(forKey: state.firstID) { return first }
      }
    }
    next?.resolve(true)
  }
}
