import ApusBase
import Testing

@testable import ApusBrokerCore

/// The forecast by which sends are let wait for the device.
@Suite struct FlushAdmissionTests {
  private static let start = MonotonicTime(nanoseconds: 1_000_000_000)
  private static let limit = Duration.seconds(5)

  /// An admission that has seen flushes of 1 MB and this many milliseconds.
  private static func measured(_ milliseconds: Int, count: Int = 50) -> (FlushAdmission, MonotonicTime) {
    var admission = FlushAdmission()
    var now = start
    for _ in 0..<count {
      admission.flushBegan(now: now)
      now = now + .milliseconds(milliseconds)
      admission.flushEnded(bytes: 1_000_000, now: now)
    }
    return (admission, now)
  }

  @Test func `nothing is refused before anything is measured`() {
    let admission = FlushAdmission()
    #expect(admission.decide(waiting: 50_000, bytes: 1 << 40, limit: Self.limit, now: Self.start) == .admit)
    #expect(admission.expectedWait(behind: 1 << 40, now: Self.start) == .zero)
  }

  @Test func `few sends wait whatever the forecast`() {
    let (admission, now) = Self.measured(60_000)
    let few = FlushAdmission.freeSends - 1
    #expect(admission.decide(waiting: few, bytes: 1 << 40, limit: Self.limit, now: now) == .admit)
    #expect(admission.decide(waiting: few + 1, bytes: 1 << 40, limit: Self.limit, now: now) != .admit)
  }

  @Test func `a load that the device keeps up with is never refused`() {
    let (admission, now) = Self.measured(200)
    // Java answers "broker busy" to whatever waited 200 ms in its queue.
    #expect(admission.expectedWait(behind: 1_000_000, now: now) == .milliseconds(200))
    #expect(admission.decide(waiting: 99_999, bytes: 10_000_000, limit: Self.limit, now: now) == .admit)
  }

  @Test func `what would be answered too late is refused with how long it takes`() {
    let (admission, now) = Self.measured(100)
    // 10 MB/s: 60 MB take six seconds.
    #expect(
      admission.decide(waiting: 2000, bytes: 60_000_000, limit: Self.limit, now: now)
        == .refuse(retryAfter: .seconds(6)))
    #expect(admission.decide(waiting: 2000, bytes: 40_000_000, limit: Self.limit, now: now) == .admit)
  }

  @Test func `a flush that hangs makes the forecast grow`() {
    var (admission, now) = Self.measured(10)
    admission.flushBegan(now: now)
    var last = Duration.zero
    for _ in 0..<60 {
      let wait = admission.expectedWait(behind: 0, now: now)
      #expect(wait >= last)
      last = wait
      now = now + .milliseconds(100)
    }
    #expect(admission.decide(waiting: 1000, bytes: 0, limit: Self.limit, now: now) != .admit)
    // Once it is done, it is one slow flush among many.
    admission.flushEnded(bytes: 1_000_000, now: now)
    #expect(admission.decide(waiting: 1000, bytes: 0, limit: Self.limit, now: now) == .admit)
  }

  @Test func `how many wait is bounded`() {
    let (admission, now) = Self.measured(1)
    #expect(
      admission.decide(waiting: FlushAdmission.mostSends, bytes: 0, limit: Self.limit, now: now)
        == .refuse(retryAfter: .milliseconds(1)))
  }

  @Test func `no forecast is absurd, whatever is measured`() {
    var random = SeededGenerator(seed: 7)
    var admission = FlushAdmission()
    var now = Self.start
    for _ in 0..<5000 {
      admission.flushBegan(now: now)
      now = now + .nanoseconds(Int64.random(in: 0...60_000_000_000, using: &random))
      let wait = admission.expectedWait(behind: Int.random(in: .min ... .max, using: &random), now: now)
      #expect(wait >= .zero && wait <= .seconds(3600))
      admission.flushEnded(bytes: Int.random(in: .min ... .max, using: &random), now: now)
      let next = admission.expectedWait(behind: Int.random(in: .min ... .max, using: &random), now: now)
      #expect(next >= .zero && next <= .seconds(3600))
    }
  }
}
