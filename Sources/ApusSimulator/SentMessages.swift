/// Everything that was ever sent in a simulation, and what was promised about it: the truth that a store is held
/// against after each start. It knows nothing of how the store works.
struct SentMessages {
  /// A message that the store took.
  struct Message {
    /// Unique within the simulation; the body begins with it.
    var id: Int
    var topic: String
    var queueID: Int32
    var flag: Int32
    var body: [UInt8]
    var properties: [UInt8]
    /// What the store said.
    var offset: Int64
    var queueOffset: Int64
    var end: Int64
    /// The producer has its answer.
    var isAcknowledged = false
    /// The store said that it is on the device.
    var isFlushed = false
    /// The removal of its topic that took it, the first one; nil while it is readable.
    var removal: Int?
  }

  /// A queue of a topic.
  struct Queue: Hashable, Comparable {
    var topic: String
    var id: Int32

    static func < (left: Queue, right: Queue) -> Bool { (left.topic, left.id) < (right.topic, right.id) }
  }

  /// The topics whose removal was not answered yet, by the removal's number: later ones have a higher one.
  private var openRemovals: [Int: String] = [:]
  private var lastRemoval = 0
  /// Queues that begin anew with their next message.
  private var emptied: Set<Queue> = []
  /// The messages that should be in the log, in its order.
  private(set) var messages: [Message] = []
  /// Those that retention removed since the last start, in order.
  private var expired: [Message] = []
  /// How many crashes took away, none of which was promised.
  private(set) var lostCount = 0
  /// How many were acknowledged.
  private(set) var acknowledgedCount = 0
  /// How many retention removed.
  private(set) var expiredCount = 0

  /// A message was appended.
  mutating func append(_ message: Message) throws(SimulationFailure) {
    if let last = messages.last, message.offset < last.end {
      throw SimulationFailure(
        "message \(message.id) lies at \(message.offset), before the end \(last.end) of message \(last.id)")
    }
    let queue = Queue(topic: message.topic, id: message.queueID)
    if emptied.remove(queue) != nil, message.queueOffset != 0 {
      throw SimulationFailure("\(queue) was removed and goes on at \(message.queueOffset) with message \(message.id)")
    }
    messages.append(message)
  }

  /// The store answers for everything before `end`.
  mutating func acknowledge(upTo end: Int64) {
    for index in messages.indices.reversed() {
      if messages[index].isAcknowledged { break }
      if messages[index].end <= end {
        messages[index].isAcknowledged = true
        acknowledgedCount += 1
      }
    }
  }

  /// The store says that everything before `end` is on the device.
  mutating func flush(upTo end: Int64) {
    for index in messages.indices.reversed() where messages[index].end <= end {
      if messages[index].isFlushed { break }
      messages[index].isFlushed = true
    }
  }

  /// Retention removed what lies before `minimum`. Until the next start it may come back: a crash can undo the removal.
  mutating func expire(before minimum: Int64) {
    let count = messages.prefix { $0.offset < minimum }.count
    expiredCount += count
    expired += messages.prefix(count)
    messages.removeFirst(count)
  }

  /// After a start: what was promised must be there, what is there must have been sent, and nothing else is expected
  /// from now on.
  ///
  /// - Parameter crash: how the machine stopped; nil for a clean stop, which loses nothing.
  mutating func reconcile(with log: ScannedLog, after crash: CrashKind?, syncFlush: Bool) throws(SimulationFailure) {
    let found = Dictionary(log.records.map { ($0.offset, $0) }, uniquingKeysWith: { first, _ in first })
    if let first = messages.first, first.offset < log.start {
      throw SimulationFailure(
        "the log begins at \(log.start), but message \(first.id) at \(first.offset) was not expired")
    }
    var kept: [Message] = []
    for message in expired {
      guard let record = found[message.offset] else { continue }
      try Self.check(record, is: message)
      kept.append(message)
    }
    expiredCount -= kept.count
    expired = []
    for message in messages {
      guard let record = found[message.offset] else {
        try Self.checkMayBeLost(message, crash, syncFlush: syncFlush, logEnd: log.end)
        lostCount += 1
        continue
      }
      try Self.check(record, is: message)
      kept.append(message)
    }
    if kept.count < log.records.count {
      let expected = Set(kept.map(\.offset))
      if let stranger = log.records.first(where: { !expected.contains($0.offset) }) {
        throw SimulationFailure("the record at \(stranger.offset) was lost before, or never sent")
      }
    }
    messages = kept
  }

  private static func checkMayBeLost(
    _ message: Message, _ crash: CrashKind?, syncFlush: Bool, logEnd: Int64
  ) throws(SimulationFailure) {
    let promise: String? =
      switch crash {
      case nil: "it was there before a clean stop"
      case .kill: message.isAcknowledged ? "it was acknowledged" : nil
      case .powerLoss:
        if message.isFlushed {
          "it was flushed"
        } else {
          message.isAcknowledged && syncFlush ? "it was acknowledged" : nil
        }
      }
    if let promise {
      throw SimulationFailure(
        "message \(message.id) at \(message.offset) is gone (log ends at \(logEnd)), although \(promise)")
    }
  }

  /// Throws when a record differs from what was sent and answered.
  static func check(_ record: ScannedLog.Record, is message: Message) throws(SimulationFailure) {
    var differences: [String] = []
    func compare<Value: Equatable>(_ name: String, _ found: Value, _ expected: Value) {
      if found != expected { differences.append("\(name) \(found), not \(expected)") }
    }
    compare("topic", record.topic, message.topic)
    compare("queue", record.queueID, message.queueID)
    compare("flag", record.flag, message.flag)
    compare("queue offset", record.queueOffset, message.queueOffset)
    compare("end", record.end, message.end)
    if record.body != message.body { differences.append("another body") }
    if record.properties != message.properties { differences.append("other properties") }
    guard differences.isEmpty else {
      throw SimulationFailure(
        "the record at \(record.offset) is not message \(message.id): \(differences.joined(separator: ", "))")
    }
  }

  /// The readable messages of each queue, in order.
  var byQueue: [Queue: [Message]] {
    Dictionary(grouping: messages.filter { $0.removal == nil }) { Queue(topic: $0.topic, id: $0.queueID) }
  }
}

/// What became of messages when their topics were removed: the log has them still, and nobody may read them.
extension SentMessages {
  /// The removal of a topic begins: it takes no messages before it has lost those that it has.
  mutating func remove(topic: String) {
    lastRemoval += 1
    openRemovals[lastRemoval] = topic
    for index in messages.indices where messages[index].topic == topic && messages[index].removal == nil {
      messages[index].removal = lastRemoval
      emptied.insert(Queue(topic: topic, id: messages[index].queueID))
    }
    for index in expired.indices where expired[index].topic == topic && expired[index].removal == nil {
      expired[index].removal = lastRemoval
    }
  }

  /// The removal of a topic was answered, and with it those of before.
  mutating func removed(topic: String) { openRemovals = openRemovals.filter { $0.value != topic } }

  /// A start told what became of the removals of a topic: `outcome`.
  mutating func decide(topic: String, as outcome: SentMessages) {
    self = outcome
    // Of a queue whose messages have all expired nothing tells whether it begins anew.
    let told = Set(messages.filter { $0.topic == topic }.map(\.queueID))
    emptied = emptied.filter { $0.topic != topic || told.contains($0.id) }
    removed(topic: topic)
  }

  /// The topics of which a removal was not answered, so that the next start has or has not completed it.
  var undecidedTopics: [String] { Set(openRemovals.values).sorted() }

  /// The queues of a topic that have messages in the log.
  func queues(of topic: String) -> [Queue] {
    Set(messages.filter { $0.topic == topic }.map { Queue(topic: topic, id: $0.queueID) }).sorted()
  }

  /// What a start may have made of the queues of an undecided topic, all of which share their fate: all of its removals
  /// were completed, all but the last one, and so on.
  func outcomes(of queues: [Queue]) -> [SentMessages] {
    let open = openRemovals.filter { $0.value == queues.first?.topic }.keys.sorted(by: >)
    let before = (open.last ?? 1) - 1
    return (open + [before]).map { last in
      var outcome = self
      for index in messages.indices where messages[index].removal ?? 0 > last {
        guard queues.contains(Queue(topic: messages[index].topic, id: messages[index].queueID)) else { continue }
        outcome.messages[index].removal = nil
      }
      // What has messages again goes on behind them, also when only the last of several removals was not completed.
      let served = Set(outcome.byQueue.keys)
      outcome.emptied.subtract(last == before ? queues : queues.filter { served.contains($0) })
      return outcome
    }
  }
}
