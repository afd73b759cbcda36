/// Runs simulations with a mistake made on purpose, which one of them must find.
package enum CanaryRun {
  /// Within so many seeds each mistake must be found.
  package static let seedLimit: UInt64 = 40

  /// The first seed that finds a mistake, and nothing without it; nil when none up to ``seedLimit`` does.
  package static func firstFind(of canary: BrokerCanary) -> UInt64? {
    (1...seedLimit).first { fails($0, canary) && !fails($0, nil) }
  }

  private static func fails(_ seed: UInt64, _ canary: BrokerCanary?) -> Bool {
    do {
      _ = try BrokerSimulation(BrokerSimulationSettings(seed: seed, canary: canary)).run()
      return false
    } catch {
      return true
    }
  }
}
