import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

/// Bytes of the log that are not what was stored: found on reading and by the scrub, passed over, never served.
@Suite struct DamageTests {
  private let disk = PosixDisk()

  private func settings(_ directory: TemporaryDirectory) -> StoreSettings {
    var settings = StoreSettings(root: directory.root)
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    return settings
  }

  private func filled(_ directory: TemporaryDirectory, _ count: Int = 100) throws -> StoreHarness {
    let harness = try StoreHarness(on: disk, settings: settings(directory))
    for number in 0..<count { try harness.send("T", 0, "body \(number)") }
    harness.settle()
    return harness
  }

  /// Changes a byte of a message, of its body unless told, in the file under the store.
  private func damage(
    _ harness: StoreHarness, _ place: Int64, _ directory: TemporaryDirectory, byte: Int64 = 90
  ) throws -> PhysicalOffset {
    let queue = try harness.queue("T")
    guard case .entry(let entry) = lookup(harness, queue, place) else { throw Unexpected("no entry at \(place)") }
    let start = entry.offset.rawValue / 4096 * 4096
    let file = try disk.open(directory.root + "/commitlog/" + SegmentName.text(start), create: false)
    defer { disk.close(file) }
    let bytes: [UInt8] = [0xFF]
    try unsafe bytes.withUnsafeBytes { try unsafe disk.write(file, at: entry.offset.rawValue - start + byte, from: $0) }
    return entry.offset
  }

  private func lookup(_ harness: StoreHarness, _ queue: ConsumeQueue, _ place: Int64) -> MessageStore.EntryLookup {
    while true {
      let found = harness.store.entry(in: queue, at: QueueOffset(place))
      guard case .cold(let plan) = found else { return found }
      harness.store.finish(plan, plan.run(on: disk))
    }
  }

  private func pull(_ harness: StoreHarness, at place: Int64, count: Int) throws -> (Fetch, [Range<PhysicalOffset>]) {
    let queue = try harness.queue("T")
    var fetch = Fetch()
    repeat {
      harness.store.fetch(
        from: queue, at: QueueOffset(place), limits: FetchLimits(maxMessages: count), filter: .all, into: &fetch)
      if let cold = fetch.cold { harness.store.finish(cold, cold.run(on: disk)) }
    } while fetch.cold != nil
    let damaged = fetch.dropDamaged(of: "T", 0)
    return (fetch, damaged)
  }

  private func bodies(_ fetch: Fetch) throws -> [String] {
    var writer = ByteWriter()
    fetch.copy(into: &writer)
    var bodies: [String] = []
    var position = 0
    while position < writer.count {
      let record = try StoredRecord(writer.bytes.extracting(position..<writer.count))
      bodies.append(record.body.text)
      position += record.size
    }
    return bodies
  }

  // The queue's number, and the topic, which stands behind the body of 6 bytes.
  @Test(arguments: [Int64(15), 95])
  func `a message that no longer says that it is of the queue is not served`(byte: Int64) throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let offset = try damage(harness, 3, directory, byte: byte)
    let (fetch, damaged) = try pull(harness, at: 1, count: 5)
    #expect(damaged.map(\.lowerBound) == [offset])
    #expect(try bodies(fetch) == [1, 2, 4, 5].map { "body \($0)" })
  }

  @Test func `a pull leaves a damaged message out and goes on behind it`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let offset = try damage(harness, 3, directory)
    let (fetch, damaged) = try pull(harness, at: 1, count: 5)
    #expect(damaged.map(\.lowerBound) == [offset])
    #expect(fetch.status == .found && fetch.messageCount == 4 && fetch.nextOffset == QueueOffset(6))
    #expect(try bodies(fetch) == [1, 2, 4, 5].map { "body \($0)" })
  }

  @Test func `a pull that has nothing but damage is told to go on behind it`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let offset = try damage(harness, 3, directory)
    let (fetch, damaged) = try pull(harness, at: 3, count: 1)
    #expect(damaged.map(\.lowerBound) == [offset])
    #expect(fetch.status == .messageWasRemoving && fetch.messageCount == 0 && fetch.byteCount == 0)
    #expect(fetch.nextOffset == QueueOffset(4))
    #expect(try bodies(fetch).isEmpty)
  }

  @Test func `a lookup says whether a record is what was stored`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let offset = try damage(harness, 3, directory)
    while true {
      switch harness.store.record(at: offset) {
      case .cold(let plan):
        harness.store.finish(plan, plan.run(on: disk))
        continue
      case .found(let range): #expect(!range.isIntact)
      case .missing: Issue.record("its header is whole")
      }
      break
    }
  }

  @Test(arguments: [4096, 5000, 100_000])
  func `the scrub finds damage in old files and nothing else`(limit: Int) throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let damaged = [try damage(harness, 3, directory), try damage(harness, 40, directory)]
    var steps = 0
    while harness.store.scrubRounds == 0, steps < 1000, let plan = harness.store.planScrub(limit: limit) {
      #expect(harness.store.planScrub(limit: limit) == nil, "one step at a time")
      harness.store.finish(plan, plan.run(on: disk))
      steps += 1
    }
    #expect(harness.store.scrubRounds == 1)
    #expect(harness.store.damage.ranges.map(\.lowerBound) == damaged)
    #expect(harness.store.damage.count == 2)
    let events = harness.store.takeEvents().filter { if case .recordDamaged = $0 { true } else { false } }
    #expect(events.count == 2)
    #expect(events.first?.description.contains("commitlog/00000000000000000000") == true)
    // What was found by one is not reported again by the other.
    harness.store.noteDamage(damaged[0]..<damaged[0] + 10)
    #expect(harness.store.takeEvents().isEmpty)
  }

  @Test func `the scrub passes over what is no record at all`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    let file = try disk.open(directory.root + "/commitlog/" + SegmentName.text(4096), create: false)
    let zeroes = [UInt8](repeating: 0, count: 700)
    try unsafe zeroes.withUnsafeBytes { try unsafe disk.write(file, at: 1000, from: $0) }
    disk.close(file)
    while harness.store.scrubRounds == 0, let plan = harness.store.planScrub(limit: 4096) {
      harness.store.finish(plan, plan.run(on: disk))
    }
    let ranges = harness.store.damage.ranges
    #expect(ranges.count >= 1 && ranges.count <= 2)
    #expect(
      ranges.allSatisfy { $0.lowerBound > PhysicalOffset(4096 + 800) && $0.upperBound < PhysicalOffset(4096 + 1900) })
  }

  @Test func `the only log file is given its length when the mark says that it was longer`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory, 30)
    try harness.store.close()
    let path = directory.root + "/commitlog/" + SegmentName.text(0)
    let file = try disk.open(path, create: false)
    try disk.setLength(of: file, to: 1500)
    disk.close(file)
    try harness.reopen()
    #expect(harness.events.contains(.fileLengthRepaired(path: path, was: 1500)))
    #expect(try harness.bodies("T") == (0..<15).map { "body \($0)" })
  }

  @Test func `what stands behind the end of the last log file is put aside where it is in no way`() throws {
    let directory = try TemporaryDirectory()
    let harness = try filled(directory)
    try harness.store.close()
    let name = try #require(try directory.names("commitlog").max())
    let path = directory.root + "/commitlog/" + name
    let file = try disk.open(path, create: false)
    let more = Array("more".utf8)
    try disk.write(file, at: 4096, bytes: more.rawSpan)
    disk.close(file)
    try harness.reopen()
    #expect(harness.events.contains(.fileLengthRepaired(path: path, was: 4100)))
    #expect(try directory.bytes("commitlog-\(name).rest") == more)
    try harness.store.close()
    try harness.reopen()
    #expect(try harness.bodies("T") == (0..<100).map { "body \($0)" })
  }

  @Test func `the table of damage counts all and remembers a bounded part`() {
    var table = DamageTable()
    for number in 0..<2000 {
      let start = PhysicalOffset(Int64(number * 100))
      let isNew = table.note(start..<start + 10)
      #expect(isNew)
    }
    #expect(table.count == 2000 && table.bytes == 20_000 && table.ranges.count == DamageTable.limit)
    let isNew = table.note(PhysicalOffset(105)..<PhysicalOffset(110))
    #expect(!isNew)
    table.remove(before: PhysicalOffset(1000))
    #expect(table.ranges.first?.lowerBound == PhysicalOffset(1000) && table.count == 1990)
  }
}
