package import ApusBase
import Synchronization

/// How the flushes of the log went: counted on their thread, read by any.
package final class FlushFigures: Sendable {
  private static let none = Int64.min

  private let done = Atomic<Int64>(0)
  private let nanoseconds = Atomic<Int64>(0)
  /// Since when one is under way.
  private let since = Atomic<Int64>(FlushFigures.none)

  /// Nothing yet.
  package init() {}

  /// How many there were.
  package var count: Int64 { done.load(ordering: .relaxed) }

  /// How long all of them took together.
  package var total: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

  /// How long the one that is under way has taken so far; zero when there is none.
  package func running(now: MonotonicTime) -> Duration {
    let since = since.load(ordering: .relaxed)
    return since == Self.none ? .zero : max(now - MonotonicTime(nanoseconds: since), .zero)
  }

  /// One begins.
  func began(now: MonotonicTime) { since.store(now.rawValue, ordering: .relaxed) }

  /// The one under way is over, well or not.
  func ended(now: MonotonicTime) {
    let start = since.exchange(Self.none, ordering: .relaxed)
    guard start != Self.none else { return }
    nanoseconds.add(max(now.nanoseconds(since: MonotonicTime(nanoseconds: start)), 0), ordering: .relaxed)
    done.add(1, ordering: .relaxed)
  }
}
