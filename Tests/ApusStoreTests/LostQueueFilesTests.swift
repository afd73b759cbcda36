import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Stores of which somebody has removed all queue files, so that a start builds them anew from the log.
@Suite struct LostQueueFilesTests {
  private let disk = SimulatedDisk(seed: 7)
  private let harness: StoreHarness

  init() throws {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 2000
    harness = try StoreHarness(on: disk, settings: settings)
  }

  private func loseQueues() throws {
    disk.crash(.kill)
    disk.restart()
    disk.lose("/store/consumequeue")
    try harness.reopen()
  }

  @Test func `queues of which a killed process wrote a part are built anew by the next one`() throws {
    try harness.send("T", 0, "one")
    try harness.send("U", 0, "two")
    harness.settle()
    try loseQueues()
    let plan = try #require(harness.store.planQueueWrites())
    disk.plan = FaultPlan(crashAtCall: 2, of: .write, crashKind: .kill)
    _ = plan.run(on: disk)
    disk.restart()
    try harness.reopen()
    #expect(try harness.bodies("T") == ["one"])
    #expect(try harness.bodies("U") == ["two"])
  }

  @Test func `a queue begins at the first message that the log has, over starts as well`() throws {
    for number in 0..<40 { try harness.send("T", 0, String(repeating: "x", count: 300 + number)) }
    harness.settle()
    try harness.expire()
    let first = try harness.queue("T").minOffset
    #expect(first > .zero)
    try loseQueues()
    #expect(try harness.queue("T").minOffset == first)
    harness.settle()
    try harness.store.close()
    try harness.reopen()
    #expect(try harness.queue("T").minOffset == first)
  }
}
