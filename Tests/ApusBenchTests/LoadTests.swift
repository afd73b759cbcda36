import ApusBase
import Testing

@testable import ApusBench

@Suite struct LoadTests {
  @Test func `a rate is kept without drift and catches up after a stall`() {
    var pacer = Pacer(start: MonotonicTime(nanoseconds: 1000), perSecond: 3)
    #expect(pacer.due(by: MonotonicTime(nanoseconds: 999)) == nil)
    var times: [Int64] = []
    while let due = pacer.due(by: MonotonicTime(nanoseconds: 1_000_001_000)) {
      times.append(due.rawValue)
      pacer.advance()
    }
    #expect(times == [1000, 333_334_333, 666_667_666, 1_000_001_000])
  }

  @Test func `places in flight are given out once and taken back once`() {
    var inFlight = InFlight(window: 2)
    let first = inFlight.take(due: MonotonicTime(nanoseconds: 1))
    let second = inFlight.take(due: MonotonicTime(nanoseconds: 2))
    #expect(first != second)
    #expect(!inFlight.hasRoom)
    #expect(inFlight.release(second)?.rawValue == 2)
    #expect(inFlight.release(second) == nil)
    #expect(inFlight.waiting.map(\.rawValue) == [1])
    #expect(inFlight.release(first &+ 1000) == nil)
    #expect(inFlight.release(.min) == nil)
    #expect(inFlight.hasRoom)
  }

  @Test func `nothing counts before the measurement but refusals`() {
    var measurements = Measurements()
    measurements.succeeded(messages: 5, bytes: 50, latency: .milliseconds(1))
    measurements.refused(13, "first")
    measurements.refused(13, "second")
    #expect(measurements.messages == 0)
    #expect(measurements.errors[13]?.count == 2)
    #expect(measurements.errors[13]?.remark == "first")
    measurements.begin()
    measurements.succeeded(messages: 5, bytes: 50, latency: .milliseconds(1))
    #expect(measurements.messages == 5 && measurements.requests == 1 && measurements.errors.isEmpty)
  }

  @Test func `the figures of a process are read past a hostile name`() {
    let stat = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 100"
    let usage = ProcessUsage(stat: stat, status: "Name:\tx\nVmRSS:\t 9 kB\nRssAnon:\t    2048 kB\nRssFile:\t1 kB\n")
    #expect(usage == ProcessUsage(stat: stat, status: "RssAnon: 2048 kB"))
    #expect(usage?.cpu == .seconds(2))
    #expect(usage?.anonymousBytes == 2_097_152)
    #expect(ProcessUsage(stat: "12 (x) S", status: "RssAnon: 1 kB") == nil)
    #expect(ProcessUsage(stat: stat, status: "") == nil)
  }

  @Test(arguments: [
    (0, 3, "0.000"), (1.0005, 3, "1.001"), (12.3456, 1, "12.3"), (-0.5, 2, "-0.50"), (0.996, 2, "1.00"),
    (-0.001, 1, "0.0"),
  ])
  func `decimals are rounded and padded`(value: Double, places: Int, text: String) {
    #expect(Format.decimal(value, places: places) == text)
  }

  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567.6, "1,234,568"), (-1000, "-1,000")])
  func `large numbers are grouped`(value: Double, text: String) {
    #expect(Format.grouped(value) == text)
  }
}
