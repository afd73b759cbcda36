import ApusSimulator

/// What the log holds, and held before its present start, sorted by what it means. It uses no code of the broker:
/// topics, properties and their meaning are spelled out once more.
struct AuditedLog {
  /// A message on its way through retries: which one, of which group, how often it was tried.
  struct Try: Hashable {
    var key: String
    var group: String
    var times: Int32
  }

  static let halfTopic = "RMQ_SYS_TRANS_HALF_TOPIC"
  static let operationTopic = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
  static let givenUpTopic = "TRANS_CHECK_MAX_TIME_TOPIC"
  static let levelTopic = "SCHEDULE_TOPIC_XXXX"
  static let timerTopic = "rmq_sys_wheel_timer"

  /// The topics whose records nobody is given.
  static let undeliveredTopics: Set = [halfTopic, operationTopic, givenUpTopic, levelTopic, timerTopic]

  /// In their order.
  let records: [ScannedLog.Record]
  /// Where the log begins; records before it are gone from it.
  let start: Int64
  private(set) var byOffset: [Int64: ScannedLog.Record] = [:]
  /// Messages in the topics they were sent to, by key.
  private(set) var delivered: [String: [ScannedLog.Record]] = [:]
  /// Messages that wait, or waited, by key: half messages, those of levels, those with times.
  private(set) var halves: [String: [ScannedLog.Record]] = [:]
  private(set) var levels: [String: [ScannedLog.Record]] = [:]
  private(set) var timers: [String: [ScannedLog.Record]] = [:]
  /// How many messages were stored anew, as their files were to go while they waited.
  private(set) var rolledTimers = 0
  /// Queue offsets of half messages that a stored operation message ends.
  private(set) var endedHalves: Set<Int64> = []
  /// Keys that a stored message takes out, with where the first such one lies.
  private(set) var cancelled: [String: Int64] = [:]
  /// Tries that wait, that were delivered, and that ended among the dead letters.
  private(set) var waitingTries: [Try: Int] = [:]
  private(set) var deliveredTries: [Try: Int] = [:]
  private(set) var deadLetters: [Try: Int] = [:]
  /// The records that name a light queue, in their order, by its name.
  private(set) var lightQueues: [String: [ScannedLog.Record]] = [:]
  /// The records of each queue, in their order.
  private(set) var byQueue: [SimulatedQueue: [ScannedLog.Record]] = [:]
  /// How many of the tries that waited are still in the log.
  private(set) var presentTries: [Try: Int] = [:]
  /// Where the queues end.
  private(set) var ends: [SimulatedQueue: Int64] = [:]
  /// Every record without a key that should have one.
  private(set) var strangers: [ScannedLog.Record] = []

  init(_ records: [ScannedLog.Record], start: Int64) {
    self.records = records
    self.start = start
    for record in records { take(record) }
  }

  private mutating func take(_ record: ScannedLog.Record) {
    byOffset[record.offset] = record
    let queue = SimulatedQueue(topic: record.topic, id: record.queueID)
    byQueue[queue, default: []].append(record)
    ends[queue] = record.queueOffset + 1
    if record.topic == Self.operationTopic {
      endedHalves.formUnion(String(decoding: record.body, as: UTF8.self).split(separator: ",").compactMap { Int64($0) })
      return
    }
    guard record.topic != "OFFSET_MOVED_EVENT" else { return }
    let properties = record.namedProperties
    guard let key = properties["UNIQ_KEY"] else {
      strangers.append(record)
      return
    }
    switch record.topic {
    case Self.halfTopic: halves[key, default: []].append(record)
    case Self.givenUpTopic: break
    case Self.timerTopic:
      if let other = properties["TIMER_DEL_UNIQKEY"] {
        cancelled[other] = min(cancelled[other] ?? record.offset, record.offset)
      } else if properties["TIMER_ROLL_TIMES"] == nil {
        timers[key, default: []].append(record)
      } else {
        rolledTimers += 1
      }
    case Self.levelTopic:
      if let group = Self.suffix(properties["REAL_TOPIC"] ?? "", after: "%RETRY%") {
        let one = Try(key: key, group: group, times: record.reconsumeTimes)
        waitingTries[one, default: 0] += 1
        if record.offset >= start { presentTries[one, default: 0] += 1 }
      } else {
        levels[key, default: []].append(record)
      }
    default:
      if let group = Self.suffix(record.topic, after: "%RETRY%") {
        deliveredTries[Try(key: key, group: group, times: record.reconsumeTimes), default: 0] += 1
      } else if let group = Self.suffix(record.topic, after: "%DLQ%") {
        deadLetters[Try(key: key, group: group, times: record.reconsumeTimes), default: 0] += 1
      } else {
        delivered[key, default: []].append(record)
        for name in record.lightQueues { lightQueues[name, default: []].append(record) }
      }
    }
  }

  private static func suffix(_ text: String, after prefix: String) -> String? {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }
}

extension AuditedLog {
  /// How many copies there are of a message that waited for its time: others were sent when their time had passed, and
  /// are the messages themselves.
  func timedCopies(of key: String) -> Int {
    (delivered[key] ?? []).count { $0.namedProperties["TIMER_OUT_MS"] != nil }
  }
}

extension ScannedLog.Record {
  /// The properties by name.
  var namedProperties: [String: String] {
    var named: [String: String] = [:]
    for pair in properties.split(separator: 2) {
      let parts = pair.split(separator: 1, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      named[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
    }
    return named
  }

  var key: String? { namedProperties["UNIQ_KEY"] }

  /// The light queues that the message names.
  var lightQueues: [String] {
    (namedProperties["INNER_MULTI_DISPATCH"] ?? "").split(separator: ",").map { String($0) }
  }

  /// Its place in a light queue; nil when it has none.
  func place(in lightQueue: String) -> Int64? {
    let places = (namedProperties["INNER_MULTI_QUEUE_OFFSET"] ?? "").split(separator: ",")
    guard let index = lightQueues.firstIndex(of: lightQueue), index < places.count else { return nil }
    return Int64(places[index])
  }
}
