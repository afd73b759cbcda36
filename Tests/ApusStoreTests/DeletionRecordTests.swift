import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// A topic takes no messages between the first step of its deletion and the record of it.
@Suite struct DeletionRecordTests {
  private func harness(seed: UInt64 = 4) throws -> (StoreHarness, SimulatedDisk) {
    let disk = SimulatedDisk(seed: seed)
    return (try StoreHarness(on: disk, settings: LightQueueTests.settings()), disk)
  }

  @Test func `messages wait until the deletion is recorded, and begin anew then`() throws {
    let (harness, disk) = try harness()
    for queue: Int32 in 0...1 { try harness.send("T", queue, "old") }
    let record = try #require(harness.store.planDeletion(ofTopic: "T"))
    let end = harness.store.marks.appended
    // Also for queues that the topic did not have.
    for queue: Int32 in 0...2 { #expect(try harness.send("T", queue, "new") == .notYet) }
    #expect(harness.store.marks.appended == end)
    #expect(try harness.bodies("T") == ["old"])
    guard case .appended = try harness.send("U", 0, "other") else { throw Unexpected("U waits") }
    try record.run(on: disk)
    #expect(try harness.send("T", 0, "new") == .notYet)
    #expect(harness.store.finish(record, isWritten: true) != nil)
    for queue: Int32 in 0...2 {
      guard case .appended(let appended) = try harness.send("T", queue, "new") else { throw Unexpected("T waits") }
      #expect(appended.queueOffset == .zero)
      #expect(try harness.bodies("T", queue) == ["new"])
    }
  }

  @Test func `a message that names a light queue waits for the light queue's deletion`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "old", light: "%LMQ%a")
    let record = try #require(harness.store.planDeletion(ofTopic: "%LMQ%a"))
    #expect(try harness.send("T", 0, "new", light: "%LMQ%b,%LMQ%a") == .notYet)
    #expect(try harness.bodies("T") == ["old"])
    try record.run(on: disk)
    #expect(harness.store.finish(record, isWritten: true) != nil)
    try harness.send("T", 0, "new", light: "%LMQ%b,%LMQ%a")
    #expect(try harness.bodies("%LMQ%a") == ["new"])
    #expect(try harness.bodies("T") == ["old", "new"])
  }

  @Test(arguments: [("T", "U"), ("U", "T")])
  func `of two messages neither is stored while one of them waits`(first: String, second: String) throws {
    let (harness, disk) = try harness()
    for topic in ["T", "U"] { try harness.send(topic, 0, "old") }
    let record = try #require(harness.store.planDeletion(ofTopic: "T"))
    let end = harness.store.marks.appended
    #expect(try pair(first, second, harness) == .notYet)
    #expect(harness.store.finish(record, isWritten: false) == nil)
    #expect(try pair(first, second, harness) == .refused(.deletionUnrecorded))
    #expect(harness.store.marks.appended == end)
    let again = try #require(harness.store.planFailedDeletion())
    try again.run(on: disk)
    #expect(harness.store.finish(again, isWritten: true) != nil)
    guard case .appended = try pair(first, second, harness) else { throw Unexpected("they still wait") }
    _ = harness.store.dispatch()
    #expect(try harness.bodies("T") == ["pair"])
    #expect(try harness.bodies("U") == ["old", "pair"])
  }

  private func pair(_ first: String, _ second: String, _ harness: StoreHarness) throws -> PairOutcome {
    let (one, other, body) = (Array(first.utf8), Array(second.utf8), Array("pair".utf8))
    let (firstQueue, secondQueue) = (try harness.queue(first), try harness.queue(second))
    return harness.store.append(
      Self.draft(one.rawSpan, body.rawSpan, harness), to: firstQueue,
      with: Self.draft(other.rawSpan, body.rawSpan, harness), to: secondQueue, now: harness.now)
  }

  @_lifetime(copy topic, copy body)
  private static func draft(_ topic: RawSpan, _ body: RawSpan, _ harness: StoreHarness) -> RecordDraft {
    RecordDraft(
      topic: topic, body: body, properties: RawSpan(), queueID: 0, flag: 0, sysFlag: [], bodyCRC: CRC32.body(body),
      bornTime: harness.now, bornHost: .loopback(port: 1), storeHost: .loopback(port: 2), tagsCode: 0)
  }

  @Test func `messages are refused while it is not known whether the device has the record`() throws {
    let (harness, disk) = try harness()
    for queue: Int32 in 0...1 { try harness.send("T", queue, "old") }
    harness.settle()
    let record = try #require(harness.store.planDeletion(ofTopic: "T"))
    // It has its name, which a kill does not take.
    disk.plan = FaultPlan(failures: [.init(.syncDirectory, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
    #expect(throws: DiskError.self) { try record.run(on: disk) }
    disk.plan = FaultPlan()
    #expect(harness.store.finish(record, isWritten: false) == nil)
    #expect(try harness.send("T", 0, "new") == .refused(.deletionUnrecorded))
    let topic = Array("T".utf8)
    let isDeleted = harness.store.isDeleted(.zero, of: topic.rawSpan)
    #expect(isDeleted)
    disk.crash(.kill)
    disk.restart()
    try harness.reopen()
    for queue: Int32 in 0...1 { #expect(try harness.bodies("T", queue).isEmpty) }
    guard case .appended = try harness.send("T", 0, "new") else { throw Unexpected("it is still refused") }
  }

  @Test(arguments: 1...20, CrashKind.allCases)
  func `a crash in a deletion leaves all of the topic or nothing of it`(call: Int, kind: CrashKind) throws {
    let (harness, disk) = try harness(seed: UInt64(call))
    for queue: Int32 in 0...1 { try harness.send("T", queue, "old") }
    harness.settle()
    disk.plan = FaultPlan(crashAtCall: call, crashKind: kind)
    var isMadeAgain = false
    do {
      let record = try #require(harness.store.planDeletion(ofTopic: "T"))
      try record.run(on: disk)
      let removal = try #require(harness.store.finish(record, isWritten: true))
      try harness.send("T", 0, "new")
      isMadeAgain = true
      harness.settle()
      try removal.run(on: disk)
      harness.store.finish(removal, isDone: true)
      harness.settle()
    } catch  where disk.hasCrashed {
      // At any of these steps.
    }
    disk.plan = FaultPlan()
    if !disk.hasCrashed { disk.crash(kind) }
    disk.restart()
    try harness.reopen()
    let bodies = try (0...1).map { try harness.bodies("T", Int32($0)) }
    let old = bodies.map { $0.filter { $0 == "old" } }
    #expect(old == [[], []] || !isMadeAgain && old == [["old"], ["old"]])
    if isMadeAgain, kind == .kill { #expect(bodies == [["new"], []]) }
  }
}
