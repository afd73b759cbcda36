import ApusBase
import ApusClientCore
import ApusProtocol
import ApusSystem

/// Counts what one consumer does: for brokers that ask (code 307), and for the application's metrics.
final class ConsumeMeter: Sendable {
  /// When the consumer was made.
  let startTime = SystemClock.wall()
  private let group: String
  private let metrics: (any ClientMetrics)?
  private let statistics = Locked(ConsumeStatistics())

  init(group: String, metrics: (any ClientMetrics)?) {
    self.group = group
    self.metrics = metrics
  }

  /// A pull that began then has ended; nil for one that failed.
  func pulled(_ topic: String, count: Int?, since began: MonotonicTime) {
    guard count != 0 else { return }
    let now = SystemClock.monotonic()
    if let count { statistics.withLock { $0.pulled(topic, count: count, latency: now - began, now: now) } }
    guard let metrics else { return }
    guard let count else { return metrics.add(1, to: .pullsFailed, topic: topic, group: group) }
    metrics.add(count, to: .messagesPulled, topic: topic, group: group)
    metrics.record(now - began, for: .pullTime, topic: topic, group: group)
  }

  /// The listener has answered that it was called then.
  func consumed(_ topic: String, succeeded: Int, failed: Int, since began: MonotonicTime) {
    let now = SystemClock.monotonic()
    statistics.withLock { $0.consumed(topic, succeeded: succeeded, failed: failed, latency: now - began, now: now) }
    guard let metrics else { return }
    if succeeded > 0 { metrics.add(succeeded, to: .messagesConsumed, topic: topic, group: group) }
    if failed > 0 { metrics.add(failed, to: .messagesFailed, topic: topic, group: group) }
    metrics.record(now - began, for: .consumeTime, topic: topic, group: group)
  }

  /// The figures of topics.
  func status(of topics: [String]) -> [ConsumerRunningInfo.Topic] {
    let now = SystemClock.monotonic()
    return statistics.withLock { statistics in
      topics.map { ConsumerRunningInfo.Topic($0, statistics.status(of: $0, now: now)) }
    }
  }
}
