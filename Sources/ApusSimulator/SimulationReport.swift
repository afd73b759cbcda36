/// What a simulation did.
package struct SimulationReport: Hashable, Sendable, CustomStringConvertible {
  /// Steps taken.
  package var steps = 0
  /// Messages that the store took.
  package var sent = 0
  /// Messages whose producers got their answer.
  package var acknowledged = 0
  /// Messages that crashes took away, none of which was promised.
  package var lost = 0
  /// Messages that retention removed.
  package var expired = 0
  /// Topics that the store let go of.
  package var removals = 0
  /// Removals that were answered.
  package var answeredRemovals = 0
  /// How often somebody removed all queue files.
  package var lostQueues = 0
  /// Clean stops.
  package var cleanStops = 0
  /// Clean stops after which the store was left as Java leaves it.
  package var foreignStops = 0
  /// Crashes per kind.
  package var crashes: [CrashKind: Int] = [:]
  /// Failed calls per kind.
  package var faults: [DiskCall: Int] = [:]

  /// Starts with nothing done.
  package init() {}

  /// Adds what another simulation did.
  package mutating func add(_ other: SimulationReport) {
    steps += other.steps
    sent += other.sent
    acknowledged += other.acknowledged
    lost += other.lost
    expired += other.expired
    removals += other.removals
    answeredRemovals += other.answeredRemovals
    lostQueues += other.lostQueues
    cleanStops += other.cleanStops
    foreignStops += other.foreignStops
    crashes.merge(other.crashes, uniquingKeysWith: +)
    faults.merge(other.faults, uniquingKeysWith: +)
  }

  /// One line.
  package var description: String {
    let crashes = crashes.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
    let faults = faults.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
    return """
      \(steps) steps, \(sent) sent, \(acknowledged) acknowledged, \(lost) lost without promise, \(expired) expired, \
      \(removals) topics removed, \(answeredRemovals) of them answered, \(lostQueues) times without queue files, \
      \(cleanStops) clean stops, \(foreignStops) of them as Java's; crashes: \(crashes.joined(separator: ", ")); \
      faults: \(faults.joined(separator: ", "))
      """
  }
}
