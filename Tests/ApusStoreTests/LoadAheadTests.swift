import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

/// Starts with many queues after a kill, with a message behind the newest entry in each queue's files.
@Suite struct LoadAheadTests {
  private func settings(_ root: String) -> StoreSettings {
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 16_384
    settings.queueFileBytes = 200
    return settings
  }

  /// Kills a store of queues `0..<count` of two topics, all with two messages in their files and one behind, and checks
  /// what the next start makes of them.
  private func check(_ count: Int, on disk: any Disk, _ settings: StoreSettings, _ workers: Workers) throws {
    let harness = try StoreHarness(on: disk, settings: settings, workers: workers)
    func send(_ body: String) throws {
      for number in 0..<count { try harness.send("T\(number % 2)", Int32(number / 2), "\(body) \(number)") }
    }
    try send("first")
    try send("second")
    harness.settle()
    try send("third")
    (disk as? SimulatedDisk)?.crash(.kill)
    (disk as? SimulatedDisk)?.restart()
    try harness.reopen()
    for number in 0..<count {
      let kept = try harness.bodies("T\(number % 2)", Int32(number / 2))
      #expect(kept == ["first", "second", "third"].map { "\($0) \(number)" })
    }
    try send("fourth")
    #expect(try harness.queue("T1", 3).maxOffset == QueueOffset(4))
  }

  @Test func `the order in which queues are loaded counts for nothing`() throws {
    let done = Locked(0)
    let backwards = Workers { count, body in
      for piece in (0..<count).reversed() { body(piece) }
      done.withLock { $0 += count }
    }
    try check(200, on: SimulatedDisk(seed: 7), settings("/store"), backwards)
    // Pieces of 32 queues.
    #expect(done.withLock { $0 } >= 200 / 32)
  }

  @Test func `few queues are loaded when they are needed`() throws {
    let nobody = Workers { count, _ in #expect(count == 0) }
    try check(60, on: SimulatedDisk(seed: 8), settings("/store"), nobody)
  }

  @Test func `threads load them`() throws {
    let directory = try TemporaryDirectory()
    try check(300, on: PosixDisk(), settings(directory.root), .threads(4, name: "test-load"))
  }
}
