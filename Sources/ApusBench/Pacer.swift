import ApusBase

/// When the requests of a fixed rate are due.
struct Pacer {
  private let start: MonotonicTime
  private let nanosecondsEach: Double
  private var count = 0.0

  /// The first is due at `start`.
  init(start: MonotonicTime, perSecond: Double) {
    precondition(perSecond > 0, "a rate is more than nothing")
    self.start = start
    nanosecondsEach = 1e9 / perSecond
  }

  /// When the next one is or was due, if that is not after `now`.
  func due(by now: MonotonicTime) -> MonotonicTime? {
    let time = start + .nanoseconds(Int64(count * nanosecondsEach))
    return time <= now ? time : nil
  }

  /// The next one has been sent.
  mutating func advance() { count += 1 }
}
