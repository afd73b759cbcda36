import ApusBase
import Testing

@Suite struct MonotonicTimeTests {
  @Test func `times beyond the end of the clock are cut off there`() {
    let now = MonotonicTime(nanoseconds: 5)
    #expect(now + .seconds(Int64.max) == MonotonicTime(nanoseconds: .max))
    #expect(now + .seconds(Int64.min) == MonotonicTime(nanoseconds: .min + 5))
    #expect(MonotonicTime(nanoseconds: -5) + .seconds(Int64.min) == MonotonicTime(nanoseconds: .min))
    #expect(now + .nanoseconds(7) == MonotonicTime(nanoseconds: 12))
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    #expect((Duration.seconds(9_223_372_036) + .nanoseconds(854_775_807)).nanoseconds == .max)
    #expect((Duration.seconds(9_223_372_036) + .nanoseconds(854_775_808)).nanoseconds == .max)
    #expect(Duration.milliseconds(-1).nanoseconds == -1_000_000)
  }
}
