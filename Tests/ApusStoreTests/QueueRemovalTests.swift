import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Topics that are deleted while messages come to them.
@Suite struct QueueRemovalTests {
  private func harness() throws -> (StoreHarness, SimulatedDisk) {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    let disk = SimulatedDisk(seed: 3)
    return (try StoreHarness(on: disk, settings: settings), disk)
  }

  /// Stores a message by a queue that was found earlier, as a loop does that remembers its queues.
  private func append(_ body: String, to queue: ConsumeQueue, _ harness: StoreHarness) throws {
    let (topic, bytes) = (Array(queue.topic.utf8), Array(body.utf8))
    let properties = MessageProperties.encode([("KEYS", "k")])
    let draft = RecordDraft(
      topic: topic.rawSpan, body: bytes.rawSpan, properties: properties.rawSpan, queueID: queue.id, flag: 0,
      sysFlag: [], bodyCRC: CRC32.body(bytes.rawSpan), bornTime: harness.now, bornHost: .loopback(port: 1),
      storeHost: .loopback(port: 2), tagsCode: 0)
    let outcome = harness.store.append(draft, to: queue, now: harness.now)
    guard case .appended = outcome else { throw Unexpected("\(outcome)") }
    _ = harness.store.dispatch()
  }

  @Test func `messages to a queue that was removed go to the one of its name that came after it`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "before")
    harness.settle()
    let old = try harness.queue("T")
    let removal = try harness.recordDeletion(of: "T")
    #expect(old.isRemoved)
    try append("after", to: old, harness)
    #expect(try harness.bodies("T") == ["after"])
    #expect(try harness.queue("T") !== old)
    // Its file waits until the old ones are gone.
    harness.settle()
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
    #expect(try disk.list("/store/consumequeue").isEmpty)
    harness.settle()
    #expect(try disk.list("/store/consumequeue/T/0").count == 1)
    try harness.store.close()
    try harness.reopen()
    #expect(try harness.bodies("T") == ["after"])
  }

  @Test func `entries that found no space hold up nothing when their topic is gone`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "gone")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    let writes = try #require(harness.store.planQueueWrites())
    disk.plan = FaultPlan(failures: [.init(.write, occurrence: 1, code: .full)])
    harness.store.finish(writes, writes.run(on: disk))
    #expect(harness.store.refusal == .diskFull)
    disk.plan = FaultPlan()
    let removal = try harness.recordDeletion(of: "T")
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
    #expect(harness.store.planQueueWrites() == nil)
    #expect(harness.store.refusal == nil)
    guard case .appended = try harness.send("U", 0, "kept") else { throw Unexpected("refused") }
  }

  @Test func `a write of entries that meets the removal of their topic is no failure of the device`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "gone")
    try harness.send("U", 0, "kept")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    let writes = try #require(harness.store.planQueueWrites())
    let removal = try harness.recordDeletion(of: "T")
    #expect(harness.store.isWritingQueues)
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .notFound)])
    harness.store.finish(writes, writes.run(on: disk))
    #expect(harness.store.failure == nil)
    #expect(!harness.store.isWritingQueues)
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
    harness.settle()
    try harness.store.close()
    try harness.reopen()
    #expect(try harness.bodies("T").isEmpty)
    #expect(try harness.bodies("U") == ["kept"])
  }
}
