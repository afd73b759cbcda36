import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// How files of the log come into being where nothing can be moved into their directory.
@Suite struct PreparationTests {
  private let disk = SimulatedDisk(seed: 1)

  private func harness(on disk: SimulatedDisk) throws -> StoreHarness {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    return try StoreHarness(on: disk, settings: settings)
  }

  /// Stores messages in several files and looks at these.
  private func fill(_ harness: StoreHarness) throws {
    let sent = (0..<100).map { "\($0)" }
    for body in sent { try harness.send("T", 0, body) }
    #expect(harness.store.refusal == nil)
    let files = try disk.list("/store/commitlog")
    #expect(files.count > 1 && files.allSatisfy { $0.length == 4096 })
    #expect(try !disk.list("/store").contains { $0.name == "commitlog.new" })
    try harness.reopen()
    #expect(try harness.bodies("T") == sent)
  }

  @Test func `a log on a device of its own gets files`() throws {
    disk.mountPoints = ["/store/commitlog"]
    try fill(try harness(on: disk))
  }

  @Test func `a log on a device of its own gets files where nobody may write beside it`() throws {
    disk.mountPoints = ["/store/commitlog"]
    disk.plan = FaultPlan(failures: [.init(.removeFile, occurrence: 1, code: .denied)])
    try fill(try harness(on: disk))
    #expect(disk.faults[.removeFile] == 1)
  }

  @Test func `a log in a mount of the same device gets files`() throws {
    disk.plan = FaultPlan(failures: [.init(.rename, occurrence: 1, repeats: .max, code: DiskError.otherDevice)])
    try fill(try harness(on: disk))
  }

  @Test(arguments: 1...16) func `a power cut while a file is made in its place harms no start`(call: Int) throws {
    let disk = SimulatedDisk(seed: UInt64(call))
    disk.mountPoints = ["/store/commitlog"]
    let harness = try harness(on: disk)
    try harness.send("T", 0, "kept")
    harness.settle()
    disk.plan = FaultPlan(crashAtCall: call)
    for _ in 0..<40 where !disk.hasCrashed { try harness.send("T", 0, String(repeating: "x", count: 200)) }
    if !disk.hasCrashed { disk.crash(.powerLoss) }
    disk.restart()
    try harness.reopen()
    #expect(try harness.bodies("T").first == "kept")
    guard case .appended = try harness.send("T", 0, "new") else { throw Unexpected("refused") }
  }

  @Test func `a file in its place that finds no space is not left there`() throws {
    disk.mountPoints = ["/store/commitlog"]
    disk.plan = FaultPlan(failures: [.init(.allocate, occurrence: 1, code: .full)])
    let harness = try harness(on: disk)
    #expect(try disk.list("/store/commitlog").isEmpty)
    harness.prepare()
    try fill(harness)
  }
}
