import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// What a checkpoint brings to the device.
@Suite struct CheckpointTests {
  @Test(arguments: ["/store/consumequeue", "/store/consumequeue_ext"], 1...8)
  func `queue files on a device of their own are on it before the mark says so`(mount: String, seed: UInt64) throws {
    let disk = SimulatedDisk(seed: seed)
    disk.mountPoints = [mount]
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    settings.extendsQueues = true
    settings.extensionFileBytes = 256
    settings.filesSyncedSingly = 0
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<8 { try harness.send("T", Int32(number % 4), "\(number)", tag: "a") }
    harness.settle()
    let name = SegmentName.text(0)
    let paths = (0..<4).map { "/store/consumequeue/T/\($0)/\(name)" }
    let unitPaths = (0..<4).map { "/store/consumequeue_ext/T/\($0)/\(name)" }
    let written = (paths + unitPaths).map { disk.bytes(at: $0) }
    #expect(!written.contains(nil))
    disk.crash(.powerLoss)
    disk.restart()
    #expect((paths + unitPaths).map { disk.bytes(at: $0) } == written)
    try harness.reopen()
    for queue in 0..<4 { #expect(try harness.bodies("T", Int32(queue)) == ["\(queue)", "\(queue + 4)"]) }
  }
}
