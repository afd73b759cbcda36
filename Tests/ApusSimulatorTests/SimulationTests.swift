import ApusSimulator
import Testing

@Suite struct SimulationTests {
  /// Seeds that found something once; the first ones of each row are named for what it was.
  static let finds: [UInt64] = [
    1,  // the name of the store's own directory was not synced
    7, 10,  // records torn in their properties, which no checksum covers
    8, 12,  // names of queue files that a killed process had made were never synced
    20, 164, 284,  // what a failed flush gave up was taken for durable by the next process
    45,  // a store without a mark yet kept what followed on lost records
    2069, 2604,  // a missing queue file cut off the durable ones before it
    288, 462, 673,  // a queue whose first file's name was lost began at its second file
    957,  // retention removed what lay behind the durable mark
    81,  // a lost record at the end of a file was taken for a missing blank
  ]

  @Test(arguments: finds) func `what was found once stays mended`(seed: UInt64) throws {
    _ = try Simulation(SimulationSettings(seed: seed, deletesTopics: false)).run()
  }

  @Test(arguments: [1804, 1841, 1922] as [UInt64])
  func `several removals without an answer are judged as far as they can be known`(seed: UInt64) throws {
    _ = try Simulation(SimulationSettings(seed: seed)).run()
  }

  @Test(arguments: 1000..<1020 as Range<UInt64>)
  func `everything promised survives, and nothing else is there`(seed: UInt64) throws {
    let report = try Simulation(SimulationSettings(seed: seed)).run()
    #expect(report.steps == 600)
    #expect(report.sent > 0)
  }

  @Test(arguments: 3000..<3030 as Range<UInt64>)
  func `entries find their extension units over crashes, so that every tags code is known`(seed: UInt64) throws {
    _ = try Simulation(SimulationSettings(seed: seed, extendsQueues: true)).run()
  }

  @Test func `the same seed does the same`() throws {
    let settings = SimulationSettings(seed: 77)
    #expect(try Simulation(settings).run() == Simulation(settings).run())
  }

  @Test(arguments: Sabotage.allCases)
  func `finds a mistake made on purpose`(sabotage: Sabotage) {
    // Failing syncs are rare, and the power has to go behind one; so are removals, and queue files have to be lost.
    let isRare = [.ignoreSyncErrors, .forgetDeletion, .keepDeletion, .beginAnewTooSoon].contains(sabotage)
    let seeds: ClosedRange<UInt64> = isRare ? 11...60 : 1...10
    let found = seeds.first { seed in
      do {
        _ = try Simulation(SimulationSettings(seed: seed, sabotage: sabotage)).run()
        return false
      } catch {
        return true
      }
    }
    #expect(found != nil)
  }
}
