import ApusBase
import Testing

@testable import ApusBench

@Suite struct HistogramTests {
  @Test func `nothing recorded answers zero`() {
    let histogram = Histogram()
    #expect(histogram.percentile(0.99) == 0)
    #expect(histogram.maximum == 0)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 127, 128, 1_000_003, UInt64.max - 1, UInt64.max])
  func `a single value is every percentile`(value: UInt64) {
    var histogram = Histogram()
    histogram.record(value)
    for fraction in [0, 0.5, 0.999, 1] { #expect(histogram.percentile(fraction) == value) }
  }

  @Test func `percentiles of small values are exact`() {
    var histogram = Histogram()
    for value in 1...50 { histogram.record(UInt64(value)) }
    #expect(histogram.percentile(0.5) == 25)
    #expect(histogram.percentile(0.98) == 49)
    #expect(histogram.percentile(1) == 50)
  }

  @Test func `percentiles stay within a bucket of the sorted values`() {
    var generator = SeededGenerator(seed: 7)
    var values: [UInt64] = []
    var histogram = Histogram()
    for _ in 0..<20_000 {
      let value =
        UInt64.random(in: 0...1, using: &generator) << UInt64.random(in: 0...40, using: &generator)
        + UInt64.random(in: 0...100_000, using: &generator)
      values.append(value)
      histogram.record(value)
    }
    values.sort()
    for fraction in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1] {
      let exact = Double(values[max(0, Int((fraction * 20_000).rounded(.up)) - 1)])
      let answer = Double(histogram.percentile(fraction))
      #expect(answer >= exact && answer <= exact * 1.016 + 1, "p\(fraction): \(answer) for \(exact)")
    }
  }

  @Test func `adding two is recording both`() {
    var first = Histogram()
    var second = Histogram()
    first.record(10)
    second.record(1000)
    first.add(second)
    #expect(first.count == 2)
    #expect(first.percentile(0.5) == 10)
    #expect(first.maximum == 1000)
  }
}
