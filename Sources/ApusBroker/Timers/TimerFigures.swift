package import Synchronization

/// What the broker tells of its timers: counted on their loop, read by any thread.
package final class TimerFigures: Sendable {
  /// How many messages wait.
  package let pending = Atomic(0)
  /// The next entry of the timers' queue to take in.
  package let position = Atomic<Int64>(0)
  /// How many were taken in.
  package let enqueued = Atomic<Int64>(0)
  /// How many were delivered.
  package let dequeued = Atomic<Int64>(0)
  /// How many were cancelled.
  package let cancelled = Atomic<Int64>(0)
  /// By how many milliseconds the last one was late.
  package let lateness = Atomic<Int64>(0)

  /// Nothing yet.
  package init() {}

  /// One was delivered.
  func delivered(lateBy milliseconds: Int64) {
    dequeued.add(1, ordering: .relaxed)
    lateness.store(milliseconds, ordering: .relaxed)
  }
}
