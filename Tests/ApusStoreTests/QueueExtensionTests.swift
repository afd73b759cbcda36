import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

/// Extension files of consume queues: `enableConsumeQueueExt`.
@Suite struct QueueExtensionTests {
  /// Gives a record with the body "…N" the bits of N: the bit N % 16 of 16.
  private final class LastDigitBits: BitMapSource {
    func bitMaps(ofTopic topic: String, storedUpTo time: WallTime) -> (@Sendable (RawSpan) -> [UInt8])? {
      guard topic == "T" else { return nil }
      return { bytes in
        guard let record = try? StoredRecord(bytes), let number = Int(record.body.text.drop { !$0.isNumber }) else {
          return []
        }
        return number % 16 < 8 ? [1 << UInt8(number % 8), 0] : [0, 1 << UInt8(number % 8)]
      }
    }
  }

  private func harness(
    _ disk: any Disk = SimulatedDisk(seed: 1), root: String = "/store", extensionFileBytes: Int = 200,
    _ change: (inout StoreSettings) -> Void = { _ in }
  ) throws -> StoreHarness {
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    settings.queueTailBytes = 0
    settings.extendsQueues = true
    settings.extensionFileBytes = extensionFileBytes
    change(&settings)
    return try StoreHarness(on: disk, settings: settings)
  }

  /// Messages m0, m1, … with the tags t0, t1, t2 in turn, a millisecond apart.
  private func send(_ harness: StoreHarness, _ numbers: Range<Int>, to topic: String = "T") throws {
    for number in numbers {
      try harness.send(topic, 0, "m\(number)", tag: "t\(number % 3)")
      harness.now = harness.now.advanced(byMilliseconds: 1)
    }
  }

  private func settle(_ harness: StoreHarness, bitMaps: Bool = true) {
    let store: MessageStore = harness.store
    _ = store.dispatch()
    if let plan = store.planFlush() { store.finish(plan, plan.run(on: harness.disk)) }
    while let plan = store.planQueueWrites() {
      store.finish(plan, plan.run(on: harness.disk, bitMaps: bitMaps ? LastDigitBits() : nil))
    }
    if let plan = store.planCheckpoint() { store.finish(plan, plan.run(on: harness.disk)) }
  }

  /// Everything of a queue that passes a filter, pulled from end to end.
  private func bodies(_ harness: StoreHarness, _ filter: EntryFilter, topic: String = "T") throws -> [String] {
    guard let queue = try harness.store.queue(topic: topic, id: 0) else { return [] }
    var bodies: [String] = []
    var offset = queue.minOffset.rawValue
    while offset < queue.maxOffset.rawValue {
      let fetch = harness.store.pull(queue, at: offset, filter: filter, on: harness.disk)
      var writer = ByteWriter()
      fetch.copy(into: &writer)
      var rest = writer.array[...]
      while !rest.isEmpty {
        let bytes = Array(rest)
        let record = try StoredRecord(bytes.rawSpan)
        bodies.append(record.body.text)
        rest = rest.dropFirst(record.size)
      }
      offset = fetch.nextOffset.rawValue
    }
    return bodies
  }

  private func hash(_ tag: String) -> EntryFilter { .hashes([JavaHash.hash(tag)]) }

  @Test func `a unit is size, tags code, store time and bit map, big-endian`() {
    let unit = ConsumeQueueExtension(
      tagsCode: -2, storeTime: WallTime(milliseconds: 0x0102_0304_0506_0708), bitMap: [0xAA, 0xBB])
    var writer = ByteWriter()
    unit.write(into: &writer)
    #expect(
      writer.array == [0, 22] + [UInt8](repeating: 0xFF, count: 7) + [0xFE] + [
        1, 2, 3, 4, 5, 6, 7, 8, 0, 2, 0xAA, 0xBB,
      ])
    #expect(ConsumeQueueExtension(writer.bytes, at: 0) == unit)
    #expect(ConsumeQueueExtension.address(of: 0) == .min)
    #expect(ConsumeQueueExtension.address(of: 34) == Int64.min + 34)
    #expect(ConsumeQueueExtension.offset(of: .min + 34) == .some(34))
    #expect(ConsumeQueueExtension.offset(of: Int64(Int32.min)) == nil)
    #expect(ConsumeQueueExtension.address(of: Int64(Int32.min) - Int64.min) == nil)
    #expect(ConsumeQueueExtension.address(of: Int64(Int32.min) - Int64.min - 1) == .some(Int64(Int32.min) - 1))
  }

  @Test(arguments: [
    [], [0, 22], [0, 22] + [UInt8](repeating: 0, count: 19), [0, 19] + [UInt8](repeating: 0, count: 40),
    [0xFF, 0xFF] + [UInt8](repeating: 0, count: 40), [UInt8](repeating: 0, count: 40),
    [0, 20] + [UInt8](repeating: 0, count: 16) + [0, 1, 0],
  ])
  func `bytes that are no whole unit are none`(bytes: [UInt8]) {
    #expect(ConsumeQueueExtension(bytes.rawSpan, at: 0) == nil)
  }

  @Test func `entries name units that an independent reader finds in files of equal length`() throws {
    let directory = try TemporaryDirectory()
    let harness = try harness(PosixDisk(), root: directory.root)
    try send(harness, 0..<40)
    settle(harness)
    let reader = PlainReader(root: directory.root)
    let messages = try reader.messages()
    let files = Dictionary(uniqueKeysWithValues: try reader.files("consumequeue_ext/T/0"))
    // Nine units of 22 bytes, but for the first nine none fits beside the four that stay free: eight.
    #expect(files.keys.sorted() == [0, 200, 400, 600, 800])
    #expect(files.values.allSatisfy { $0.count == 200 })
    for (number, unit) in try reader.units("T", 0) {
      #expect(unit.offset == messages[number].offset)
      let offset = Int(Int64(unit.tagsCode) &- Int64.min)
      #expect(offset == number / 8 * 200 + number % 8 * 22)
      let file = try #require(files[offset / 200 * 200])
      let bytes = file[(offset % 200)..<(offset % 200 + 22)]
      #expect(PlainReader.number(bytes.prefix(2)) == 22)
      #expect(PlainReader.number(bytes.dropFirst(2).prefix(8)) == messages[number].tagsCode)
      #expect(PlainReader.number(bytes.dropFirst(10).prefix(8)) == messages[number].storeTime)
      #expect(PlainReader.number(bytes.dropFirst(18).prefix(2)) == 2)
      #expect(PlainReader.number(bytes.dropFirst(20).prefix(1)) & 0xFF == (number % 16 < 8 ? 1 << (number % 8) : 0))
    }
    // The size −1 ends a file early.
    #expect(files[0].map { Array($0[176..<178]) } == [0xFF, 0xFF])
    try harness.store.close()
  }

  @Test(arguments: [0, 50]) func `tags are matched through units, also when they are not at hand`(cold: Int) throws {
    let disk = SimulatedDisk(seed: 3)
    disk.coldPercent = cold
    let harness = try harness(disk, extensionFileBytes: 4096)
    try send(harness, 0..<300)
    settle(harness)
    try harness.reopen()
    #expect(try bodies(harness, hash("t1")) == (0..<300).filter { $0 % 3 == 1 }.map { "m\($0)" })
    #expect(try bodies(harness, hash("t9")).isEmpty)
    #expect(try bodies(harness, .all).count == 300)
  }

  @Test func `bits leave out what is younger than the condition and does not have all of them`() throws {
    let harness = try harness()
    let start = harness.now
    try send(harness, 0..<64)
    settle(harness)
    try harness.reopen()
    func wanted(_ positions: [Int32], since: Int64, bitCount: Int = 16) throws -> [Int] {
      let filter = BitFilter(
        positions: positions, bitCount: bitCount, since: start.advanced(byMilliseconds: since))
      return try bodies(harness, .bits(filter)).compactMap { Int($0.dropFirst()) }
    }
    #expect(try wanted([3], since: -1) == [3, 19, 35, 51])
    #expect(try wanted([3, 4], since: -1).isEmpty)
    #expect(try wanted([3], since: 49) == Array(0...49) + [51])
    #expect(try wanted([3], since: -1, bitCount: 112) == Array(0..<64))
  }

  @Test func `without bit maps, and in memory, a condition is left to the record`() throws {
    let harness = try harness()
    try send(harness, 0..<20)
    let filter = EntryFilter.bits(BitFilter(positions: [3], bitCount: 16, since: WallTime(milliseconds: 0)))
    #expect(try bodies(harness, filter).count == 20)
    settle(harness, bitMaps: false)
    try harness.reopen()
    #expect(try bodies(harness, filter).count == 20)
  }

  @Test(arguments: [CrashKind.kill, .powerLoss], 0..<10)
  func `after a crash units go on behind the last ones`(kind: CrashKind, seed: UInt64) throws {
    let disk = SimulatedDisk(seed: seed)
    let harness = try harness(disk)
    try send(harness, 0..<50)
    settle(harness)
    try send(harness, 50..<90)
    if seed % 2 == 0 {
      let store: MessageStore = harness.store
      if let plan = store.planFlush() { store.finish(plan, plan.run(on: disk)) }
      while let plan = store.planQueueWrites() { store.finish(plan, plan.run(on: disk, bitMaps: LastDigitBits())) }
    }
    disk.crash(kind)
    disk.restart()
    try harness.reopen()
    let kept = try bodies(harness, .all).count
    try send(harness, kept..<kept + 30)
    settle(harness)
    try harness.reopen()
    #expect(try bodies(harness, hash("t2")) == (0..<kept + 30).filter { $0 % 3 == 2 }.map { "m\($0)" })
  }

  @Test func `a store that is closed and switched off still reads its units, and writes none`() throws {
    let disk = SimulatedDisk(seed: 5)
    let first = try harness(disk)
    try send(first, 0..<30)
    try first.store.close()
    let second = try harness(disk) { $0.extendsQueues = false }
    try send(second, 30..<60)
    #expect(try bodies(second, hash("t0")) == (0..<60).filter { $0 % 3 == 0 }.map { "m\($0)" })
    try second.store.close()
    let third = try harness(disk)
    try send(third, 60..<90)
    settle(third)
    try third.reopen()
    #expect(try bodies(third, hash("t0")) == (0..<90).filter { $0 % 3 == 0 }.map { "m\($0)" })
  }

  @Test func `an entry whose unit is lost passes`() throws {
    let disk = SimulatedDisk(seed: 6)
    let harness = try harness(disk)
    try send(harness, 0..<10)
    settle(harness)
    try disk.removeDirectory("/store/consumequeue_ext/T")
    try harness.reopen()
    #expect(try bodies(harness, hash("t1")).count == 10)
    let queue = try harness.queue("T")
    guard case .entry(let entry) = harness.store.entry(in: queue, at: .zero) else { throw Unexpected("no entry") }
    #expect(ConsumeQueueExtension.isAddress(entry.tagsCode))
  }

  @Test func `a pull that meets a damaged unit comes to an end where nothing is ever cached`() throws {
    let disk = SimulatedDisk(seed: 6)
    let harness = try harness(disk)
    try send(harness, 0..<10)
    settle(harness)
    // Its size.
    disk.damage("/store/consumequeue_ext/T/0/" + SegmentName.text(0), at: 0, with: [0, 1])
    try harness.reopen()
    disk.coldPercent = 100
    let queue = try harness.queue("T")
    var fetch = Fetch()
    for _ in 0..<5 {
      harness.store.fetch(
        from: queue, at: .zero, limits: FetchLimits(maxMessages: 32), filter: hash("t0"), into: &fetch)
      guard let plan = fetch.cold else { break }
      harness.store.finish(plan, plan.run(on: disk))
    }
    #expect(fetch.cold == nil)
    #expect(fetch.nextOffset > .zero)
  }

  @Test func `entries of the delay queue keep their times`() throws {
    let harness = try harness()
    try send(harness, 0..<5, to: SystemTopics.schedule)
    settle(harness)
    #expect(try harness.disk.list("/store/consumequeue_ext/SCHEDULE_TOPIC_XXXX").isEmpty)
  }

  @Test func `units go with their messages and their topic`() throws {
    let disk = SimulatedDisk(seed: 7)
    let harness = try harness(disk)
    for round in 0..<8 {
      try send(harness, round * 25..<(round + 1) * 25)
      settle(harness)
    }
    func files() throws -> [String] { try disk.list("/store/consumequeue_ext/T/0").map(\.name) }
    let before = try files()
    try expire(harness)
    let after = try files()
    #expect(after.count < before.count)
    #expect(after == Array(before.suffix(after.count)))
    #expect(try bodies(harness, hash("t1")).last == "m199")
    try harness.reopen()
    #expect(try bodies(harness, hash("t1")).last == "m199")
    let plan = try harness.recordDeletion(of: "T")
    try plan.run(on: disk)
    #expect(try disk.list("/store/consumequeue_ext").isEmpty)
  }

  /// Removes what is old.
  private func expire(_ harness: StoreHarness) throws {
    let outcome = try #require(try harness.expire())
    #expect(outcome.error == nil)
  }

  @Test func `switched off there is no directory for it`() throws {
    let disk = SimulatedDisk(seed: 8)
    let harness = try harness(disk) { $0.extendsQueues = false }
    try send(harness, 0..<10)
    settle(harness)
    #expect(try !disk.list("/store").contains { $0.name == "consumequeue_ext" })
  }
}
