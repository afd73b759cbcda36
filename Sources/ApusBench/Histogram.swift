/// Counts of durations in buckets that grow with the value: 64 to every power of two, so that a bucket is at most 1.6 %
/// wide. Recording is a shift and an addition; the size is fixed at 30 KB whatever is recorded.
///
/// | value | bucket |
/// |---|---|
/// | 0…63 | one each |
/// | 2^k…2^(k+1) − 1, k ≥ 6 | 64 of equal width |
package struct Histogram: Sendable {
  private static let steps = 64
  private static let stepBits = 6

  private var counts = [UInt64](repeating: 0, count: (64 - Histogram.stepBits + 1) * Histogram.steps)
  /// How many values were recorded.
  package private(set) var count: UInt64 = 0
  /// The largest value that was recorded, exactly; 0 when there is none.
  package private(set) var maximum: UInt64 = 0

  package init() {}

  /// Counts one value.
  package mutating func record(_ value: UInt64) {
    counts[Self.bucket(of: value)] += 1
    count += 1
    maximum = max(maximum, value)
  }

  /// Adds everything that another histogram counted.
  package mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    maximum = max(maximum, other.maximum)
  }

  /// The value that `fraction` (0…1) of the recorded ones do not exceed: the upper end of its bucket, at most
  /// ``maximum``. 0 when nothing was recorded.
  package func percentile(_ fraction: Double) -> UInt64 {
    precondition((0...1).contains(fraction), "a percentile is a fraction of 0 to 1")
    guard count > 0 else { return 0 }
    let rank = max(1, UInt64((fraction * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, bucketCount) in counts.enumerated() {
      seen += bucketCount
      if seen >= rank { return min(Self.upperEnd(of: index), maximum) }
    }
    return maximum
  }

  private static func bucket(of value: UInt64) -> Int {
    guard value >= UInt64(steps) else { return Int(value) }
    let power = 63 - value.leadingZeroBitCount
    let step = Int(truncatingIfNeeded: value >> UInt64(power - stepBits)) & (steps - 1)
    return (power - stepBits + 1) * steps + step
  }

  private static func upperEnd(of bucket: Int) -> UInt64 {
    guard bucket >= steps else { return UInt64(bucket) }
    let shift = UInt64(bucket / steps - 1)
    let lower = UInt64(steps + bucket % steps) << shift
    return lower + ((1 << shift) - 1)
  }
}
