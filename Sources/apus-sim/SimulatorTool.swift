import ApusBase
import ApusBrokerSimulator
import ApusSimulator

/// The command line of `apus-sim`.
enum SimulatorTool {
  static let usage = """
    usage: apus-sim --seed N [options]              runs the simulations of one seed
           apus-sim --seeds N [--first N] [options] runs those of N seeds, from seed 1 or the one given
           apus-sim --canaries                      looks for every mistake made on purpose
           apus-sim --timers N                      measures the timer wheel with N timers
    options: --only X       what is simulated: \(SimulationKind.allCases.map(\.rawValue).joined(separator: ", ")) (all)
             --steps N      steps of each simulation (600 for the store, 300 for damage, 1200 for the broker)
             --sabotage X   a mistake on purpose: \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "));
                            \(BrokerCanary.allCases.map(\.rawValue).joined(separator: ", "))
             --without X,…  trouble that does not happen: \(Trouble.allCases.map(\.rawValue).joined(separator: ", "))
             --shrink       looks for a shorter run of the broker that fails, too
             --log          what the broker says, on standard error
             --queue-extensions on|off  whether queue entries get extension units (off)
    Exit status: 0 nothing wrong, 1 a checker found something, 2 wrong usage.
    """

  /// Runs what the arguments ask for and returns the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.count == 2, arguments[0] == "--timers", let count = Int(arguments[1]), count > 0, count < 1 << 30 {
      TimerBenchmark.run(count: count)
      return 0
    }
    if arguments == ["--canaries"] { return runCanaries() }
    guard let arguments = SimulatorArguments(arguments) else {
      print(usage)
      return 2
    }
    var (stores, damaged, brokers) = (SimulationReport(), DamageReport(), BrokerSimulationReport())
    let kinds = arguments.simulations
    var failures = 0
    for seed in arguments.first..<arguments.first + arguments.count {
      if kinds.contains(.store), !runStore(seed, arguments, &stores) { failures += 1 }
      if kinds.contains(.damage), !runDamage(seed, arguments, &damaged) { failures += 1 }
      if kinds.contains(.broker), !runBroker(seed, arguments, &brokers) { failures += 1 }
    }
    if kinds.contains(.store) { print("store: \(stores)") }
    if kinds.contains(.damage) { print("damage: \(damaged)") }
    if kinds.contains(.broker) { print("broker: \(brokers)") }
    if failures > 0 { print("\(failures) simulations of \(arguments.count) seeds failed") }
    return failures > 0 ? 1 : 0
  }

  private static func runStore(_ seed: UInt64, _ arguments: SimulatorArguments, _ total: inout SimulationReport) -> Bool
  {
    let settings = SimulationSettings(
      seed: seed, steps: arguments.steps ?? 600, sabotage: arguments.sabotage, extendsQueues: arguments.extendsQueues)
    do {
      total.add(try Simulation(settings).run())
      return true
    } catch {
      print("FAILED store: \(error)")
      return false
    }
  }

  private static func runDamage(_ seed: UInt64, _ arguments: SimulatorArguments, _ total: inout DamageReport) -> Bool {
    do {
      total.add(try DamageSimulation(seed: seed, steps: arguments.steps ?? 300).run())
      return true
    } catch {
      print("FAILED damage: \(error)")
      return false
    }
  }

  private static func runBroker(
    _ seed: UInt64, _ arguments: SimulatorArguments, _ total: inout BrokerSimulationReport
  ) -> Bool {
    var settings = BrokerSimulationSettings(
      seed: seed, steps: arguments.steps ?? 1200, canary: arguments.canary, without: arguments.without)
    if arguments.logs { settings.logDescriptor = 2 }
    do {
      total.add(try BrokerSimulation(settings).run())
      return true
    } catch {
      print("FAILED broker: \(error)")
      guard arguments.shrinks else { return false }
      let shrunk = BrokerShrinker(settings, error)
      let without = shrunk.settings.without.map(\.rawValue).sorted().joined(separator: ",")
      print(
        "  shorter: --only broker --seed \(seed) --steps \(shrunk.settings.steps)"
          + (without.isEmpty ? "" : " --without \(without)") + ": \(shrunk.failure)")
      return false
    }
  }

  private static func runCanaries() -> Int32 {
    var missed = 0
    for canary in BrokerCanary.allCases {
      if let seed = CanaryRun.firstFind(of: canary) {
        print("\(canary.rawValue): found by seed \(seed)")
      } else {
        missed += 1
        print("NOT FOUND within \(CanaryRun.seedLimit) seeds: \(canary.rawValue)")
      }
    }
    return missed > 0 ? 1 : 0
  }
}
