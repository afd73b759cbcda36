/// What simulations of brokers did.
package struct BrokerSimulationReport: Hashable, Sendable, CustomStringConvertible {
  /// Steps taken.
  package var steps = 0
  /// Starts of a broker.
  package var starts = 0
  /// What was done, by what it is called.
  package var counts: [String: Int] = [:]

  /// Starts with nothing done.
  package init() {}

  /// Counts something.
  mutating func count(_ name: String, _ number: Int = 1) { if number > 0 { counts[name, default: 0] += number } }

  /// Adds what another simulation did.
  package mutating func add(_ other: BrokerSimulationReport) {
    steps += other.steps
    starts += other.starts
    counts.merge(other.counts, uniquingKeysWith: +)
  }

  /// A few lines.
  package var description: String {
    let named = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return "\(steps) steps, \(starts) starts of a broker; " + named.joined(separator: ", ")
  }
}
