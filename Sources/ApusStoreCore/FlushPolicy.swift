package import ApusBase

/// When the log is flushed: at once when somebody waits for it, else as Java's asynchronous flush does: every 500 ms if
/// at least four pages of 4 KiB are dirty, and everything every 10 s
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java,
/// `FlushRealTimeService`).
package struct FlushPolicy: Hashable, Sendable {
  /// How often dirty pages are looked at (`flushIntervalCommitLog`).
  package var interval: Duration = .milliseconds(500)
  /// How many dirty bytes make a flush worth it (`flushCommitLogLeastPages` of 4 KiB).
  package var leastBytes = 4 * 4096
  /// How long dirty bytes may wait at most (`flushCommitLogThoroughInterval`).
  package var thoroughInterval: Duration = .seconds(10)

  /// Nil before the first.
  private var lastFlush: MonotonicTime?

  /// Starts with Java's numbers.
  package init() {}

  /// Starts with numbers of one's own.
  package init(interval: Duration, leastBytes: Int, thoroughInterval: Duration) {
    self.interval = interval
    self.leastBytes = leastBytes
    self.thoroughInterval = thoroughInterval
  }

  /// Whether to flush `dirty` bytes now. `waiting` says that an answer depends on it. Remembers a yes.
  package mutating func shouldFlush(dirty: Int, waiting: Bool, now: MonotonicTime) -> Bool {
    guard dirty > 0 else { return false }
    if !waiting, let lastFlush {
      let idle = now - lastFlush
      guard idle >= thoroughInterval || (idle >= interval && dirty >= leastBytes) else { return false }
    }
    lastFlush = now
    return true
  }
}
