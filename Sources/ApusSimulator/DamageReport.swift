/// What simulations of damage did.
package struct DamageReport: Hashable, Sendable, CustomStringConvertible {
  /// Steps taken.
  package var steps = 0
  /// Messages that the store took.
  package var sent = 0
  /// Those of them that some damage touched.
  package var touched = 0
  /// Starts after a stop in order, and after a kill.
  package var starts = 0
  /// Starts that were refused because a log file had been cut.
  package var refusals = 0
  /// Topics that were removed.
  package var removals = 0
  /// How often queues were built anew.
  package var repairs = 0
  /// Pulls that were looked at.
  package var pulls = 0
  /// Damage done, by kind.
  package var damage: [DamageKind: Int] = [:]

  /// Starts with nothing done.
  package init() {}

  /// Adds what another simulation did.
  package mutating func add(_ other: DamageReport) {
    steps += other.steps
    sent += other.sent
    touched += other.touched
    starts += other.starts
    refusals += other.refusals
    removals += other.removals
    repairs += other.repairs
    pulls += other.pulls
    damage.merge(other.damage, uniquingKeysWith: +)
  }

  /// One line.
  package var description: String {
    let kinds = damage.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
    return
      "\(steps) steps, \(sent) sent, \(touched) of them damaged, \(starts) starts, \(refusals) refused, "
      + "\(removals) topics removed, \(repairs) repairs, \(pulls) pulls; "
      + kinds.joined(separator: ", ")
  }
}
