import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore

/// A store that a test appends to, over any disk.
final class StoreHarness {
  let disk: any Disk
  let settings: StoreSettings
  let workers: Workers
  private(set) var store: MessageStore!
  private(set) var events: [StoreEvent] = []
  var now = WallTime(milliseconds: 1_700_000_000_000)

  init(on disk: any Disk, settings: StoreSettings, workers: Workers = .serial) throws {
    self.disk = disk
    self.settings = settings
    self.workers = workers
    var events: [StoreEvent] = []
    store = try MessageStore.open(disk: disk, settings: settings, workers: workers) { events.append($0) }
    self.events = events
    prepare()
  }

  /// Lets go of the store without closing it, as a killed process does, and opens it again.
  func reopen() throws {
    store = nil
    var events: [StoreEvent] = []
    store = try MessageStore.open(disk: disk, settings: settings, workers: workers) { events.append($0) }
    self.events = events
    prepare()
  }

  func prepare() {
    while let plan = store.planPreparation() {
      guard store.finish(plan, plan.run(on: disk)) else { break }
    }
  }

  /// Appends a message with the given body, preparing a file where one is missing, and dispatches it.
  @discardableResult
  func send(
    _ topic: String, _ queue: Int32 = 0, _ body: String = "body", tag: String? = nil, prepared: Bool = false,
    light: String? = nil, extra: [(String, String)] = []
  ) throws -> AppendOutcome {
    let target = try store.openQueue(topic: topic, id: queue)
    let topicBytes = Array(topic.utf8)
    let bodyBytes = Array(body.utf8)
    let tags = tag.map { [("TAGS", $0)] } ?? []
    let lights = light.map { [("INNER_MULTI_DISPATCH", $0)] } ?? []
    let properties = MessageProperties.encode((tags + lights + extra).map { (name: $0.0, value: $0.1) })
    let draft = RecordDraft(
      topic: topicBytes.rawSpan, body: bodyBytes.rawSpan, properties: properties.rawSpan, queueID: queue, flag: 0,
      sysFlag: prepared ? SysFlag(rawValue: 4) : [], bodyCRC: CRC32.body(bodyBytes.rawSpan), bornTime: now,
      bornHost: .loopback(port: 1000), storeHost: .loopback(port: 10911), tagsCode: tag.map { TagsCode.hash($0) } ?? 0)
    var outcome = store.append(draft, to: target, now: now)
    if outcome == .notYet {
      prepare()
      outcome = store.append(draft, to: target, now: now)
    }
    _ = store.dispatch()
    return outcome
  }

  /// Records the deletion of a topic, at which the store lets go of its queues. Returns what removes their files.
  func recordDeletion(of topic: String) throws -> TopicRemoval {
    guard let record = store.planDeletion(ofTopic: topic) else { throw Unexpected("\(topic) has no queues") }
    try record.run(on: disk)
    guard let removal = store.finish(record, isWritten: true) else { throw Unexpected("\(topic) is not let go of") }
    return removal
  }

  /// A queue that exists.
  func queue(_ topic: String, _ id: Int32 = 0) throws -> ConsumeQueue { try store.openQueue(topic: topic, id: id) }

  func settle() { store.settle(on: disk) }

  /// A run of retention a hundred hours later, when everything is old. Returns what came of it; nil when nothing was to
  /// be removed.
  @discardableResult
  func expire() throws -> RetentionRemoval.Outcome? {
    var retention = Retention(settings: .init())
    guard let survey = store.planRetention() else { return nil }
    let answer = try survey.run(on: disk)
    let later = now.advanced(byMilliseconds: 100 * 3_600_000)
    guard let removal = store.finish(survey, answer, retention: &retention, now: later, localHour: 4) else {
      return nil
    }
    let outcome = removal.run(on: disk)
    store.finish(removal, outcome)
    return outcome
  }

  /// The bodies of a queue's messages.
  func bodies(_ topic: String, _ queue: Int32 = 0) throws -> [String] {
    guard let queue = try store.queue(topic: topic, id: queue) else { return [] }
    return try store.allMessages(of: queue, on: disk).map { try StoredRecord($0.rawSpan).body.text }
  }
}
