import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// Topics that were deleted stay so, whatever queues are built anew from.
@Suite struct DeletedTopicsTests {
  private let disk = SimulatedDisk(seed: 5)
  private let harness: StoreHarness

  init() throws {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    harness = try StoreHarness(on: disk, settings: settings)
  }

  private func delete(_ topic: String) throws {
    let removal = try harness.recordDeletion(of: topic)
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
  }

  /// The device has no space for the record.
  private func failToDelete(_ topic: String) throws {
    let record = try #require(harness.store.planDeletion(ofTopic: topic))
    disk.plan = FaultPlan(failures: [.init(.write, occurrence: 1, code: .full)])
    #expect(throws: DiskError.self) { try record.run(on: disk) }
    disk.plan = FaultPlan()
    #expect(harness.store.finish(record, isWritten: false) == nil)
  }

  private func kill() throws {
    disk.crash(.kill)
    disk.restart()
    try harness.reopen()
  }

  /// Has the next start build all queues anew from the whole log.
  private func loseQueues() throws {
    disk.crash(.kill)
    disk.restart()
    try disk.removeDirectory("/store/consumequeue")
    disk.lose("/store/apus.mark")
    disk.lose("/store/checkpoint")
    try harness.reopen()
  }

  private func findings() throws -> [StoreFinding] {
    try harness.store.close()
    var findings: [StoreFinding] = []
    try StoreInspection(disk: disk, settings: harness.settings, index: nil) { findings.append($0) }.run()
    return findings
  }

  // MARK: The record

  @Test func `what is written is read`() throws {
    var deleted = DeletedTopics()
    #expect(try DeletedTopics(deleted.encoded.rawSpan) == deleted)
    deleted.insert("T", before: PhysicalOffset(100))
    deleted.insert("%LMQ%ü", before: PhysicalOffset(7))
    deleted.finish("T")
    let read = try DeletedTopics(deleted.encoded.rawSpan)
    #expect(read == deleted)
    #expect(read.unfinished == ["%LMQ%ü"])
    #expect(read.covers(PhysicalOffset(99), of: "T") && !read.covers(PhysicalOffset(100), of: "T"))
    #expect(!read.covers(PhysicalOffset(7), of: "%LMQ%ü") && !read.covers(PhysicalOffset(0), of: "U"))
  }

  @Test func `the file has the layout that its documentation says`() {
    var deleted = DeletedTopics()
    deleted.insert("T", before: PhysicalOffset(258))
    let fields: [UInt8] =
      Array("APUSDELS".utf8) + [0, 0, 0, 1, 0, 0, 0, 1] + [0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 1] + Array("T".utf8)
    #expect(Array(deleted.encoded.dropLast(4)) == fields)
    let checksum = CRC32.checksum(fields.rawSpan)
    #expect(Array(deleted.encoded.suffix(4)) == (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) })
  }

  @Test func `every cut and every flipped bit is refused`() {
    var deleted = DeletedTopics()
    deleted.insert("Topic", before: PhysicalOffset(100))
    let bytes = deleted.encoded
    for count in 0..<bytes.count {
      #expect(throws: DecodeError.self) { try DeletedTopics(Array(bytes[..<count]).rawSpan) }
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(throws: DecodeError.self, "bit \(bit)") { try DeletedTopics(changed.rawSpan) }
    }
  }

  @Test func `what the log lost and what it removed is taken out`() {
    var deleted = DeletedTopics()
    deleted.insert("removed", before: PhysicalOffset(100))
    deleted.insert("kept", before: PhysicalOffset(150))
    deleted.insert("ahead", before: PhysicalOffset(300))
    deleted.fit(PhysicalOffset(100)..<PhysicalOffset(200))
    #expect(deleted.end(of: "removed") == nil)
    #expect(deleted.end(of: "kept") == PhysicalOffset(150))
    #expect(deleted.end(of: "ahead") == PhysicalOffset(200))
    #expect(deleted.end == PhysicalOffset(200))
  }

  // MARK: Starts

  @Test func `a topic that was deleted stays so over a crash that follows at once`() throws {
    try harness.send("T", 0, "gone")
    try harness.send("U", 0, "kept")
    try delete("T")
    try kill()
    #expect(try harness.bodies("T").isEmpty)
    #expect(try harness.bodies("U") == ["kept"])
    #expect(!harness.store.topicsWithQueues.contains("T"))
    #expect(try findings().isEmpty)
  }

  @Test func `queues built anew from the whole log leave deleted messages out`() throws {
    try harness.send("T", 0, "first life")
    harness.settle()
    try delete("T")
    try harness.send("T", 0, "second life")
    harness.settle()
    try delete("T")
    for body in ["third", "life"] { try harness.send("T", 0, body) }
    harness.settle()
    try loseQueues()
    #expect(try harness.bodies("T") == ["third", "life"])
    #expect(try harness.queue("T").nextOffset == QueueOffset(2))
    #expect(try findings().isEmpty)
  }

  @Test func `a removal that a crash interrupted is completed by the start`() throws {
    try harness.send("T", 0, "gone")
    harness.settle()
    let removal = try harness.recordDeletion(of: "T")
    disk.plan = FaultPlan(failures: [.init(.removeDirectory, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
    #expect(throws: DiskError.self) { try removal.run(on: disk) }
    disk.plan = FaultPlan()
    try kill()
    #expect(try harness.bodies("T").isEmpty)
    #expect(try disk.list("/store/consumequeue").isEmpty)
    try harness.send("T", 0, "new")
    harness.settle()
    try kill()
    #expect(try harness.bodies("T") == ["new"])
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `what a start completes stays completed when the power goes`(seed: UInt64) throws {
    let disk = SimulatedDisk(seed: seed)
    let harness = try StoreHarness(on: disk, settings: harness.settings)
    try harness.send("T", 0, "gone")
    harness.settle()
    let removal = try harness.recordDeletion(of: "T")
    // The directory is gone from memory when the process is killed, and not from the device.
    disk.plan = FaultPlan(crashAtCall: 1, of: .syncDirectory, crashKind: .kill)
    #expect(throws: DiskError.self) { try removal.run(on: disk) }
    disk.restart()
    try harness.reopen()
    disk.crash(.powerLoss)
    disk.restart()
    try harness.reopen()
    #expect(try harness.bodies("T").isEmpty)
  }

  @Test func `a stop in order tries a removal again that failed`() throws {
    try harness.send("T", 0, "gone")
    harness.settle()
    try failToDelete("T")
    try harness.store.close()
    try harness.reopen()
    try loseQueues()
    #expect(try harness.bodies("T").isEmpty)
  }

  @Test func `a removal that failed is due again and keeps new files of the name waiting`() throws {
    try harness.send("T", 0, "gone")
    harness.settle()
    let removal = try harness.recordDeletion(of: "T")
    disk.plan = FaultPlan(failures: [.init(.removeDirectory, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
    #expect(throws: DiskError.self) { try removal.run(on: disk) }
    disk.plan = FaultPlan()
    harness.store.finish(removal, isDone: false)
    // The device may have removed a part.
    let left = try disk.list("/store/consumequeue/T/0")
    try harness.send("T", 0, "new")
    harness.settle()
    #expect(try disk.list("/store/consumequeue/T/0") == left)
    let again = try #require(harness.store.planFailedRemoval())
    try again.run(on: disk)
    harness.store.finish(again, isDone: true)
    #expect(harness.store.planFailedRemoval() == nil)
    harness.settle()
    try kill()
    #expect(try harness.bodies("T") == ["new"])
  }

  @Test func `messages that come where the log was longer once are no deleted ones`() throws {
    try harness.send("T", 0, "durable")
    harness.settle()
    let end = harness.store.marks.appended
    try harness.send("T", 0, "lost")
    try delete("T")
    // The log loses what was not synced; the record of the deletion was.
    let name = SegmentName.text(0)
    disk.crash(.kill)
    disk.restart()
    disk.damage("/store/commitlog/" + name, at: Int(end.rawValue), with: [UInt8](repeating: 0, count: 512))
    try harness.reopen()
    #expect(harness.store.marks.appended == end)
    try harness.send("T", 0, "new")
    harness.settle()
    try loseQueues()
    #expect(try harness.bodies("T") == ["new"])
  }

  @Test func `a damaged record costs no message and is told`() throws {
    try harness.send("T", 0, "deleted")
    try harness.send("U", 0, "kept")
    try delete("T")
    disk.damage("/store/apus.deletions", at: 20, with: [0xFF])
    try loseQueues()
    #expect(try harness.bodies("U") == ["kept"])
    let isTold = harness.events.contains { if case .deletionsUnreadable = $0 { true } else { false } }
    #expect(isTold)
  }

  @Test func `a light queue that was deleted stays so, and the message in its topic`() throws {
    let harness = try StoreHarness(on: SimulatedDisk(seed: 6), settings: LightQueueTests.settings())
    try harness.send("T", 0, "body", light: "%LMQ%a")
    let removal = try harness.recordDeletion(of: "%LMQ%a")
    try removal.run(on: harness.disk)
    harness.store.finish(removal, isDone: true)
    try harness.reopen()
    #expect(try harness.bodies("T") == ["body"])
    #expect(!harness.store.topicsWithQueues.contains("%LMQ%a"))
  }
}
