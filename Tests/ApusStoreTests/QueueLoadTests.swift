import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Queues that are first used after a start.
@Suite struct QueueLoadTests {
  /// A store with 200 messages in one queue that was closed and opened again.
  private func reopened() throws -> (StoreHarness, SimulatedDisk) {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    let disk = SimulatedDisk(seed: 4)
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<200 { try harness.send("T", 0, "\(number)") }
    harness.settle()
    try harness.store.close()
    try harness.reopen()
    return (harness, disk)
  }

  @Test func `messages are stored while a queue is loaded`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    let outcome = plan.run(on: disk)
    #expect(outcome.error == nil)
    try harness.send("U", 0, "meanwhile")
    #expect(!harness.store.isLoaded(topic: "T", id: 0))
    try harness.store.finish(plan, outcome)
    #expect(harness.store.isLoaded(topic: "T", id: 0))
    #expect(harness.store.planLoad(topic: "T", id: 0) == nil)
    try harness.send("T", 0, "200")
    #expect(try harness.bodies("T") == (0...200).map(String.init))
    #expect(try harness.bodies("U") == ["meanwhile"])
  }

  @Test func `a queue is loaded anew when old log files went meanwhile`() throws {
    let (harness, disk) = try reopened()
    let stale = try #require(harness.store.planLoad(topic: "T", id: 0))
    let outcome = stale.run(on: disk)
    try harness.expire()
    try harness.store.finish(stale, outcome)
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    try harness.store.finish(plan, plan.run(on: disk))
    #expect(try harness.queue("T").minOffset > .zero)
    #expect(try harness.bodies("T").last == "199")
  }

  @Test func `a topic that was removed meanwhile does not come back`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    let outcome = plan.run(on: disk)
    let removal = try #require(harness.store.removeQueues(ofTopic: "T"))
    try harness.store.finish(plan, outcome)
    #expect(try harness.store.queue(topic: "T", id: 0) == nil)
    try removal.run(on: disk)
    harness.store.finish(removal)
  }

  @Test func `a queue whose files cannot be read just now is loaded the next time`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .failed(5))])
    let outcome = plan.run(on: disk)
    let error = try #require(outcome.error)
    #expect(throws: error) { try harness.store.finish(plan, outcome) }
    #expect(harness.store.failure == nil)
    #expect(try harness.bodies("T") == (0..<200).map(String.init))
  }
}
