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
  /// The queues of these topics.
  var queues: [SimulatedQueue] {
    topics.flatMap { topic in (0..<queueCount).map { SimulatedQueue(topic: topic, id: $0) } }
  }
  /// The light queues that messages may name; none where the broker has no light queues.
  let lightQueues: [String]
  /// What was sent to topics that come and go.
  var fleeting = FleetingTopics()
  /// Somebody asks for the deletion of a topic, or has the answer.
  var onDeletion: (_ isAnswered: Bool) -> Void = { _ in }
  /// Whether log files are kept for ever.
  let keepsAll: Bool
  /// Replies that were handed to those who asked.
  var handedOver: Set<String> = []
  /// Whether what was stored at a time may be gone from the log by now, as it is older than files are kept.
  var mayBeGone: (_ storeTime: Int64) -> Bool = { _ in false }
  /// How long a message with a time of its own may wait, in milliseconds.
  let longestDelay: Int64
  /// How many brokers have started.
  var startCount = 0
  /// What clients did that is worth telling, by what it is called.
  private(set) var counts: [String: Int] = [:]
  /// Whether a power loss may have taken messages since the last start.
  var lostMessages = false
  /// Connects a client that comes while the broker runs, by its name; nil when it cannot be reached.
  var dial: (String) -> SimulatedPeer? = { _ in nil }
  /// What a client does wrong on purpose.
  let canary: BrokerCanary?
  /// What a client found wrong.
  private(set) var failure: SimulationFailure?

  init(
    machine: SimulatedMachine, seed: UInt64, _ configuration: SimulatedConfiguration, canary: BrokerCanary?
  ) {
    self.machine = machine
    random = SeededGenerator(seed: seed)
    levels = configuration.levels
    lightQueues = configuration.hasLightQueues ? ["%LMQ%a", "%LMQ%b", "%LMQ%c"] : []
    keepsAll = configuration.retention == nil
    longestDelay = configuration.longestDelay
    tries = KnownTries(limit: configuration.tryLimit)
    self.canary = canary
  }

  /// What an answer of the broker that runs promises.
  var promise: Promise { .ofAnswer(isSynchronous: isSynchronous) }

  /// Whether a message may be gone from the log by now.
  func isExpired(_ record: ScannedLog.Record) -> Bool { mayBeGone(record.storeTime) }

  /// The power was lost.
  func losePower() {
    known.losePower()
    tries.losePower()
    lostMessages = true
  }

  /// A client did something worth telling, while all went wrong.
  func count(_ name: String) { if !isSettling { counts[name, default: 0] += 1 } }

  /// A client found something wrong. The first finding counts.
  func fail(_ text: String) { if failure == nil { failure = SimulationFailure(text) } }

  /// The light queues that a new message names, most often none.
  func someLightQueues() -> [String] {
    guard !lightQueues.isEmpty, chance(1, in: 4) else { return [] }
    return lightQueues.filter { _ in chance(1, in: 2) }
  }

  func chance(_ part: Int, in whole: Int) -> Bool { random.chance(part, in: whole) }
}
