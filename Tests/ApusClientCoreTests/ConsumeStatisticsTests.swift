import ApusBase
import ApusProtocol
import Testing

@testable import ApusClientCore

@Suite struct ConsumeStatisticsTests {
  private static func at(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: 0) + .milliseconds(Int64(seconds * 1000))
  }

  @Test func `a window forgets what is older than it, slot by slot`() {
    var sum = SlidingSum(slotLength: .seconds(10), slotCount: 6)
    for second in stride(from: 0.0, to: 60, by: 10) { sum.add(1, now: Self.at(second)) }
    #expect(sum.total(now: Self.at(59)) == (6, 6))
    #expect(sum.total(now: Self.at(60)) == (5, 5))
    sum.add(10, count: 2, now: Self.at(65))
    #expect(sum.total(now: Self.at(69)) == (15, 7))
    #expect(sum.total(now: Self.at(100)) == (11, 3))
    #expect(sum.total(now: Self.at(1000)) == (0, 0))
    // A slot that comes again after long begins empty.
    sum.add(3, now: Self.at(3605))
    #expect(sum.total(now: Self.at(3605)) == (3, 1))
  }

  @Test func `a clock below zero is a clock too`() {
    var sum = SlidingSum(slotLength: .seconds(1), slotCount: 3)
    let time = MonotonicTime(nanoseconds: -5_000_000_000)
    sum.add(7, now: time)
    #expect(sum.total(now: time) == (7, 1))
  }

  @Test func `rates are those of a minute, failures those of an hour, times means`() {
    var statistics = ConsumeStatistics()
    #expect(statistics.status(of: "T", now: Self.at(0)) == ConsumeStatus())
    statistics.pulled("T", count: 90, latency: .milliseconds(10), now: Self.at(1))
    statistics.pulled("T", count: 30, latency: .milliseconds(20), now: Self.at(2))
    statistics.consumed("T", succeeded: 57, failed: 3, latency: .milliseconds(4), now: Self.at(3))
    statistics.consumed("T", succeeded: 3, failed: 0, latency: .milliseconds(2), now: Self.at(4))
    statistics.consumed("Other", succeeded: 600, failed: 0, latency: .seconds(1), now: Self.at(4))
    var expected = ConsumeStatus()
    expected.pullMilliseconds = 15
    expected.pullRate = 2
    expected.consumeMilliseconds = 3
    expected.consumeRate = 1
    expected.failureRate = 0.05
    expected.failures = 3
    #expect(statistics.status(of: "T", now: Self.at(5)) == expected)
    var later = ConsumeStatus()
    later.failures = 3
    #expect(statistics.status(of: "T", now: Self.at(120)) == later)
    #expect(statistics.status(of: "T", now: Self.at(3700)) == ConsumeStatus())
  }
}
