import ApusBase
import Testing

@testable import ApusStoreCore

@Suite struct RetentionTests {
  static let now = WallTime(milliseconds: 1_800_000_000_000)
  static let hour: Int64 = 3_600_000

  /// Segments that were last written to so many hours ago, oldest first.
  private func aged(_ hours: Int64...) -> [WallTime] {
    hours.map { Self.now.advanced(byMilliseconds: -$0 * Self.hour) }
  }

  private func plan(
    hour: Int = 12, _ modified: [WallTime], used: Double? = 0.5, _ change: (inout Retention) -> Void = { _ in }
  ) -> Retention.Plan {
    var retention = Retention(settings: .init())
    change(&retention)
    return retention.run(now: Self.now, localHour: hour, modified: modified, usedRatio: used)
  }

  @Test func `nothing is removed outside of the hour while there is space`() {
    #expect(plan(aged(500, 400, 1)) == .init(segmentCount: 0, reason: nil, isDiskFull: false))
  }

  @Test func `in the hour the segments older than the reserved time go`() {
    #expect(plan(hour: 4, aged(74, 73, 71, 1)) == .init(segmentCount: 2, reason: .hour, isDiskFull: false))
    #expect(plan(hour: 4, aged(72, 0)).segmentCount == 1)
    #expect(plan(hour: 4, aged(71, 0)).segmentCount == 0)
    #expect(plan(hour: 5, aged(74, 1)) { $0.settings.deletionHours = [5, 17] }.segmentCount == 1)
  }

  @Test func `a young segment keeps the older ones behind it`() {
    #expect(plan(hour: 4, aged(80, 3, 80, 80, 1)).segmentCount == 1)
  }

  @Test func `the newest segment is never removed`() {
    #expect(plan(hour: 4, aged(100)).segmentCount == 0)
    #expect(plan(aged(100), used: 0.99) == .init(segmentCount: 0, reason: .force, isDiskFull: true))
    #expect(plan(hour: 4, []).segmentCount == 0)
  }

  @Test func `a run removes at most ten`() {
    let modified = Array(repeating: aged(100)[0], count: 30)
    #expect(plan(hour: 4, modified).segmentCount == 10)
    #expect(plan(modified, used: 0.99).segmentCount == 10)
  }

  @Test(arguments: [
    (0.75, 0, false), (0.76, 1, false), (0.85, 1, false), (0.86, 3, false), (0.90, 3, false), (0.91, 3, true),
  ])
  func `the fuller the disk, the more goes`(used: Double, count: Int, isFull: Bool) {
    let plan = plan(aged(100, 50, 40, 30), used: used)
    #expect(plan.segmentCount == count)
    #expect(plan.isDiskFull == isFull)
  }

  @Test func `age counts on a full disk when removal by force is off`() {
    let plan = plan(aged(100, 50, 40), used: 0.95) { $0.settings.forcedEnabled = false }
    #expect(plan == .init(segmentCount: 1, reason: .space, isDiskFull: true))
  }

  @Test func `a full disk stops being full only at the forced ratio`() {
    var retention = Retention(settings: .init())
    func isFull(_ used: Double?) -> Bool {
      retention.run(now: Self.now, localHour: 1, modified: [], usedRatio: used).isDiskFull
    }
    #expect([0.89, 0.91, 0.88, nil, 0.86, 0.85, 0.90].map(isFull) == [false, true, true, true, true, false, false])
  }

  @Test func `an unknown usage counts as too full for old segments only`() {
    #expect(plan(aged(100, 50, 1), used: nil) == .init(segmentCount: 1, reason: .space, isDiskFull: false))
  }

  @Test func `an administrator's request lasts for its number of runs`() {
    var retention = Retention(settings: .init())
    retention.request(runs: 2)
    let counts = (0..<3).map { _ in
      retention.run(now: Self.now, localHour: 1, modified: aged(100, 1), usedRatio: 0.1).segmentCount
    }
    #expect(counts == [1, 1, 0])
  }

  @Test func `reads the settings as they are written`() {
    #expect(Retention.Settings.hours("04") == [4])
    #expect(Retention.Settings.hours("04;16; 23") == [4, 16, 23])
    #expect(Retention.Settings.hours("24") == nil)
    #expect(Retention.Settings.hours("x") == nil)
    #expect([5, 10, 75, 99].map { Retention.Settings.ratio(percent: $0) } == [0.1, 0.1, 0.75, 0.95])
  }
}
