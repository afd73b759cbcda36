import ApusBase
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Queue files that lack a part of their length or their entries, as a power loss leaves those that were just begun.
@Suite struct ShortQueueFilesTests {
  private let disk = SimulatedDisk(seed: 5)
  private let harness: StoreHarness
  private let path = "/store/consumequeue/T/0/" + SegmentName.text(0)

  /// A store whose queue has a file of 20 bytes, that of its first entry, after a crash before the checkpoint.
  init() throws {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 2000
    harness = try StoreHarness(on: disk, settings: settings)
    for body in ["one", "two", "three"] { try harness.send("T", 0, body) }
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    let writes = try #require(harness.store.planQueueWrites())
    harness.store.finish(writes, writes.run(on: disk))
    let bytes = try #require(disk.bytes(at: path))
    disk.crash(.kill)
    disk.restart()
    disk.replace(path, with: Array(bytes[..<20]))
  }

  private func inspect() throws -> [StoreFinding] {
    var findings: [StoreFinding] = []
    try StoreInspection(disk: disk, settings: harness.settings, index: nil) { findings.append($0) }.run()
    return findings
  }

  @Test func `a start and a stop in order give a queue file its length`() throws {
    try harness.reopen()
    harness.settle()
    try harness.store.close()
    #expect(disk.bytes(at: path)?.count == 2000)
    #expect(try inspect() == [])
    try harness.reopen()
    #expect(try harness.bodies("T") == ["one", "two", "three"])
  }

  @Test func `before the start a short file is no problem`() throws {
    let findings = try inspect().filter { $0.kind == .queueFile }
    #expect(findings.map(\.severity) == [.note])
    #expect(findings.map(\.path) == [path])
  }

  @Test func `before the start entries that it writes anew are no problem`() throws {
    // The first is lost, the others point into a record.
    var bytes = [UInt8](repeating: 0, count: 2000)
    for place in 1..<3 {
      bytes[place * 20 + 7] = 120
      bytes[place * 20 + 11] = 100
    }
    disk.replace(path, with: bytes)
    let findings = try inspect()
    #expect(findings.contains { $0.kind == .entriesMissing })
    #expect(findings.contains { $0.kind == .entryDangling })
    #expect(findings.allSatisfy { $0.severity == .note })
    try harness.reopen()
    #expect(try harness.bodies("T") == ["one", "two", "three"])
  }
}
