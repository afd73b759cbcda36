import ApusBase
import Testing

@testable import ApusBroker

/// What a start says about the machine.
@Suite struct StartWarningsTests {
  private func lines(
    available: Int64 = 1 << 40, newest: Int64? = nil, now: Int64 = 0, missing: [String] = []
  ) -> [String] {
    StartWarnings.lines(
      logDirectory: "/store/commitlog", space: DiskSpace(total: 1 << 41, available: available),
      logFileBytes: 1 << 30, newest: newest.map(WallTime.init(milliseconds:)), now: WallTime(milliseconds: now),
      missing: missing)
  }

  @Test func `says nothing of a machine that is as it should be`() {
    #expect(lines().isEmpty)
    #expect(lines(available: 1 << 30, newest: 5, now: 5).isEmpty)
    #expect(lines(newest: 10_000, now: 0).isEmpty)
  }

  @Test func `says where there is no space for the next log file, and how much there is`() throws {
    let line = try #require(lines(available: (1 << 30) - 1).first)
    #expect(line.hasPrefix("/store/commitlog: 1023 MiB are free, a log file takes 1024 MiB: sends are refused"))
    #expect(lines(available: 0).count == 1)
  }

  @Test func `says how far the clock is behind the newest message`() throws {
    let line = try #require(lines(newest: 3_600_000, now: 0).first)
    #expect(line.hasPrefix("the clock is 3600 s behind the newest message: "))
  }

  @Test func `says which files of settings a store with messages lacks`() throws {
    let missing = ["topics.json", "consumerOffset.json"]
    let line = try #require(lines(newest: 0, missing: missing).first)
    #expect(line.hasPrefix("config has no topics.json, consumerOffset.json, although there are messages"))
    #expect(lines(missing: missing).isEmpty)
  }
}
