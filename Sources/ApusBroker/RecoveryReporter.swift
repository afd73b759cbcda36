import ApusBase
import ApusStore
import ApusSystem

/// Says in the log how far a start has come, once a second from the first second on: most starts end before.
final class RecoveryReporter {
  private let log: Logger
  private let interval: Duration
  private var due: MonotonicTime

  init(log: Logger, every interval: Duration = .seconds(1)) {
    self.log = log
    self.interval = interval
    due = SystemClock.monotonic() + interval
  }

  /// Takes in how far it has come.
  func report(_ progress: RecoveryProgress) {
    let now = SystemClock.monotonic()
    guard now >= due else { return }
    due = now + interval
    log.info("store", "\(progress)")
  }
}
