import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

/// An outcome that a test cannot go on with.
struct Unexpected: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

@Suite struct MessageStoreTests {
  func settings(_ root: String = "/store") -> StoreSettings {
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    return settings
  }

  func harness(seed: UInt64 = 1) throws -> (StoreHarness, SimulatedDisk) {
    let disk = SimulatedDisk(seed: seed)
    return (try StoreHarness(on: disk, settings: settings()), disk)
  }

  @Test func `writes files that an independent reader of Java's layout reads`() throws {
    let directory = try TemporaryDirectory()
    let harness = try StoreHarness(on: PosixDisk(), settings: settings(directory.root))
    for number in 0..<200 {
      try harness.send(
        "T\(number % 3)", Int32(number % 2), "body \(number)", tag: number % 5 == 0 ? nil : "tag\(number)")
      harness.now = harness.now.advanced(byMilliseconds: 1)
    }
    harness.settle()
    let reader = PlainReader(root: directory.root)
    let messages = try reader.messages()
    #expect(messages.map { String(decoding: $0.body, as: UTF8.self) } == (0..<200).map { "body \($0)" })
    for message in messages {
      let unit = try reader.units(message.topic, message.queue)[message.queueOffset]
      #expect(unit == PlainReader.Unit(offset: message.offset, size: message.size, tagsCode: message.tagsCode))
    }
    #expect(
      try directory.names("consumequeue/T0/0").allSatisfy {
        try directory.bytes("consumequeue/T0/0/\($0)").count == 200
      })
    #expect(try directory.names("commitlog").allSatisfy { try directory.bytes("commitlog/\($0)").count == 4096 })
    #expect(try directory.bytes("checkpoint").count == 4096)
    #expect(directory.exists("abort"))
    try harness.store.close()
    #expect(!directory.exists("abort"))
    let checkpoint = try directory.bytes("checkpoint")
    #expect(Checkpoint(checkpoint.rawSpan)?.queues == WallTime(milliseconds: 1_700_000_000_199))
  }

  @Test func `a record that leaves exactly eight bytes stays, one byte more rolls`() throws {
    for extra in 0...1 {
      let (harness, _) = try harness()
      // A record is its body, 91 bytes and the topic's one.
      try harness.send("T", 0, String(repeating: "x", count: 1000 - 92))
      let second = try harness.send("T", 0, String(repeating: "y", count: 4096 - 1000 - 92 - 8 + extra))
      guard case .appended(let appended) = second else {
        Issue.record("\(second)")
        continue
      }
      #expect(appended.offset == PhysicalOffset(extra == 0 ? 1000 : 4096))
      #expect(appended.queueOffset == QueueOffset(1))
    }
    let (harness, _) = try harness()
    #expect(try harness.send("T", 0, String(repeating: "x", count: 4096 - 92 - 7)) == .refused(.tooLarge))
  }

  @Test(arguments: [CrashKind.kill, .powerLoss], 0..<20)
  func `keeps what was promised over a crash`(kind: CrashKind, seed: UInt64) throws {
    let (harness, disk) = try harness(seed: seed)
    let settled = seed % 2 == 0
    for number in 0..<100 { try harness.send("T", Int32(number % 4), "first \(number)") }
    harness.settle()
    for number in 0..<50 { try harness.send("T", Int32(number % 4), "second \(number)") }
    if settled { harness.settle() }
    disk.crash(kind)
    disk.restart()
    try harness.reopen()
    let bodies = try (0..<4).map { try harness.bodies("T", Int32($0)) }
    let kept = kind == .kill || settled ? 150 : 100
    #expect(bodies.map(\.count).reduce(0, +) >= kept)
    for (queue, bodies) in bodies.enumerated() {
      let all =
        (0..<100).filter { $0 % 4 == queue }.map { "first \($0)" }
        + (0..<50).filter { $0 % 4 == queue }.map { "second \($0)" }
      #expect(bodies == Array(all.prefix(bodies.count)))
    }
    // And it goes on where it ended.
    try harness.send("T", 0, "after")
    #expect(try harness.bodies("T", 0) == bodies[0] + ["after"])
  }

  @Test func `opens a closed store without reading the log again`() throws {
    let (harness, _) = try harness()
    for number in 0..<100 { try harness.send("T", 0, "\(number)") }
    try harness.store.close()
    try harness.reopen()
    #expect(harness.events.contains(.recovered(end: harness.store.marks.appended, records: 0)))
    #expect(try harness.bodies("T") == (0..<100).map(String.init))
    try harness.send("T", 0, "100")
    #expect(try harness.bodies("T") == (0...100).map(String.init))
  }

  @Test func `prepared messages take no place in a queue`() throws {
    let (harness, _) = try harness()
    try harness.send("T", 0, "a")
    let outcome = try harness.send("T", 0, "half", prepared: true)
    guard case .appended(let appended) = outcome else { throw Unexpected("\(outcome)") }
    #expect(appended.queueOffset == .zero)
    try harness.send("T", 0, "b")
    #expect(try harness.bodies("T") == ["a", "b"])
    try harness.reopen()
    #expect(try harness.bodies("T") == ["a", "b"])
  }

  @Test func `a failed flush ends acceptance for good`() throws {
    let (harness, disk) = try harness()
    try harness.send("T")
    disk.plan = FaultPlan(failures: [.init(.flush, occurrence: 1, code: .failed(5))])
    let plan = try #require(harness.store.planFlush())
    harness.store.finish(plan, plan.run(on: disk))
    let error = try #require(harness.store.failure)
    #expect(try harness.send("T") == .refused(.failed(error)))
    #expect(harness.store.marks.flushed == .zero)
    #expect(harness.store.planFlush() == nil)
    #expect(harness.store.takeEvents().contains(.failed(error)))
  }

  @Test func `a full device refuses sends until there is space`() throws {
    let (harness, disk) = try harness()
    disk.capacity = 0
    var outcome = AppendOutcome.notYet
    for _ in 0..<200 {
      outcome = try harness.send("T", 0, String(repeating: "x", count: 500))
      if case .refused = outcome { break }
    }
    #expect(outcome == .refused(.diskFull))
    #expect(disk.writesWithoutSpace == 0)
    disk.capacity = 1 << 30
    harness.prepare()
    guard case .appended = try harness.send("T") else { throw Unexpected("still full") }
  }

  @Test func `a sync of queue files that found no space ends acceptance for good`() throws {
    let (harness, disk) = try harness()
    try harness.send("T")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    while let plan = harness.store.planQueueWrites() { harness.store.finish(plan, plan.run(on: disk)) }
    disk.plan = FaultPlan(failures: [.init(.sync, occurrence: 1, code: .full)])
    let plan = try #require(harness.store.planCheckpoint())
    harness.store.finish(plan, plan.run(on: disk))
    let error = try #require(harness.store.failure)
    #expect(error.code == .failed(28))
    #expect(try harness.send("T") == .refused(.failed(error)))
    #expect(harness.store.planCheckpoint() == nil)
  }

  @Test func `a checkpoint that found no space refuses sends until one is written`() throws {
    let (harness, disk) = try harness()
    harness.settle()
    try harness.send("T", 0, "first")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    while let plan = harness.store.planQueueWrites() { harness.store.finish(plan, plan.run(on: disk)) }
    disk.plan = FaultPlan(failures: [.init(.write, occurrence: 1, code: .full)])
    let failing = try #require(harness.store.planCheckpoint())
    harness.store.finish(failing, failing.run(on: disk))
    #expect(try harness.send("T") == .refused(.diskFull))
    #expect(harness.store.planQueueWrites() == nil)
    let next = try #require(harness.store.planCheckpoint())
    harness.store.finish(next, next.run(on: disk))
    guard case .appended = try harness.send("T", 0, "second") else { throw Unexpected("still full") }
    #expect(try harness.bodies("T") == ["first", "second"])
  }

  @Test func `a lack of descriptors refuses sends until a checkpoint finds some`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "first")
    harness.settle()
    try harness.send("T", 0, "second")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    while let plan = harness.store.planQueueWrites() { harness.store.finish(plan, plan.run(on: disk)) }
    _ = harness.store.takeEvents()
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .exhausted)])
    let failing = try #require(harness.store.planCheckpoint())
    harness.store.finish(failing, failing.run(on: disk))
    #expect(harness.store.failure == nil)
    #expect(try harness.send("T") == .refused(.exhausted))
    let next = try #require(harness.store.planCheckpoint())
    harness.store.finish(next, next.run(on: disk))
    guard case .appended = try harness.send("T", 0, "third") else { throw Unexpected("still refused") }
    let events = harness.store.takeEvents()
    #expect(events.count == 2)
    #expect(events.last == .acceptsAgain)
    #expect(try harness.bodies("T") == ["first", "second", "third"])
  }

  @Test func `a lack of descriptors keeps queue entries in memory and sends waiting for a log file`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, "first")
    let flush = try #require(harness.store.planFlush())
    harness.store.finish(flush, flush.run(on: disk))
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, repeats: 2, code: .exhausted)])
    let writes = try #require(harness.store.planQueueWrites())
    harness.store.finish(writes, writes.run(on: disk))
    #expect(harness.store.refusal == .exhausted)
    while let plan = harness.store.planQueueWrites() {
      let outcome = plan.run(on: disk)
      harness.store.finish(plan, outcome)
      if outcome.error != nil { break }
    }
    #expect(harness.store.refusal == .exhausted)
    harness.settle()
    #expect(harness.store.refusal == nil)
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, repeats: 1000, code: .exhausted)])
    var outcome = AppendOutcome.notYet
    for _ in 0..<20 {
      outcome = try harness.send("T", 0, String(repeating: "x", count: 500))
      if case .refused = outcome { break }
    }
    #expect(outcome == .refused(.exhausted))
    disk.plan = FaultPlan()
    harness.prepare()
    guard case .appended = try harness.send("T", 0, "last") else { throw Unexpected("still refused") }
    harness.settle()
    try harness.reopen()
    #expect(try harness.bodies("T").first == "first")
    #expect(try harness.bodies("T").last == "last")
  }

  @Test func `answers pulls as RocketMQ does`() throws {
    let (harness, disk) = try harness()
    let store = try #require(harness.store)
    #expect(store.pull(nil, at: 3, on: disk).status == .noMatchedLogicQueue)
    let queue = try store.openQueue(topic: "T", id: 0)
    #expect(store.pull(queue, at: 0, on: disk).status == .noMessageInQueue)
    for number in 0..<40 { try harness.send("T", 0, "\(number)", tag: number < 35 ? "a" : "b") }
    let first = store.pull(queue, at: 0, on: disk)
    #expect(first.status == .found)
    #expect(first.messageCount == 10)
    #expect(first.nextOffset == QueueOffset(10))
    #expect(first.ranges.count == 1)
    let end = store.pull(queue, at: 40, on: disk)
    #expect(end.status == .offsetOverflowOne)
    #expect(end.nextOffset == QueueOffset(40))
    let beyond = store.pull(queue, at: 99, on: disk)
    #expect(beyond.status == .offsetOverflowBadly)
    #expect(beyond.nextOffset == QueueOffset(40))
    let unmatched = store.pull(queue, at: 0, filter: .hashes([Int32(truncatingIfNeeded: TagsCode.hash("b"))]), on: disk)
    #expect(unmatched.status == .noMatchedMessage)
    #expect(unmatched.nextOffset == QueueOffset(10))
    let matched = store.pull(queue, at: 30, filter: .hashes([Int32(truncatingIfNeeded: TagsCode.hash("b"))]), on: disk)
    #expect(matched.messageCount == 5)
    #expect(matched.nextOffset == QueueOffset(40))
  }

  @Test func `reads old messages from files`() throws {
    let (harness, disk) = try harness()
    disk.coldPercent = 50
    for number in 0..<2000 {
      try harness.send("T", 0, "\(number)")
      if number % 100 == 99 { harness.settle() }
    }
    _ = harness.store.releaseIdleMappings(after: 0)
    #expect(try harness.bodies("T") == (0..<2000).map(String.init))
    let queue = try harness.queue("T")
    #expect(harness.store.pull(queue, at: -1, on: disk).status == .offsetTooSmall)
  }

  @Test(arguments: [DiskCall.open, .map])
  func `a file that cannot be read just now is no loss`(call: DiskCall) throws {
    let (harness, disk) = try harness()
    for number in 0..<1000 { try harness.send("T", 0, "\(number)") }
    try harness.store.close()
    try harness.reopen()
    let queue = try harness.queue("T")
    disk.plan = FaultPlan(failures: [.init(call, occurrence: 1, code: .failed(5))])
    let first = harness.store.pull(queue, at: 0, on: disk)
    #expect(first.status == .offsetFoundNull)
    #expect(first.nextOffset == .zero)
    #expect(harness.store.failure == nil)
    #expect(harness.store.pull(queue, at: 0, on: disk).status == .found)
    #expect(try harness.bodies("T") == (0..<1000).map(String.init))
  }

  @Test func `removing old files raises the queues`() throws {
    let (harness, disk) = try harness()
    for number in 0..<200 { try harness.send("T", 0, "\(number)") }
    harness.settle()
    try harness.expire()
    let queue = try harness.queue("T")
    #expect(queue.minOffset > .zero)
    #expect(harness.store.minOffset >= PhysicalOffset(4096))
    #expect(harness.store.pull(queue, at: 0, on: disk).status == .offsetTooSmall)
    #expect(try harness.bodies("T").last == "199")
    try harness.reopen()
    #expect(try harness.bodies("T").last == "199")
  }

  @Test func `queues that nobody has used since the start cost a removal little`() throws {
    let disk = SimulatedDisk(seed: 1)
    var settings = settings()
    settings.queueFileBytes = 20_000
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<200 { try harness.send("T", 0, "\(number)") }
    harness.settle()
    try harness.store.close()
    try harness.reopen()
    let store = try #require(harness.store)
    var retention = Retention(settings: .init())
    let survey = try #require(store.planRetention())
    let answer = try survey.run(on: disk)
    let later = harness.now.advanced(byMilliseconds: 100 * 3_600_000)
    let removal = try #require(store.finish(survey, answer, retention: &retention, now: later, localHour: 4))
    disk.plan = FaultPlan()
    let outcome = removal.run(on: disk)
    #expect(outcome.error == nil)
    #expect(disk.callCount < 100)
    store.finish(removal, outcome)
    #expect(store.minOffset > .zero)
    #expect(try harness.bodies("T").last == "199")
  }

  @Test func `finds messages by time`() throws {
    let (harness, _) = try harness()
    let start = harness.now
    for number in 0..<50 {
      harness.now = start.advanced(byMilliseconds: Int64(number) * 10)
      try harness.send("T", 0, "\(number)")
    }
    let queue = try harness.queue("T")
    func offset(_ milliseconds: Int64) -> Int64 {
      harness.store.offset(in: queue, storedAt: start.advanced(byMilliseconds: milliseconds)).rawValue
    }
    #expect(offset(-5) == 0)
    #expect(offset(100) == 10)
    #expect(offset(104) == 10)
    #expect(offset(105) == 10)
    #expect(offset(106) == 11)
    #expect(offset(9999) == 49)
  }

  @Test func `a second broker cannot open the store`() throws {
    let (harness, disk) = try harness()
    #expect(throws: StoreError.inUse(path: "/store/lock")) {
      _ = try MessageStore.open(disk: disk, settings: harness.settings)
    }
  }

  @Test func `a batch lies in one file with consecutive offsets`() throws {
    let (harness, disk) = try harness()
    try harness.send("T", 0, String(repeating: "x", count: 3500))
    var body = ByteWriter()
    for number in 0..<5 {
      let text = String(repeating: "\(number)", count: 50)
      body.write(Int32(22 + 50))
      body.write(Int64(0))
      body.write(Int32(number))
      body.write(Int32(50))
      body.write(utf8: text)
      body.write(Int16(0))
    }
    let topic = Array("T".utf8)
    let properties = MessageProperties.encode([("CLUSTER", "C")])
    harness.prepare()
    let template = RecordDraft(
      topic: topic.rawSpan, body: RawSpan(), properties: properties.rawSpan, queueID: 0, flag: 0, sysFlag: [],
      bodyCRC: 0,
      bornTime: harness.now, bornHost: .loopback(port: 1), storeHost: .loopback(port: 2), tagsCode: 0)
    let batch = try BatchDraft(template, body: body.bytes)
    let queue = try harness.store.openQueue(topic: "T", id: 0)
    let outcome = harness.store.append(batch: batch, to: queue, now: harness.now)
    guard case .appended(let appended) = outcome else { throw Unexpected("\(outcome)") }
    #expect(appended.offset == PhysicalOffset(4096))
    #expect(appended.queueOffset == QueueOffset(1))
    _ = harness.store.dispatch()
    let pulled = harness.store.pull(queue, at: 1, on: disk)
    #expect(pulled.messageCount == 5)
    #expect(
      try harness.bodies("T").suffix(5) == ["0", "1", "2", "3", "4"].map { String(repeating: $0, count: 50) }[...])
  }
}
