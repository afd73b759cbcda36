package import ApusBase
package import ApusStore
import ApusStoreCore
package import ApusSystem
import Synchronization

/// The index as threads share it, and the thread that fills it from the log.
///
/// One thread follows the log behind the dispatchable mark; queries take the index's lock for a lookup, and put in
/// themselves what little is missing. Files are created, populated and flushed outside of that lock.
package final class SharedIndex: @unchecked Sendable {
  /// How often a growing log is looked at.
  private static let interval = Duration.milliseconds(50)
  /// How long a device that failed is left alone before the next try.
  private static let retryInterval = Duration.seconds(1)

  private let lock = Lock()
  private let index: MessageIndex
  private let store: SharedStore
  private let log: Logger
  private let thread = StepThread(name: "apus-index")
  /// The log offset of ``position``; changed by whoever holds ``building``.
  private let next: Atomic<Int64>
  /// Held for a slice of the log: the thread and a query that cannot wait take turns.
  private let building = Lock()
  /// How many bytes of the log a query or a stop puts in, at most.
  private let waitBytes: Int

  /// Shares an index that nobody else uses. It may be far behind the log, as when a crash has it built anew: beyond
  /// `waitBytes` a query is answered from what it holds, and a stop leaves the rest to the next start.
  package init(_ index: MessageIndex, store: SharedStore, waitBytes: Int = 64 << 20, log: Logger) {
    next = Atomic(index.resumeOffset.rawValue)
    self.index = index
    self.store = store
    self.waitBytes = waitBytes
    self.log = log
  }

  /// Starts the thread.
  package func start() throws(SystemError) {
    try thread.start { [self] now in step(now) }
  }

  /// Ends the thread.
  package func stop() { thread.stop() }

  /// The log grew. Cheap enough for every turn of a loop.
  package func logGrew() { thread.nudge() }

  /// Puts in what the log has more, unless that is much, brings the newest file to the device and closes the files: for
  /// a clean stop. Returns whether all of that was done.
  package func close() -> Bool {
    var isWhole = true
    if case .failed = catchUpUnlessFarBehind() { isWhole = false }
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
  /// Everything sent before the call is found, unless the index is far behind: it may be so for minutes, and the
  /// threads that queries wait on serve others too. Waits for the device.
  package func query(
    topic: String, key: String, limit: Int, from: WallTime, to: WallTime
  ) -> (offsets: [PhysicalOffset], last: (time: WallTime, offset: PhysicalOffset)) {
    _ = catchUpUnlessFarBehind()
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
    // A slice at a time, so that a stop does not wait for an index that is far behind.
    switch building.withLock({ putSlice() }) {
    case .nothingNew: nil
    case .grown: position < store.withLock({ $0.marks.dispatchable }) ? now : now + Self.interval
    case .failed: now + Self.retryInterval
    }
  }

  private enum Progress {
    case nothingNew
    case grown
    case failed
  }

  /// Where the next record to be put in begins.
  private var position: PhysicalOffset { PhysicalOffset(next.load(ordering: .acquiring)) }

  /// Puts in what the log has now.
  private func catchUpUnlessFarBehind() -> Progress {
    let (start, end) = store.withLock { ($0.minOffset, $0.marks.dispatchable) }
    var progress = Progress.nothingNew
    guard end - max(position, start) <= waitBytes else { return progress }
    while position < end {
      progress = building.withLock { putSlice() }
      if progress != .grown { break }
    }
    return progress
  }

  /// Puts in the next slice of the log.
  private func putSlice() -> Progress {
    while true {
      switch store.withLock({ $0.read(from: position, limit: LogSlice.sufficientBytes) }) {
      case .end: return .nothingNew
      case .cold(let plan): store.warm(plan)
      case .failed: return .failed
      case .slice(let slice): return put(slice) ? .grown : .failed
      }
    }
  }

  /// Puts the records of a slice in and moves on behind them. False when the device failed.
  private func put(_ slice: LogSlice) -> Bool {
    let progress = lock.withLock { index.put(slice) }
    next.store(progress.next.rawValue, ordering: .releasing)
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
      next.store(lock.withLock { index.resumeOffset }.rawValue, ordering: .releasing)
      return false
    }
  }
}
