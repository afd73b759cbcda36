import ApusBrokerSimulator
import ApusSimulator

/// What is simulated.
enum SimulationKind: String, CaseIterable {
  /// The store, with crashes and failing calls.
  case store
  /// The store, with files that are not what was written.
  case damage
  /// The broker.
  case broker
}

/// What the arguments of `apus-sim` ask for.
struct SimulatorArguments {
  var first: UInt64 = 1
  var count: UInt64 = 0
  var steps: Int?
  var sabotage: Sabotage?
  var canary: BrokerCanary?
  var without: Set<Trouble> = []
  var extendsQueues = false
  var simulations = Set(SimulationKind.allCases)
  var shrinks = false
  var logs = false

  /// nil when they cannot be understood.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--shrink": shrinks = true
      case "--log": logs = true
      default:
        guard let value = rest.popFirst(), take(option, value) else { return nil }
      }
    }
    guard count > 0, first.addingReportingOverflow(count).overflow == false else { return nil }
  }

  private mutating func take(_ option: String, _ value: String) -> Bool {
    switch option {
    case "--seed":
      guard let seed = UInt64(value) else { return false }
      (first, count) = (seed, 1)
    case "--seeds":
      guard let number = UInt64(value) else { return false }
      count = number
    case "--first":
      guard let seed = UInt64(value) else { return false }
      first = seed
    case "--steps":
      guard let number = Int(value), number > 0 else { return false }
      steps = number
    case "--only":
      guard let kind = SimulationKind(rawValue: value) else { return false }
      simulations = [kind]
    case "--sabotage":
      sabotage = Sabotage(rawValue: value)
      canary = BrokerCanary(rawValue: value)
      return sabotage != nil || canary != nil
    case "--without":
      for name in value.split(separator: ",") {
        guard let trouble = Trouble(rawValue: String(name)) else { return false }
        without.insert(trouble)
      }
    case "--queue-extensions":
      guard value == "on" || value == "off" else { return false }
      extendsQueues = value == "on"
    default: return false
    }
    return true
  }
}
