import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Queues that are first used after a start.
@Suite struct QueueLoadTests {
  /// A store with some messages in one queue, closed, changed by `meddle` and opened again.
  private func reopened(
    _ count: Int = 200, entriesPerFile: Int = 10, meddle: (SimulatedDisk) -> Void = { _ in }
  ) throws -> (StoreHarness, SimulatedDisk) {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 20 * entriesPerFile
    let disk = SimulatedDisk(seed: 4)
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<count { try harness.send("T", 0, "\(number)") }
    harness.settle()
    try harness.store.close()
    meddle(disk)
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

  @Test(arguments: [1..<3, 20..<95, 103..<204, 198..<250, 300..<301, 340..<399, 150..<151, 0..<75])
  func `entries that were lost in a file do not end the queue`(lost: Range<Int>) throws {
    let (harness, _) = try reopened(400, entriesPerFile: 1000) { disk in
      let zeroes = [UInt8](repeating: 0, count: 20 * lost.count)
      disk.damage("/store/consumequeue/T/0/00000000000000000000", at: 20 * lost.lowerBound, with: zeroes)
    }
    #expect(try harness.queue("T").maxOffset == QueueOffset(400))
    try harness.send("T", 0, "400")
    #expect(try harness.bodies("T") == (0...400).filter { !lost.contains($0) }.map(String.init))
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

  @Test func `a queue is loaded again when a file goes between its listing and its opening`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    // That of the newest entry is opened first, then the oldest one, which retention removes.
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 2, code: .notFound)])
    try harness.store.finish(plan, plan.run(on: disk))
    #expect(disk.faults[.open] == 1)
    #expect(harness.store.isLoaded(topic: "T", id: 0))
    #expect(try harness.bodies("T") == (0..<200).map(String.init))
  }

  @Test func `a file that is listed and never found is an error`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, repeats: .max, code: .notFound)])
    let outcome = plan.run(on: disk)
    #expect(outcome.error?.code == .notFound)
    disk.plan = FaultPlan()
    #expect(try harness.bodies("T") == (0..<200).map(String.init))
  }

  @Test func `a file that begins within another is told and not used`() throws {
    let (harness, disk) = try reopened()
    let path = "/store/consumequeue/T/0/" + SegmentName.text(50)
    disk.close(try disk.open(path, create: true))
    #expect(try harness.bodies("T").count == 200)
    let told = StoreEvent.queueFileUnreadable(path: path, reason: "no file of 200 bytes begins there")
    #expect(harness.store.takeEvents().contains(told))
  }

  @Test func `a topic that was removed meanwhile does not come back`() throws {
    let (harness, disk) = try reopened()
    let plan = try #require(harness.store.planLoad(topic: "T", id: 0))
    let outcome = plan.run(on: disk)
    let removal = try harness.recordDeletion(of: "T")
    try harness.store.finish(plan, outcome)
    #expect(try harness.store.queue(topic: "T", id: 0) == nil)
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
  }

  @Test func `what is in memory is not passed over with a file that is gone`() throws {
    let (harness, disk) = try reopened(entriesPerFile: 1000)
    let queue = try harness.queue("T")
    disk.lose("/store/consumequeue/T/0/00000000000000000000")
    for number in 200..<205 { try harness.send("T", 0, "\(number)") }
    let lost = harness.store.pull(queue, at: 0, on: disk)
    #expect(lost.status == .offsetFoundNull)
    #expect(lost.nextOffset == QueueOffset(200))
    guard case .unreadable(let next) = harness.store.entry(in: queue, at: .zero) else { throw Unexpected("readable") }
    #expect(next == QueueOffset(200))
    let found = harness.store.pull(queue, at: 200, on: disk)
    #expect(found.messageCount == 5)
    #expect(found.nextOffset == QueueOffset(205))
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
