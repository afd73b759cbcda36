import ApusSystem
import Synchronization

/// Somebody wants expired log files removed now: told to the thread that does that.
package final class RemovalRequest: Sendable {
  private let isMade = Atomic(false)
  private let wake = Locked<(@Sendable () -> Void)?>(nil)

  /// Nobody wants anything yet.
  package init() {}

  /// `action` is called after each request, on any thread.
  package func onRequest(_ action: @escaping @Sendable () -> Void) { wake.withLock { $0 = action } }

  /// Requests.
  package func make() {
    isMade.store(true, ordering: .releasing)
    wake.withLock { $0 }?()
  }

  /// Whether there was a request since the last call.
  package func take() -> Bool { isMade.exchange(false, ordering: .acquiringAndReleasing) }
}
