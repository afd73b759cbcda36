/// How long it took to put messages into the log: in Java's classes, and in classes fine enough for percentiles, four
/// to each doubling. Counting costs two additions.
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/StoreStatsService.java
package struct PutTimes: Hashable, Sendable {
  private static let names = [
    "[<=0ms]", "[0~10ms]", "[10~50ms]", "[50~100ms]", "[100~200ms]", "[200~500ms]", "[500ms~1s]", "[1~2s]", "[2~3s]",
    "[3~4s]", "[4~5s]", "[5~10s]", "[10s~]",
  ]
  /// From how many milliseconds on a class counts; the first class is what stays below a millisecond.
  private static let bounds: [Int64] = [1, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10_000]

  private var coarse = [Int64](repeating: 0, count: 13)
  /// Four classes for each doubling of nanoseconds.
  private var fine = [Int64](repeating: 0, count: 256)
  /// How many times were counted.
  package private(set) var count: Int64 = 0

  /// Starts at nothing.
  package init() {}

  /// Counts a time.
  package mutating func add(nanoseconds: Int64) {
    let time = UInt64(max(nanoseconds, 1))
    let octave = 63 - time.leadingZeroBitCount
    let quarter = octave < 2 ? 0 : Int(time >> UInt64(octave - 2)) & 3
    fine[octave * 4 + quarter] += 1
    let milliseconds = Int64(time / 1_000_000)
    coarse[Self.bounds.firstIndex { milliseconds < $0 } ?? Self.bounds.count] += 1
    count += 1
  }

  /// Takes over what another one counted.
  package mutating func add(_ other: PutTimes) {
    guard other.count > 0 else { return }
    for index in fine.indices { fine[index] += other.fine[index] }
    for index in coarse.indices { coarse[index] += other.coarse[index] }
    count += other.count
  }

  /// The time that a share of all stays within, in nanoseconds, as the upper end of its class; 0 when nothing was
  /// counted. `share` is between 0 and 1.
  package func nanoseconds(within share: Double) -> Int64 {
    guard count > 0 else { return 0 }
    let wanted = max(Int64((Double(count) * share).rounded(.up)), 1)
    var seen: Int64 = 0
    for index in fine.indices {
      seen += fine[index]
      if seen >= wanted {
        let (octave, quarter) = (index / 4, Int64(index % 4))
        guard octave >= 2 else { return 1 << Int64(octave + 1) }
        let start = Int64(1) << Int64(octave)
        return octave < 62 ? start + (start >> 2) * (quarter + 1) : .max
      }
    }
    return .max
  }

  /// The classes as Java writes them: `[<=0ms]:7 [0~10ms]:0 ` …
  package var classes: String {
    zip(Self.names, coarse).map { "\($0):\($1) " }.joined()
  }
}
