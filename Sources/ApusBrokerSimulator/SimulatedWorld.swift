import ApusBase
import ApusSimulator
import ApusSystem

/// What the clients of one simulation share: the machine, the truth, and chance.
final class SimulatedWorld {
  let machine: SimulatedMachine
  /// Decides what clients do.
  var random: SeededGenerator
  var known = KnownMessages()
  var tries: KnownTries
  /// Whether the broker that runs flushes before it answers.
  var isSynchronous = false
  /// Everybody does what is right, so that the run comes to an end.
  var isSettling = false
  /// The delays of the levels, in milliseconds.
  let levels: [Int64]
  /// The topics that messages are sent to, with two queues each.
  let topics = ["Orders", "Bills"]
  let queueCount: Int32 = 2
  /// Whether a power loss may have taken messages since the last start.
  var lostMessages = false
  /// What a client found wrong.
  private(set) var failure: SimulationFailure?

  init(machine: SimulatedMachine, seed: UInt64, levels: [Int64], tryLimit: Int32) {
    self.machine = machine
    random = SeededGenerator(seed: seed)
    self.levels = levels
    tries = KnownTries(limit: tryLimit)
  }

  /// What an answer of the broker that runs promises.
  var promise: Promise { .ofAnswer(isSynchronous: isSynchronous) }

  /// The power was lost.
  func losePower() {
    known.losePower()
    tries.losePower()
    lostMessages = true
  }

  /// A client found something wrong. The first finding counts.
  func fail(_ text: String) { if failure == nil { failure = SimulationFailure(text) } }

  func chance(_ part: Int, in whole: Int) -> Bool { random.chance(part, in: whole) }
}
