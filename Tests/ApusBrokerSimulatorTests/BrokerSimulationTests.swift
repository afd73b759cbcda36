import ApusBrokerSimulator
import ApusSimulator
import Testing

@Suite struct BrokerSimulationTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `what clients were told holds, whatever happens to the broker`(seed: UInt64) throws {
    let report = try BrokerSimulation(BrokerSimulationSettings(seed: seed)).run()
    #expect(report.steps == 1200)
    #expect(report.counts["messages", default: 0] > 0)
  }

  /// Seeds that failed once: 20 and 27 held brokers that had ended, 1960 took what a start had stored itself for what
  /// it had found, 264 took a queue that could not be read for a moment for one that was read to its end.
  @Test(arguments: [20, 27, 264, 1960] as [UInt64])
  func `a run that failed once does not fail any more`(seed: UInt64) throws {
    _ = try BrokerSimulation(BrokerSimulationSettings(seed: seed)).run()
  }

  @Test func `the same seed does the same`() throws {
    let settings = BrokerSimulationSettings(seed: 77, steps: 600)
    #expect(try BrokerSimulation(settings).run() == BrokerSimulation(settings).run())
  }

  @Test(arguments: BrokerCanary.allCases)
  func `a mistake made on purpose is found`(canary: BrokerCanary) {
    #expect(CanaryRun.firstFind(of: canary) != nil, "no seed up to \(CanaryRun.seedLimit) finds it")
  }

  @Test func `a failing run is made shorter`() throws {
    var settings = BrokerSimulationSettings(seed: 1, canary: .deliverRolledBack)
    var found: SimulationFailure?
    while found == nil {
      do throws(SimulationFailure) {
        _ = try BrokerSimulation(settings).run()
        settings.seed += 1
      } catch {
        found = error
      }
    }
    let shrunk = BrokerShrinker(settings, try #require(found))
    #expect(shrunk.settings.steps < settings.steps / 2)
    #expect(shrunk.settings.without.count >= Trouble.allCases.count / 2)
    #expect(throws: SimulationFailure.self) { try BrokerSimulation(shrunk.settings).run() }
  }
}
