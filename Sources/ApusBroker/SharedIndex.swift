package import ApusBase
package import ApusStore
package import ApusSystem
import Synchronization

/// The index as threads share it, and the thread that fills it from the log.
///
/// One thread follows the log behind the dispatchable mark; queries take the index's lock for a lookup. Files are
/// created, populated and flushed outside of that lock.
///
/// An index that is built anew, as after a kill or with other measures, is behind for minutes. Nobody waits for that:
/// queries find what is in it so far, and a stop leaves the rest to the next start.
package final class SharedIndex: @unchecked Sendable {
  /// How much of the log is looked at in one go, in bytes: more than the largest record, which no frame can exceed.
  private static let sliceBytes = 17 << 20
  /// With no more of the log than this to be put in, in bytes, queries and the end wait for it: less than a second.
  package static let waitingBytes = 64 << 20
  /// How often a growing log is looked at.
  private static let interval = Duration.milliseconds(50)
  /// How long a device that failed is left alone before the next try.
  private static let retryInterval = Duration.seconds(1)

  private let lock = Lock()
  private let index: MessageIndex
  private let store: SharedStore
  private let log: Logger
  private let thread = StepThread(name: "apus-index")
  private let waitingBytes: Int
  /// Where the next record to be put in begins; used by whoever holds ``building``.
  private var position: PhysicalOffset { didSet { reached.store(position.rawValue, ordering: .releasing) } }
  /// The same for those who do not hold it.
  private let reached: Atomic<Int64>
  /// Held while the index grows: the thread and a query that cannot wait take turns.
  private let building = Lock()
  private let isStopping = Atomic(false)

  /// Shares an index that nobody else uses.
  package init(
    _ index: MessageIndex, store: SharedStore, log: Logger, waitingBytes: Int = SharedIndex.waitingBytes
  ) {
    position = index.resumeOffset
    reached = Atomic(index.resumeOffset.rawValue)
    self.waitingBytes = waitingBytes
    self.index = index
    self.store = store
    self.log = log
  }

  /// Starts the thread.
  package func start() throws(SystemError) {
    try thread.start { [self] now in step(now) }
  }

  /// Ends the thread, when it has put in at most a slice more.
  package func stop() {
    isStopping.store(true, ordering: .releasing)
    thread.stop()
  }

  /// The log grew. Cheap enough for every turn of a loop.
  package func logGrew() { thread.nudge() }

  /// Puts in what the log has more, unless that takes long, brings the newest file to the device and closes the files:
  /// for a clean stop. Returns whether all of that was done.
  package func close() -> Bool {
    var isWhole = true
    if isFarBehind {
      log.warning("index", "the index is behind the log: the next start goes on building it")
    } else {
      isStopping.store(false, ordering: .releasing)
      if case .failed = catchUp() { isWhole = false }
    }
    while let step = lock.withLock({ index.planFlush() }) {
      guard run(step) else {
        isWhole = false
        break
      }
    }
    lock.withLock { index.close(on: store.disk) }
    return isWhole
  }

  /// The store time up to which index entries are on the device.
  package var durableTime: WallTime { lock.withLock { index.durableTime } }

  /// The records that may have a key, by ascending offset, at most `limit`; and the newest record that the index knows.
  /// Everything sent before the call is found, unless the index is far behind. Waits for the device.
  package func query(
    topic: String, key: String, limit: Int, from: WallTime, to: WallTime
  ) -> (offsets: [PhysicalOffset], last: (time: WallTime, offset: PhysicalOffset)) {
    if !isFarBehind { _ = catchUp() }
    return lock.withLock {
      (
        index.query(
          topic: Array(topic.utf8).rawSpan, key: Array(key.utf8).rawSpan, in: from...max(from, to), limit: limit),
        index.lastUpdate
      )
    }
  }

  /// Lets go of index files that only hold records which have left the log. Waits for the device.
  package func removeExpired(before minimum: PhysicalOffset) {
    guard let removal = lock.withLock({ index.takeExpired(before: minimum) }) else { return }
    remove(removal)
  }

  private func remove(_ removal: IndexRemoval) {
    do throws(DiskError) {
      try removal.run(on: store.disk)
    } catch {
      log.error("index", "removing index files failed", ["cause": error])
    }
  }

  // MARK: Following the log

  private func step(_ now: MonotonicTime) -> MonotonicTime? {
    switch catchUp() {
    case .nothingNew: nil
    case .caughtUp: now + Self.interval
    case .failed: now + Self.retryInterval
    }
  }

  private enum Progress {
    case nothingNew
    case caughtUp
    case failed
  }

  /// Whether more is left to be put in than anybody waits for.
  private var isFarBehind: Bool {
    let (start, end) = store.withLock { ($0.minOffset, $0.marks.dispatchable) }
    return end - max(start, PhysicalOffset(reached.load(ordering: .acquiring))) > waitingBytes
  }

  private func catchUp() -> Progress {
    building.withLock { () -> Progress in
      var progress = Progress.nothingNew
      while true {
        if isStopping.load(ordering: .acquiring) { return progress }
        switch store.withLock({ $0.read(from: position, limit: Self.sliceBytes) }) {
        case .end: return progress
        case .cold(let plan): store.warm(plan)
        case .failed: return .failed
        case .slice(let slice):
          guard put(slice) else { return .failed }
          progress = .caughtUp
        }
      }
    }
  }

  /// Puts the records of a slice in and moves on behind them. False when the device failed.
  private func put(_ slice: LogSlice) -> Bool {
    let progress = lock.withLock { index.put(slice) }
    position = progress.next
    return !progress.needsStep || makeRoom()
  }

  private func makeRoom() -> Bool {
    while let step = lock.withLock({ index.planStep(now: SystemClock.wall()) { LocalTime($0).compact } }) {
      guard run(step) else { return false }
    }
    return true
  }

  private func run(_ step: IndexStep) -> Bool {
    do throws(DiskError) {
      let result = try step.run(on: store.disk)
      lock.withLock { index.finish(step, result) }
      let time = lock.withLock { index.durableTime }
      store.withLock { $0.indexTime = time }
      return true
    } catch {
      log.error("index", "an index file cannot be written", ["cause": error])
      if let removal = lock.withLock({ index.abandon(step) }) { remove(removal) }
      position = lock.withLock { index.resumeOffset }
      return false
    }
  }
}
