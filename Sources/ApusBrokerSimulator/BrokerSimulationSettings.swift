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

/// A mistake put where a broker with a bug would make it: into its files, its disk or its answers. The checkers must
/// find each, or they would find nothing. None of it is in the broker's own code.
package enum BrokerCanary: String, CaseIterable, Hashable, Sendable {
  /// A flush reports success without having flushed: answers are sent before what they promise.
  case acknowledgeBeforeFlush
  /// A flush or sync that failed is taken for one that succeeded.
  case ignoreSyncErrors
  /// A rollback is taken for a commit.
  case deliverRolledBack
  /// The offsets of half messages are written ahead of what has ended.
  case forgetHalfMessage
  /// A delivered timer is taken for one that waits.
  case deliverTimerTwice
  /// What should become a dead letter is acknowledged and dropped.
  case loseDeadLetter
  /// A lock is granted to whoever asks.
  case grantEveryLock
  /// A message is answered with the queue offset of the one before it.
  case reuseOffset
  /// A group's offset is written ahead of what it consumed.
  case skipMessages
  /// A repeated send is answered with the place of another message.
  case confuseSends
  /// The ids of a batch's messages are answered in another order.
  case misplaceBatch
  /// A light queue is read without some of its messages.
  case skipLightMessages
  /// A member of a group commits behind the newest message that it was given, not before the oldest unfinished one.
  case commitGiven
  /// A log file is removed before its time.
  case removeTooSoon
  /// A log file is removed before what was made of its messages is on the device.
  case removeUnflushed
  /// After a crash the end of the log is taken for whole, as after a stop in order.
  case trustTail
  /// That a topic was deleted is not recorded.
  case forgetDeletion
  /// A deletion takes the messages of the topic that was made again under the name, too.
  case hideNextLife
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
