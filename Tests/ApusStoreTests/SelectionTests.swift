import ApusBase
import ApusModel
import ApusSimulator
import ApusStoreCore
import Testing

@testable import ApusStore

/// Pulls that choose messages by looking into them.
@Suite struct SelectionTests {
  private func harness(_ change: (inout StoreSettings) -> Void = { _ in }) throws -> StoreHarness {
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 64 << 20
    settings.queueFileBytes = 20_000
    change(&settings)
    return try StoreHarness(on: SimulatedDisk(seed: 1), settings: settings)
  }

  /// Fetches from an offset and keeps the messages whose body ends in one of `endings`.
  private func select(
    _ harness: StoreHarness, from offset: Int64 = 0, max: Int = 32, endings: String
  ) throws -> (fetch: Fetch, bodies: [String]) {
    var fetch = Fetch()
    harness.store.fetch(
      from: try harness.queue("T"), at: QueueOffset(offset), limits: FetchLimits(maxMessages: max, inspects: true),
      filter: .all, into: &fetch)
    fetch.select { bytes in
      do {
        guard let last = try StoredRecord(bytes).body.text.last else { return false }
        return endings.contains(last)
      } catch {
        return false
      }
    }
    var bodies: [String] = []
    for range in fetch.ranges {
      var position = 0
      while position < range.bytes().byteCount {
        let record = try StoredRecord(range.bytes().extracting(position..<range.bytes().byteCount))
        bodies.append(record.body.text)
        position += record.size
      }
    }
    return (fetch, bodies)
  }

  @Test func `what is wanted is kept, and the next pull goes on behind what was looked at`() throws {
    let harness = try harness()
    for number in 0..<40 { try harness.send("T", 0, "m\(number)") }
    let all = try select(harness, endings: "37")
    #expect(all.bodies == ["m3", "m7", "m13", "m17", "m23", "m27", "m33", "m37"])
    #expect(all.fetch.nextOffset == QueueOffset(40))
    #expect(all.fetch.messageCount == 8)
    #expect(all.fetch.byteCount == all.fetch.ranges.reduce(0) { $0 + $1.range.count })
    let some = try select(harness, from: 4, max: 3, endings: "37")
    #expect(some.bodies == ["m7", "m13", "m17"])
    // The pull is full at the message behind the last one kept.
    #expect(some.fetch.nextOffset == QueueOffset(18))
    let none = try select(harness, endings: "x")
    #expect(none.fetch.status == .noMatchedMessage)
    #expect(none.fetch.nextOffset == QueueOffset(40))
    #expect(none.fetch.ranges.isEmpty)
  }

  @Test func `messages side by side become one range`() throws {
    let harness = try harness()
    for number in 0..<6 { try harness.send("T", 0, "m\(number)") }
    let kept = try select(harness, endings: "1235")
    #expect(kept.bodies == ["m1", "m2", "m3", "m5"])
    #expect(kept.fetch.ranges.count == 2)
  }

  @Test func `a pull looks at 800 messages and not beyond its queue file`() throws {
    let harness = try harness { $0.queueFileBytes = 20 * 900 }
    for number in 0..<1000 { try harness.send("T", 0, "m\(number)") }
    #expect(try select(harness, endings: "x").fetch.nextOffset == QueueOffset(800))
    #expect(try select(harness, from: 500, endings: "x").fetch.nextOffset == QueueOffset(900))
    #expect(try select(harness, from: 900, endings: "x").fetch.nextOffset == QueueOffset(1000))
  }

  @Test func `a pull that looks at more than is read at once comes to an end where nothing is ever cached`() throws {
    let disk = SimulatedDisk(seed: 1)
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 1 << 20
    settings.queueFileBytes = 20_000
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<1000 { try harness.send("T", 0, "m\(number)") }
    try harness.store.close()
    try harness.reopen()
    disk.coldPercent = 100
    let queue = try harness.queue("T")
    var fetch = Fetch()
    for _ in 0..<3 {
      harness.store.fetch(
        from: queue, at: .zero, limits: FetchLimits(maxMessages: 1024), filter: .hashes([7]), into: &fetch)
      guard let plan = fetch.cold else { break }
      harness.store.finish(plan, plan.run(on: disk))
    }
    #expect(fetch.cold == nil)
    #expect(fetch.status == .noMatchedMessage)
    #expect(fetch.nextOffset == QueueOffset(800))
  }

  @Test func `a pull behind the end of a file that is too short comes to an end where nothing is ever cached`() throws {
    let disk = SimulatedDisk(seed: 1)
    var settings = StoreSettings(root: "/store")
    settings.logFileBytes = 1 << 20
    settings.queueFileBytes = 200
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<30 { try harness.send("T", 0, "m\(number)") }
    harness.settle()
    try harness.store.close()
    let path = "/store/consumequeue/T/0/" + SegmentName.text(0)
    disk.replace(path, with: Array(try #require(disk.bytes(at: path))[..<100]))
    try harness.reopen()
    disk.coldPercent = 100
    let queue = try harness.queue("T")
    var fetch = Fetch()
    for _ in 0..<5 {
      harness.store.fetch(
        from: queue, at: QueueOffset(7), limits: FetchLimits(maxMessages: 32), filter: .all, into: &fetch)
      guard let plan = fetch.cold else { break }
      harness.store.finish(plan, plan.run(on: disk))
    }
    #expect(fetch.cold == nil)
    #expect(fetch.status == .offsetFoundNull)
    #expect(fetch.nextOffset == QueueOffset(10))
  }

  @Test func `what is looked at is bounded in bytes, but is one message at least`() throws {
    let harness = try harness()
    let padding = String(repeating: "x", count: 1 << 20)
    for number in 0..<6 { try harness.send("T", 0, padding + "\(number)") }
    #expect(try select(harness, endings: "y").fetch.nextOffset == QueueOffset(3))
    #expect(try select(harness, from: 3, endings: "y").fetch.nextOffset == QueueOffset(6))
  }

  @Test func `what lies far behind is given as from the device`() throws {
    let harness = try harness {
      $0.memoryBytes = 1000
      $0.diskPull = StoreSettings.PullLimit(bytes: 64 << 10, count: 2)
    }
    for number in 0..<40 { try harness.send("T", 0, "m\(number)") }
    #expect(try select(harness, endings: "0123456789").bodies == ["m0", "m1"])
    #expect(try select(harness, from: 35, endings: "0123456789").bodies.count == 5)
  }

  @Test func `the first message is given whatever its size, the next when it fits`() throws {
    let harness = try harness { $0.memoryPull = StoreSettings.PullLimit(bytes: 300, count: 32) }
    try harness.send("T", 0, String(repeating: "x", count: 1000) + "1")
    for number in 0..<5 { try harness.send("T", 0, "m\(number)") }
    let first = try select(harness, endings: "1234")
    #expect(first.fetch.messageCount == 1)
    #expect(first.fetch.nextOffset == QueueOffset(1))
    #expect(try select(harness, from: 1, endings: "1234").bodies == ["m1", "m2", "m3"])
  }

  @Test(arguments: [
    (Int64(7), true), (8, false), (-1, false), (Int64(Int32.min), false), (7 | 1 << 40, true),
    (Int64(Int32.min) - 1, true),
    (.min, true), (.min + 34, true),
  ])
  func `an entry passes with one of the hashes, or as an address that holds it`(code: Int64, passes: Bool) {
    #expect(EntryFilter.hashes([7, 9]).matches(code) == passes)
    #expect(EntryFilter.all.matches(code))
  }
}
