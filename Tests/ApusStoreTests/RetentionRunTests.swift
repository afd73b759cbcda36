import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

@Suite struct RetentionRunTests {
  private let disk = SimulatedDisk(seed: 1)
  private let harness: StoreHarness
  private let firstFile = "/store/commitlog/00000000000000000000"

  /// A store of several log files with two queues, all of it on the device.
  init() throws {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<200 { try harness.send("T", Int32(number % 2), "\(number)") }
    harness.settle()
    _ = harness.store.takeEvents()
  }

  /// Removes what is old; returns what the store says of it.
  private func run() throws -> [StoreEvent] {
    try harness.expire()
    return harness.store.takeEvents()
  }

  private func logFiles() throws -> [String] { try disk.list("/store/commitlog").map(\.name) }

  @Test func `a log file that cannot be removed holds up no other, is told once and tried again`() throws {
    let before = try logFiles()
    let fault = FaultPlan(failures: [.init(.removeFile, occurrence: 1, code: .failed(1))])
    disk.plan = fault
    let error = DiskError(.failed(1), operation: "removeFile", path: firstFile)
    #expect(try run() == [.removalFailed(error, others: 0)])
    #expect(harness.store.minOffset > .zero)
    let kept = before.filter { $0 >= SegmentName.text(harness.store.minOffset.rawValue) }
    #expect(try logFiles() == [before[0]] + kept)
    #expect(harness.store.minOffsetOnDevice == .zero)
    for queue in 0..<2 { #expect(try harness.queue("T", Int32(queue)).minOffset > .zero) }
    disk.plan = fault
    #expect(try run() == [])
    #expect(try logFiles() == [before[0]] + kept)
    disk.plan = FaultPlan()
    #expect(try run() == [])
    #expect(try logFiles() == kept)
    #expect(harness.store.minOffsetOnDevice == harness.store.minOffset)
    try harness.reopen()
    #expect(try harness.bodies("T", 1).last == "199")
  }

  @Test func `an old log file that somebody else removed is let go of at any hour and holds up nothing`() throws {
    disk.lose(firstFile)
    let store = try #require(harness.store)
    var retention = Retention(settings: .init())
    let survey = try #require(store.planRetention())
    let answer = try survey.run(on: disk)
    let removal = try #require(store.finish(survey, answer, retention: &retention, now: harness.now, localHour: 5))
    store.finish(removal, removal.run(on: disk))
    #expect(store.minOffset == PhysicalOffset(4096))
    #expect(try logFiles().first == SegmentName.text(4096))
    for queue in 0..<2 { #expect(try harness.queue("T", Int32(queue)).minOffset > .zero) }
    #expect(try harness.bodies("T", 1).last == "199")
  }

  @Test(arguments: [1, 3])
  func `queue files that end with lost messages go with the others`(lost: Int) throws {
    var blank = ByteWriter(capacity: 20)
    ConsumeQueueEntry.blank.write(into: &blank)
    let path = "/store/consumequeue/T/0/" + SegmentName.text(0)
    for place in 10 - lost..<10 { disk.damage(path, at: place * 20, with: blank.array) }
    _ = try run()
    let minimum = try harness.queue("T", 0).minOffset.rawValue
    #expect(minimum > 20)
    #expect(try disk.list("/store/consumequeue/T/0").first?.name == SegmentName.text(minimum / 10 * 200))
  }

  @Test(arguments: [(0, true), (100, false)] as [(Int64, Bool)])
  func `files that a full device loses before their time are told`(hours: Int64, isEarly: Bool) throws {
    let used = disk.capacity - (try disk.space(of: "/store").available)
    disk.capacity = used * 100 / 88
    let store = try #require(harness.store)
    var retention = Retention(settings: .init())
    let survey = try #require(store.planRetention())
    let answer = try survey.run(on: disk)
    let now = harness.now.advanced(byMilliseconds: hours * 3_600_000)
    let removal = try #require(store.finish(survey, answer, retention: &retention, now: now, localHour: 5))
    let outcome = removal.run(on: disk)
    store.finish(removal, outcome)
    #expect(outcome.removedLogFiles > 0)
    #expect(outcome.removedEarly == (isEarly ? outcome.removedLogFiles : 0))
  }

  @Test func `a log whose directory is not there loses no file`() throws {
    let survey = try #require(harness.store.planRetention())
    for name in try logFiles() { disk.lose("/store/commitlog/" + name) }
    #expect(throws: DiskError.self) { try survey.run(on: disk) }
  }

  @Test func `a queue that cannot be looked at holds up no other and is tried again`() throws {
    disk.plan = FaultPlan(failures: [.init(.list, occurrence: 1, code: .failed(5))])
    let events = try run()
    #expect(events.count == 1)
    let queues = try (0..<2).map { try harness.queue("T", Int32($0)) }
    #expect(queues.filter { $0.minOffset == .zero }.count == 1)
    disk.plan = FaultPlan()
    #expect(try run() == [])
    #expect(queues.allSatisfy { $0.minOffset > .zero })
  }

  @Test func `a queue that goes with its topic is no failure`() throws {
    disk.plan = FaultPlan(failures: [.init(.open, occurrence: 1, code: .notFound)])
    #expect(try run() == [])
    #expect(disk.faults[.open] == 1)
  }

  @Test func `a queue that could not be looked at is forgotten with its topic`() throws {
    disk.plan = FaultPlan(failures: [.init(.list, occurrence: 1, code: .failed(5))])
    #expect(try run().count == 1)
    disk.plan = FaultPlan()
    let removal = try harness.recordDeletion(of: "T")
    try removal.run(on: disk)
    harness.store.finish(removal, isDone: true)
    #expect(try harness.expire() == nil)
  }
}
