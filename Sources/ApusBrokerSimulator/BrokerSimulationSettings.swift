/// A kind of trouble that a run may meet.
package enum Trouble: String, CaseIterable, Hashable, Sendable {
  /// The process is killed between two turns.
  case kill
  /// The machine loses its power between two turns.
  case powerLoss
  /// The process or the machine stops within a call of the disk.
  case crashInCall
  /// A call of the disk fails.
  case diskFault
  /// The device is full for a while.
  case fullDisk
  /// The broker stops in order and starts again.
  case restart
  /// The time of day is set.
  case clockJump
  /// The machine is off for so long that log files expire.
  case downtime
  /// Somebody removes all queue files while the broker is down.
  case lostQueues
  /// Answers are lost, and requests come twice.
  case network
  /// A consumer gives back what it was not given.
  case theft
}

/// How one simulation of a broker runs.
package struct BrokerSimulationSettings: Hashable, Sendable {
  /// Everything random follows from it.
  package var seed: UInt64
  /// How many steps it has before it is left to settle.
  package var steps: Int
  /// What is wrong on purpose.
  package var canary: BrokerCanary?
  /// What does not happen; everything else takes the same course as far as it can.
  package var without: Set<Trouble>
  /// Where the broker's log lines go: a descriptor, −1 for nowhere.
  package var logDescriptor: Int32 = -1

  /// Describes a simulation.
  package init(seed: UInt64, steps: Int = 1200, canary: BrokerCanary? = nil, without: Set<Trouble> = []) {
    self.seed = seed
    self.steps = steps
    self.canary = canary
    self.without = without
  }
}
