import ApusBase
import ApusSimulator

/// The command line of `apus-sim`.
enum SimulatorTool {
  static let usage = """
    usage: apus-sim --seed N [options]              runs one simulation
           apus-sim --seeds N [--first N] [options] runs N of them, from seed 1 or the one given
           apus-sim --timers N                      measures the timer wheel with N timers
    options: --steps N      steps of each simulation (600)
             --sabotage X   a mistake on purpose: \(Sabotage.allCases.map(\.rawValue).joined(separator: ", "))
             --queue-extensions on|off  whether queue entries get extension units (off)
    Exit status: 0 nothing wrong, 1 a checker found something, 2 wrong usage.
    """

  /// What the arguments ask for.
  struct Arguments {
    var first: UInt64 = 1
    var count: UInt64 = 0
    var steps = 600
    var sabotage: Sabotage?
    var extendsQueues = false

    init?(_ arguments: [String]) {
      var rest = arguments[...]
      while let option = rest.popFirst() {
        guard let value = rest.popFirst() else { return nil }
        switch option {
        case "--seed":
          guard let seed = UInt64(value) else { return nil }
          (first, count) = (seed, 1)
        case "--seeds":
          guard let number = UInt64(value) else { return nil }
          count = number
        case "--first":
          guard let seed = UInt64(value) else { return nil }
          first = seed
        case "--steps":
          guard let number = Int(value), number > 0 else { return nil }
          steps = number
        case "--sabotage":
          guard let found = Sabotage(rawValue: value) else { return nil }
          sabotage = found
        case "--queue-extensions":
          guard value == "on" || value == "off" else { return nil }
          extendsQueues = value == "on"
        default: return nil
        }
      }
      guard count > 0, first.addingReportingOverflow(count).overflow == false else { return nil }
    }
  }

  /// Runs what the arguments ask for and returns the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    if arguments.count == 2, arguments[0] == "--timers", let count = Int(arguments[1]), count > 0, count < 1 << 30 {
      TimerBenchmark.run(count: count)
      return 0
    }
    guard let arguments = Arguments(arguments) else {
      print(usage)
      return 2
    }
    var total = SimulationReport()
    var failures = 0
    for seed in arguments.first..<arguments.first + arguments.count {
      let settings = SimulationSettings(
        seed: seed, steps: arguments.steps, sabotage: arguments.sabotage, extendsQueues: arguments.extendsQueues)
      do {
        total.add(try Simulation(settings).run())
      } catch {
        failures += 1
        print("FAILED \(error)")
      }
    }
    print(total)
    if failures > 0 { print("\(failures) of \(arguments.count) simulations failed") }
    return failures > 0 ? 1 : 0
  }
}
