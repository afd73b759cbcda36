import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Messages that are found in light queues besides their own.
@Suite struct LightQueueTests {
  static func settings(limit: Int = 20_000) -> StoreSettings {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 400
    settings.dispatchesToLightQueues = true
    settings.lightQueueLimit = limit
    return settings
  }

  private static func store(_ seed: UInt64 = 1, limit: Int = 20_000) throws -> (StoreHarness, SimulatedDisk) {
    let disk = SimulatedDisk(seed: seed)
    return (try StoreHarness(on: disk, settings: settings(limit: limit)), disk)
  }

  /// The places that the messages of a queue tell.
  private static func places(_ harness: StoreHarness, _ topic: String) throws -> [String] {
    guard let queue = try harness.store.queue(topic: topic, id: 0) else { return [] }
    return try harness.store.allMessages(of: queue, on: harness.disk).map { bytes in
      let record = try StoredRecord(bytes.rawSpan)
      return record.properties.value(of: PropertyName.lightQueueOffsets)?.text ?? "-"
    }
  }

  @Test func `a message is stored once and found in its own queue and in each light queue`() throws {
    let (harness, _) = try Self.store()
    try harness.send("T", 0, "both", light: "%LMQ%a,%LMQ%b")
    try harness.send("T", 0, "one", light: "%LMQ%b")
    try harness.send("T", 0, "none")
    #expect(try harness.bodies("T") == ["both", "one", "none"])
    #expect(try harness.bodies("%LMQ%a") == ["both"])
    #expect(try harness.bodies("%LMQ%b") == ["both", "one"])
    #expect(try Self.places(harness, "T") == ["0,0", "1", "-"])
    #expect(try harness.queue("%LMQ%b").maxOffset == QueueOffset(2))
  }

  @Test func `places that a sender tells are replaced`() throws {
    let (harness, _) = try Self.store()
    try harness.send("T", 0, "x", light: "%LMQ%a", extra: [("INNER_MULTI_QUEUE_OFFSET", "77")])
    #expect(try Self.places(harness, "%LMQ%a") == ["0"])
  }

  @Test(arguments: ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "rmq_sys_wheel_timer", "%RETRY%g", "%DLQ%g"])
  func `messages that wait, retries and dead letters go to no light queue`(topic: String) throws {
    let (harness, _) = try Self.store()
    try harness.send(topic, 0, "x", light: "%LMQ%a")
    #expect(try harness.bodies(topic) == ["x"])
    #expect(try harness.store.queue(topic: "%LMQ%a", id: 0) == nil)
  }

  @Test func `a light queue that is the message's own topic holds it once`() throws {
    let (harness, _) = try Self.store()
    try harness.send("%LMQ%a", 0, "x", light: "%LMQ%b,%LMQ%a")
    #expect(try harness.bodies("%LMQ%a") == ["x"])
    try harness.reopen()
    #expect(try harness.bodies("%LMQ%a") == ["x"])
    #expect(try harness.bodies("%LMQ%b") == ["x"])
  }

  @Test(arguments: 0..<8) func `a start after a kill puts light queues back`(sent: Int) throws {
    let (harness, _) = try Self.store()
    for number in 0..<sent * 3 {
      try harness.send("T", Int32(number % 2), "\(number)", light: number % 3 == 0 ? "%LMQ%a,%LMQ%b" : "%LMQ%b")
      if number == sent { harness.settle() }
    }
    let before = try (harness.bodies("%LMQ%a"), harness.bodies("%LMQ%b"))
    try harness.reopen()
    #expect(try harness.bodies("%LMQ%a") == before.0)
    #expect(try harness.bodies("%LMQ%b") == before.1)
    #expect(!harness.events.contains { "\($0)".contains("given out twice") })
    try harness.send("T", 0, "next", light: "%LMQ%b")
    #expect(try harness.bodies("%LMQ%b") == before.1 + ["next"])
  }

  @Test func `light queues whose files are gone come back, also where messages do not go to them any more`() throws {
    let (harness, disk) = try Self.store()
    for number in 0..<5 { try harness.send("T", 0, "\(number)", light: "%LMQ%a") }
    harness.settle()
    try harness.store.close()
    try disk.removeDirectory("/store/consumequeue")
    try disk.removeFile("/store/\(DurableMark.fileName)")
    try disk.removeFile("/store/checkpoint")
    var settings = Self.settings()
    settings.dispatchesToLightQueues = false
    let store = try MessageStore.open(disk: disk, settings: settings)
    let queue = try #require(try store.queue(topic: "%LMQ%a", id: 0))
    #expect(queue.maxOffset == QueueOffset(5))
  }

  @Test func `the limit counts light queues that are there`() throws {
    let (harness, _) = try Self.store(limit: 2)
    try harness.send("T", 0, "x", light: "%LMQ%a,%LMQ%b")
    #expect(harness.store.hasRoom(forLightQueues: ["%LMQ%a", "%LMQ%b"]))
    #expect(!harness.store.hasRoom(forLightQueues: ["%LMQ%a", "%LMQ%c"]))
    #expect(try harness.store.openLightQueue("%LMQ%c") == nil)
    _ = try harness.recordDeletion(of: "%LMQ%b")
    #expect(harness.store.hasRoom(forLightQueues: ["%LMQ%a", "%LMQ%c"]))
  }

  @Test func `an inspection holds light queues against the log`() throws {
    let (harness, disk) = try Self.store()
    for number in 0..<30 { try harness.send("T", 0, "\(number)", light: "%LMQ%a,%LMQ%b") }
    harness.settle()
    try harness.store.close()
    var findings: [StoreFinding] = []
    try StoreInspection(disk: disk, settings: Self.settings(), index: nil) { findings.append($0) }.run()
    #expect(findings.isEmpty)
    try disk.removeDirectory("/store/consumequeue/%LMQ%a")
    try StoreInspection(disk: disk, settings: Self.settings(), index: nil) { findings.append($0) }.run()
    #expect(findings.map(\.path) == ["/store/consumequeue/%LMQ%a/0"])
  }

  @Test(arguments: [
    ("%LMQ%a,plain", "names plain, which is no light queue"), ("%LMQ%a,", "names , which is no light queue"),
    ("%LMQ%a,%LMQ%a", "names %LMQ%a twice"), ("%LMQ%a b", "illegal characters"),
    ("%LMQ%" + String(repeating: "x", count: 123), "longer than topic max length"),
  ])
  func `a list that cannot be is refused with the name`(list: String, reason: String) throws {
    let bytes = Array(list.utf8)
    let fault = #expect(throws: LightQueues.Fault.self) { try LightQueues.names(bytes.rawSpan) }
    #expect(fault?.remark.contains(reason) == true)
  }
}
