package import ApusSimulator

/// Finds a short run that still fails: fewer steps, then fewer kinds of trouble, then fewer steps again.
package struct BrokerShrinker {
  /// The shortest failing run that was found.
  package private(set) var settings: BrokerSimulationSettings
  /// What it fails with.
  package private(set) var failure: SimulationFailure
  /// How many runs the search took.
  package private(set) var runs = 0

  /// Shrinks a run that failed.
  package init(_ settings: BrokerSimulationSettings, _ failure: SimulationFailure) {
    self.settings = settings
    self.failure = failure
    shorten()
    for trouble in Trouble.allCases {
      var simpler = self.settings
      simpler.without.insert(trouble)
      keep(simpler)
    }
    shorten()
  }

  private mutating func shorten() {
    var part = settings.steps / 2
    while part >= 1 {
      var shorter = settings
      shorter.steps -= part
      if shorter.steps < 1 || !keep(shorter) { part /= 2 }
    }
  }

  /// Goes on with a run if it fails, too.
  @discardableResult
  private mutating func keep(_ candidate: BrokerSimulationSettings) -> Bool {
    runs += 1
    do throws(SimulationFailure) {
      _ = try BrokerSimulation(candidate).run()
      return false
    } catch {
      settings = candidate
      failure = error
      return true
    }
  }
}
