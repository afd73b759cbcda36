package import ApusBase
package import ApusProtocol

/// How quickly a consumer takes the messages of its topics, as code 307 tells it: over the last minute, failures over
/// the last hour.
package struct ConsumeStatistics: Sendable {
  private struct Topic: Sendable {
    /// Sums are microseconds, counts pulls or calls of the listener.
    var pullTime = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    var consumeTime = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    /// Messages.
    var pulled = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    var consumed = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    var failed = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    var failedInHour = SlidingSum(slotLength: .seconds(60), slotCount: 60)
  }

  private static let windowSeconds = 60.0

  private var topics: [String: Topic] = [:]

  /// Has seen nothing.
  package init() {}

  /// A pull brought `count` messages after `latency`.
  package mutating func pulled(_ topic: String, count: Int, latency: Duration, now: MonotonicTime) {
    topics[topic, default: Topic()].pullTime.add(latency.nanoseconds / 1000, now: now)
    topics[topic, default: Topic()].pulled.add(Int64(count), now: now)
  }

  /// The listener took `latency` over messages, and is done with `succeeded` of them.
  package mutating func consumed(
    _ topic: String, succeeded: Int, failed: Int, latency: Duration, now: MonotonicTime
  ) {
    topics[topic, default: Topic()].consumeTime.add(latency.nanoseconds / 1000, now: now)
    if succeeded > 0 { topics[topic, default: Topic()].consumed.add(Int64(succeeded), now: now) }
    if failed > 0 {
      topics[topic, default: Topic()].failed.add(Int64(failed), now: now)
      topics[topic, default: Topic()].failedInHour.add(Int64(failed), now: now)
    }
  }

  /// The figures of a topic.
  package func status(of topic: String, now: MonotonicTime) -> ConsumeStatus {
    var status = ConsumeStatus()
    guard let found = topics[topic] else { return status }
    status.pullMilliseconds = Self.mean(found.pullTime.total(now: now))
    status.pullRate = Double(found.pulled.total(now: now).sum) / Self.windowSeconds
    status.consumeMilliseconds = Self.mean(found.consumeTime.total(now: now))
    status.consumeRate = Double(found.consumed.total(now: now).sum) / Self.windowSeconds
    status.failureRate = Double(found.failed.total(now: now).sum) / Self.windowSeconds
    status.failures = found.failedInHour.total(now: now).sum
    return status
  }

  private static func mean(_ total: (sum: Int64, count: Int64)) -> Double {
    total.count > 0 ? Double(total.sum) / Double(total.count) / 1000 : 0
  }
}
