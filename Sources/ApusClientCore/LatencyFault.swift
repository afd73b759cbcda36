package import ApusBase

/// Which brokers were slow or failed lately and are better left alone for a while (`sendLatencyFaultEnable`).
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/latency/MQFaultStrategy.java
package struct LatencyFault: Sendable {
  private struct Record {
    var latency: Duration
    var availableAt: MonotonicTime
  }

  /// From which latency on a broker is left alone, and for how long.
  package typealias Step = (latency: Duration, pause: Duration)

  /// Java's defaults of `latencyMax` and `notAvailableDuration`.
  package static let standardSteps: [Step] = [
    (.milliseconds(50), .zero), (.milliseconds(100), .zero), (.milliseconds(550), .seconds(30)),
    (.milliseconds(1_000), .seconds(60)), (.milliseconds(2_000), .seconds(120)),
    (.milliseconds(3_000), .seconds(180)), (.milliseconds(15_000), .seconds(600)),
  ]
  /// What a send that failed counts as.
  package static let failureLatency = Duration.seconds(30)

  private var records: [String: Record] = [:]
  private let steps: [Step]

  /// Knows of no fault. Latencies of the steps grow.
  package init(steps: [Step] = standardSteps) { self.steps = steps }

  /// A send to a broker took this long; ``failureLatency`` when it failed.
  package mutating func sent(to broker: String, in latency: Duration, now: MonotonicTime) {
    let pause = steps.last { latency >= $0.latency }?.pause ?? .zero
    records[broker] = Record(latency: latency, availableAt: now + pause)
  }

  /// Whether a broker may be sent to.
  package func isAvailable(_ broker: String, now: MonotonicTime) -> Bool {
    records[broker].map { $0.availableAt <= now } ?? true
  }

  /// Of these the broker to try when none is available: the one that is so soonest, of several the fastest.
  package func leastBad(of brokers: some Sequence<String>) -> String? {
    brokers.min { left, right in
      guard let left = records[left] else { return records[right] != nil }
      guard let right = records[right] else { return false }
      return (left.availableAt, left.latency) < (right.availableAt, right.latency)
    }
  }
}
