package import ApusBase

/// Whether one more send may wait for the device, judged by how long flushes took.
///
/// A synchronous send waits for what is left of the flush that is under way, and for the next one, which takes its
/// record along. A flush takes as long as flushes took lately (an average that forgets with time), or as long as its
/// bytes take at the measured rate, whichever is longer; one that lasts longer than that is expected to last as long
/// again. A send whose answer would come after its time is up is refused before it is stored, with how long to wait.
///
/// ``freeSends`` wait whatever the forecast: a bound that few sends reach is no bound on memory, and a device that
/// was slow once is measured again by those.
package struct FlushAdmission: Sendable {
  /// So many sends of one loop wait without being asked about.
  package static let freeSends = 1_000
  /// So many wait at most, whatever the forecast: what a loop holds for each is about 100 bytes.
  package static let mostSends = 100_000

  /// What becomes of a send.
  package enum Decision: Hashable, Sendable {
    /// It may wait.
    case admit
    /// It would be answered too late: to be tried again after this time.
    case refuse(retryAfter: Duration)
  }

  /// Nanoseconds of a flush, and bytes in a second, on average; zero before the first flush.
  private var flushNanoseconds: Double = 0
  private var bytesPerSecond: Double = 0
  /// Since when a flush is under way.
  private var began: MonotonicTime?

  /// Nothing is measured yet.
  package init() {}

  /// A flush begins.
  package mutating func flushBegan(now: MonotonicTime) { began = now }

  /// The flush under way is done: it brought so many bytes to the device.
  package mutating func flushEnded(bytes: Int, now: MonotonicTime) {
    guard let start = began else { return }
    began = nil
    let took = Double(max((now - start).nanoseconds, 1))
    let rate = Double(max(bytes, 0)) / took * 1e9
    flushNanoseconds = flushNanoseconds == 0 ? took : flushNanoseconds + (took - flushNanoseconds) / 8
    bytesPerSecond = bytesPerSecond == 0 ? rate : bytesPerSecond + (rate - bytesPerSecond) / 8
  }

  /// How long a send that is stored now waits for the device, with `bytes` of the log before it that the device does
  /// not have. Zero while nothing is measured.
  package func expectedWait(behind bytes: Int, now: MonotonicTime) -> Duration {
    let elapsed = began.map { Double(max((now - $0).nanoseconds, 0)) } ?? 0
    let usual = max(flushNanoseconds, 2 * elapsed)
    let rest = began == nil ? 0 : usual - elapsed
    let own = bytesPerSecond > 0 ? Double(max(bytes, 0)) / bytesPerSecond * 1e9 : 0
    // A forecast of more than an hour is an hour: nobody waits that long.
    return .nanoseconds(Int64(min(rest + max(usual, own), 3.6e12)))
  }

  /// Whether a send may wait when `waiting` sends of its loop and `bytes` of the log are before it, and its sender is
  /// answered after `limit` at the latest.
  package func decide(waiting: Int, bytes: Int, limit: Duration, now: MonotonicTime) -> Decision {
    guard waiting >= Self.freeSends else { return .admit }
    let wait = expectedWait(behind: bytes, now: now)
    guard wait > limit || waiting >= Self.mostSends else { return .admit }
    return .refuse(retryAfter: max(wait, .milliseconds(1)))
  }
}
