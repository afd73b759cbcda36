import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Stores whose files do not fit the settings, or are of another kind: a start refuses them.
@Suite struct StoreLayoutTests {
  private func settings(queueFileBytes: Int) -> StoreSettings {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = queueFileBytes
    return settings
  }

  /// A store that was closed, with as many messages in each of three queues.
  private func closed(_ count: Int, queueFileBytes: Int) throws -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 5)
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: queueFileBytes))
    for number in 0..<3 * count { try harness.send("T", Int32(number % 3), "\(number)") }
    harness.settle()
    try harness.store.close()
    return disk
  }

  private func queueFile(_ id: Int, _ start: Int64) -> String {
    "/store/consumequeue/T/\(id)/" + SegmentName.text(start)
  }

  @Test(arguments: [
    // One file each: longer than those of the setting, or all of them shorter.
    (5, 200, 100, "/T/0/00000000000000000000", "has 200 bytes, but mappedFileSizeConsumeQueue is 100"),
    (5, 4000, 8000, "", "has files of 4000 bytes, but mappedFileSizeConsumeQueue is 8000"),
    // The second file begins where the setting has none.
    (15, 200, 300, "/T/0/00000000000000000200", "begins within another file: mappedFileSizeConsumeQueue is not 300"),
  ])
  func `queue files of another length are refused`(
    count: Int, bytes: Int, setting: Int, path: String, reason: String
  ) throws {
    let disk = try closed(count, queueFileBytes: bytes)
    #expect(throws: StoreError.layout(path: "/store/consumequeue" + path, reason: reason)) {
      _ = try MessageStore.open(disk: disk, settings: settings(queueFileBytes: setting))
    }
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: bytes))
    for id in 0..<3 { #expect(try harness.bodies("T", Int32(id)).count == count) }
  }

  @Test func `a queue file that was cut is not taken for one of another setting`() throws {
    let disk = try closed(5, queueFileBytes: 4000)
    disk.replace(queueFile(1, 0), with: [UInt8](repeating: 0, count: 2400))
    disk.replace(queueFile(2, 0), with: [])
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: 4000))
    #expect(try harness.bodies("T", 0).count == 5)
  }

  @Test func `a store of a DLedger group is refused and left as it is`() throws {
    let disk = SimulatedDisk(seed: 5)
    try disk.createDirectory("/store/dledger-n0/data")
    let error = #expect(throws: StoreError.self) {
      _ = try MessageStore.open(disk: disk, settings: settings(queueFileBytes: 200))
    }
    guard case .layout("/store/dledger-n0", _) = error else {
      Issue.record("refused with \(String(describing: error))")
      return
    }
    #expect(try disk.list("/store").map(\.name) == ["dledger-n0"])
  }

  @Test(arguments: [true, false])
  func `a store whose log is not there is refused until it is`(hasMark: Bool) throws {
    let disk = try closed(5, queueFileBytes: 200)
    if !hasMark { disk.lose("/store/" + DurableMark.fileName) }
    let names = try disk.list("/store/commitlog").map(\.name)
    try disk.createDirectory("/elsewhere")
    for name in names { try disk.rename("/store/commitlog/" + name, to: "/elsewhere/" + name) }
    let error = #expect(throws: StoreError.self) {
      _ = try MessageStore.open(disk: disk, settings: settings(queueFileBytes: 200))
    }
    guard case .layout("/store/commitlog", _) = error else {
      Issue.record("refused with \(String(describing: error))")
      return
    }
    for name in names { try disk.rename("/elsewhere/" + name, to: "/store/commitlog/" + name) }
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: 200))
    for id in 0..<3 { #expect(try harness.bodies("T", Int32(id)).count == 5) }
  }

  @Test func `a store of which only configuration is left begins anew`() throws {
    let disk = try closed(5, queueFileBytes: 200)
    for directory in ["commitlog", "consumequeue"] { try disk.removeDirectory("/store/" + directory) }
    for file in [DurableMark.fileName, "checkpoint"] { disk.lose("/store/" + file) }
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: 200))
    #expect(harness.store.marks.appended == .zero)
  }

  @Test func `a directory that the file system keeps where queues are mounted is not looked into`() throws {
    let disk = try closed(5, queueFileBytes: 200)
    try disk.createDirectory("/store/consumequeue/lost+found/0")
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: 200))
    #expect(harness.store.topicsWithQueues == ["T"])
  }

  @Test func `a store that never had a message opens again`() throws {
    let disk = try closed(0, queueFileBytes: 200)
    try disk.removeDirectory("/store/commitlog")
    let harness = try StoreHarness(on: disk, settings: settings(queueFileBytes: 200))
    #expect(harness.store.marks.appended == .zero)
  }
}
