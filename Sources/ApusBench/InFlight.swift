import ApusBase

/// The requests that one connection has in flight: a fixed number of places, each with the time its request was due.
struct InFlight {
  private var due: [MonotonicTime]
  private var isTaken: [Bool]
  private var free: [Int]

  /// Makes `window` places.
  init(window: Int) {
    due = Array(repeating: MonotonicTime(nanoseconds: 0), count: window)
    isTaken = Array(repeating: false, count: window)
    free = Array((0..<window).reversed())
  }

  /// Whether another request may be sent.
  var hasRoom: Bool { !free.isEmpty }
  /// The times at which the unanswered requests were due.
  var waiting: [MonotonicTime] { due.indices.filter { isTaken[$0] }.map { due[$0] } }

  /// Takes a place and returns the number of its request. There must be room.
  mutating func take(due time: MonotonicTime) -> Int32 {
    let place = free.removeLast()
    due[place] = time
    isTaken[place] = true
    return RequestTemplate.numberBase + Int32(place)
  }

  /// Gives the place of an answered request back; nil for an answer that nobody waits for.
  mutating func release(_ number: Int32) -> MonotonicTime? {
    let place = Int(number) - Int(RequestTemplate.numberBase)
    guard isTaken.indices.contains(place), isTaken[place] else { return nil }
    isTaken[place] = false
    free.append(place)
    return due[place]
  }
}
