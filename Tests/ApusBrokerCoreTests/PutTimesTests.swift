import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct PutTimesTests {
  @Test func `percentiles are at most a quarter too long and never too short`() {
    var times = PutTimes()
    for microseconds in 1...1000 { times.add(nanoseconds: Int64(microseconds) * 1000) }
    for share in [0.5, 0.99, 0.999, 1] {
      let told = times.nanoseconds(within: share)
      let exact = Int64(share * 1_000_000)
      #expect(told >= exact)
      #expect(told <= exact + exact / 4 + 1000)
    }
    #expect(PutTimes().nanoseconds(within: 0.99) == 0)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, 2, 3, 4, 1 << 61, 1 << 62, .max])
  func `every time has a class`(nanoseconds: Int64) {
    var times = PutTimes()
    times.add(nanoseconds: nanoseconds)
    #expect(times.count == 1)
    #expect(times.nanoseconds(within: 1) >= nanoseconds)
  }

  @Test func `Java's classes`() {
    var times = PutTimes()
    for milliseconds in [0, 0, 1, 9, 10, 49, 99, 199, 499, 999, 1999, 9999, 10_000] as [Int64] {
      times.add(nanoseconds: milliseconds * 1_000_000)
    }
    #expect(times.classes.hasPrefix("[<=0ms]:2 [0~10ms]:2 [10~50ms]:2 [50~100ms]:1 "))
    #expect(times.classes.hasSuffix("[5~10s]:1 [10s~]:1 "))
  }

  @Test func `statistics tell the minute before`() {
    var statistics = BrokerStats()
    var traffic = Traffic()
    statistics.sample(now: WallTime(milliseconds: 0), day: 1)
    traffic.putTook(nanoseconds: 5_000_000)
    statistics.absorb(&traffic)
    #expect(traffic.putTimes.count == 0)
    statistics.sample(now: WallTime(milliseconds: 59_999), day: 1)
    #expect(statistics.putTimes == nil)
    statistics.sample(now: WallTime(milliseconds: 60_000), day: 1)
    #expect(statistics.putTimes?.count == 1)
    #expect(statistics.totals.slowestPutMilliseconds == 5)
    statistics.sample(now: WallTime(milliseconds: 120_000), day: 1)
    #expect(statistics.putTimes?.count == 0)
  }
}
