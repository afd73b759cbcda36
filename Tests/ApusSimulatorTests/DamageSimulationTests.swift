import ApusSimulator
import Testing

@Suite struct DamageSimulationTests {
  /// Seeds that found something once; the first ones of each row are named for what it was.
  static let finds: [UInt64] = [
    2, 14, 25,  // damage in the last record before the mark had the log cut there
    7, 1300, 396,  // an entry with a wrong offset or size hid those behind it
    63, 110, 268, 299,  // a wrong queue offset moved its queue, or took the place of other messages
    1188, 3625, 3966,  // a message that came behind a wrong queue offset was taken for the wrong one
    105, 117, 282,  // damage that begins within known damage was not told
    15, 48,  // zeroes for which nothing was missing were taken for the end of a file
    233,  // behind a record with a wrong size the index left out those that are whole
    5130,  // a bit of a blank that recovery had put back was taken for damage of a message
    3425,  // the first mark of a log that somebody had emptied could not be read, so that one of before counted
    1, 12, 16,  // somebody had removed or cut queue files
  ]

  @Test(arguments: finds) func `what was found once stays mended`(seed: UInt64) throws {
    _ = try DamageSimulation(seed: seed, deletesTopics: false).run()
  }

  @Test(arguments: [425, 1909] as [UInt64])
  func `a damaged record of removals leaves open who has a place, as other damage does`(seed: UInt64) throws {
    _ = try DamageSimulation(seed: seed).run()
  }

  @Test(arguments: 10_000..<10_006 as Range<UInt64>)
  func `damage costs what it touches, and nothing else`(seed: UInt64) throws {
    let report = try DamageSimulation(seed: seed).run()
    #expect(report.steps == 300 && report.sent > 0)
  }

  @Test func `the same seed does the same`() throws {
    #expect(try DamageSimulation(seed: 77).run() == DamageSimulation(seed: 77).run())
  }
}
