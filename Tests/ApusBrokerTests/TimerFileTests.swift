import ApusBrokerCore
import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

@testable import ApusBroker

/// What a start finds out about timers from a store.
@Suite struct TimerFileTests {
  private static let now = WallTime(milliseconds: 1_700_000_000_000)
  private static let settings: StoreSettings = {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 2000
    return settings
  }()

  /// The properties of a message that waits.
  private static let waiting = [
    (name: "TIMER_OUT_MS", value: "\(now.milliseconds)"), (name: "REAL_TOPIC", value: "T"),
    (name: "REAL_QID", value: "0"),
  ]

  /// Stores a record in the first queue of a topic and returns where it lies.
  private func append(
    _ topic: String, _ properties: [(name: String, value: String)], copyOf source: PhysicalOffset? = nil,
    to store: MessageStore, on disk: SimulatedDisk
  ) throws -> PhysicalOffset {
    while let plan = store.planPreparation() {
      guard store.finish(plan, plan.run(on: disk)) else { break }
    }
    let (name, body) = (Array(topic.utf8), Array("x".utf8))
    let encoded = MessageProperties.encode(properties)
    var draft = RecordDraft(
      topic: name.rawSpan, body: body.rawSpan, properties: encoded.rawSpan, queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: CRC32.body(body.rawSpan), bornTime: Self.now, bornHost: .loopback(port: 1),
      storeHost: .loopback(port: 2), tagsCode: 0)
    if let source { draft.preparedTransactionOffset = TimerRecord.mark(of: source) }
    let queue = try store.openQueue(topic: topic, id: 0)
    guard case .appended(let appended) = store.append(draft, to: queue, now: Self.now) else {
      Issue.record("a record was not stored")
      return .zero
    }
    _ = store.dispatch()
    return appended.offset
  }

  /// A store whose only timer was delivered, in a log file that is not mapped after its start. Between the two lies a
  /// record that may be damaged.
  private func store(on disk: SimulatedDisk, isDamaged: Bool = false) throws -> SharedStore {
    let first = try MessageStore.open(disk: disk, settings: Self.settings)
    let waiting = try append("rmq_sys_wheel_timer", Self.waiting, to: first, on: disk)
    let between = try append("U", [("KEYS", "k")], to: first, on: disk)
    _ = try append("T", [("REAL_TOPIC", "T")], copyOf: waiting, to: first, on: disk)
    for _ in 0..<100 { _ = try append("U", [("KEYS", "k")], to: first, on: disk) }
    try first.close()
    if isDamaged {
      // Its magic number.
      let path = "/store/commitlog/" + SegmentName.text(0)
      disk.damage(path, at: Int(between.rawValue) + 4, with: [1, 2, 3, 4])
    }
    return SharedStore(
      try MessageStore.open(disk: disk, settings: Self.settings), disk: disk, isSynchronous: false)
  }

  @Test func `a log file that cannot be mapped just now is looked into once more`() throws {
    let disk = SimulatedDisk(seed: 5)
    let store = try store(on: disk)
    disk.plan = FaultPlan(failures: [.init(.map, occurrence: 1, repeats: 2, code: .exhausted)])
    let found = try TimerFile(store: store, root: "/store").find(now: Self.now)
    #expect(disk.faults[.map] == 2)
    #expect(found.wheel.count == 0)
    #expect(found.position == QueueOffset(1))
  }

  @Test(arguments: [("rmq_sys_wheel_timer", true), ("T", false)])
  func `only messages of the timers' queue wait`(topic: String, waits: Bool) throws {
    let disk = SimulatedDisk(seed: 5)
    let messages = try MessageStore.open(disk: disk, settings: Self.settings)
    let offset = try append(topic, Self.waiting, to: messages, on: disk)
    guard case .found(let range) = messages.record(at: offset) else {
      Issue.record("the record is gone")
      return
    }
    let record = try StoredRecord(range.bytes())
    let found = TimerRecord.read(record)
    #expect((found != nil) == waits)
  }

  @Test func `a damaged message that waits takes no other along`() throws {
    let disk = SimulatedDisk(seed: 5)
    let first = try MessageStore.open(disk: disk, settings: Self.settings)
    let damaged = try append("rmq_sys_wheel_timer", Self.waiting, to: first, on: disk)
    _ = try append("rmq_sys_wheel_timer", Self.waiting, to: first, on: disk)
    try first.close()
    // The length of its body.
    disk.damage("/store/commitlog/" + SegmentName.text(0), at: Int(damaged.rawValue) + 84, with: [127])
    let store = SharedStore(
      try MessageStore.open(disk: disk, settings: Self.settings), disk: disk, isSynchronous: false)
    let found = try TimerFile(store: store, root: "/store").find(now: Self.now)
    #expect(found.wheel.count == 1)
    #expect(found.position == QueueOffset(2))
  }

  @Test func `a delivery is found behind damage in its log file`() throws {
    let disk = SimulatedDisk(seed: 5)
    let store = try store(on: disk, isDamaged: true)
    let found = try TimerFile(store: store, root: "/store").find(now: Self.now)
    #expect(found.wheel.count == 0)
  }
}
