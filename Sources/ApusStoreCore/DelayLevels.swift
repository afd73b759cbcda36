package import ApusBase

/// The delays that a message can ask for by number, 1 being the first (`messageDelayLevel`).
package struct DelayLevels: Hashable, Sendable {
  /// Java's eighteen levels.
  package static let standard = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"

  /// The delays in milliseconds, level 1 first.
  package let milliseconds: [Int64]

  /// Reads numbers with unit s, m, h or d, separated by spaces. Nil when one is anything else.
  package init?(_ text: String) {
    var delays: [Int64] = []
    for word in text.split(separator: " ") {
      let unit: Int64
      switch word.utf8.last {
      case UInt8(ascii: "s"): unit = 1000
      case UInt8(ascii: "m"): unit = 60_000
      case UInt8(ascii: "h"): unit = 3_600_000
      case UInt8(ascii: "d"): unit = 86_400_000
      default: return nil
      }
      guard let count = Int64(word.dropLast()), count >= 0 else { return nil }
      let (delay, overflow) = count.multipliedReportingOverflow(by: unit)
      guard !overflow else { return nil }
      delays.append(delay)
    }
    guard !delays.isEmpty else { return nil }
    milliseconds = delays
  }

  /// The level that a message gets which asks for `level`: the last one when it asks for more. 0 and less is no delay.
  package func clamped(_ level: Int64) -> Int { Int(max(0, min(level, Int64(milliseconds.count)))) }

  /// When a message of this level, stored at `storeTime`, is delivered. Level 0 is delivered one second later, as in
  /// Java.
  package func deliveryTime(level: Int, storedAt storeTime: WallTime) -> WallTime {
    let delay = milliseconds.indices.contains(level - 1) ? milliseconds[level - 1] : 1000
    return storeTime.advanced(byMilliseconds: delay)
  }
}
