import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

/// The stores that Java 4.9.8 wrote: closed in order, and after crashes.
@Suite struct RecordedStoreTests {
  let disk = PosixDisk()

  @Test func `digests are right`() {
    #expect(sha256(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func `a store closed by Java opens with every message and every unit`() throws {
    let directory = try TemporaryDirectory(unpacking: "store.tar.gz")
    var events: [StoreEvent] = []
    let store = try MessageStore.open(disk: disk, settings: directory.settings) { events.append($0) }
    #expect(store.marks.appended == PhysicalOffset(139184))
    for row in try Fixtures.rows("messages.tsv").dropFirst() {
      let offset = PhysicalOffset(try #require(Int64(row[0])))
      let range = try #require(find(store, offset))
      #expect(String(range.range.count) == row[1])
    }
    var reader = PlainReader(root: directory.root)
    for row in try Fixtures.rows("consumequeue.tsv").dropFirst() {
      let queue = try queue(store, row)
      let index = try #require(Int(row[2]))
      let unit = try reader.units(row[0], Int(queue.id))[index]
      #expect(unit.map { [String($0.offset), String($0.size), String($0.tagsCode)] } == Array(row[5...7]))
    }
    for row in try Fixtures.rows("queues.tsv").dropFirst() where row[3] != "0" {
      let queue = try queue(store, row)
      #expect([queue.minOffset.description, queue.maxOffset.description] == Array(row[2...3]))
      #expect(queue.lastRecordEnd?.description == row[4])
      #expect(store.allMessages(of: queue, on: disk).count == queue.maxOffset - queue.minOffset)
    }
    for event in events {
      switch event {
      case .recoveryStarted, .recovered: break
      default: Issue.record("unexpected: \(event)")
      }
    }
    // Writing the queues again and closing changes no unit.
    let before = try units(of: directory)
    store.settle(on: disk)
    try store.close()
    reader = PlainReader(root: directory.root)
    #expect(try units(of: directory) == before)
    #expect(try reader.messages().count == 639)
    #expect(!directory.exists("abort"))
  }

  func queue(_ store: MessageStore, _ row: [String]) throws -> ConsumeQueue {
    let id = try #require(Int32(row[1]))
    let queue = try store.queue(topic: row[0], id: id)
    return try #require(queue, "\(row[0])/\(row[1])")
  }

  func find(_ store: MessageStore, _ offset: PhysicalOffset) -> Fetch.Range? {
    while true {
      switch store.record(at: offset) {
      case .found(let range): return range
      case .missing: return nil
      case .cold(let plan): store.finish(plan, plan.run(on: disk))
      }
    }
  }

  func units(of directory: TemporaryDirectory) throws -> [String: [Int: PlainReader.Unit]] {
    let reader = PlainReader(root: directory.root)
    var all: [String: [Int: PlainReader.Unit]] = [:]
    for topic in try directory.names("consumequeue") {
      for queue in try directory.names("consumequeue/\(topic)") {
        all["\(topic)/\(queue)"] = try reader.units(topic, Int(queue) ?? -1)
      }
    }
    return all
  }

  /// Variants where what Java makes of the store is right: log end, queue ends and every unit must be the same.
  static let sameAsJava = [
    "00-killed", "01-cq-index-behind", "03-torn-record", "04-torn-header", "05-bad-crc-last",
    "06-bad-crc-middle", "08-bad-size", "10-last-data-file-missing", "12-clean-exit-bad-crc-last",
    "16-checkpoint-missing",
  ]

  @Test(arguments: sameAsJava)
  func `recovers a crashed store as Java does`(variant: String) throws {
    let directory = try TemporaryDirectory(unpacking: "crashed/\(variant).tar.gz")
    for round in 0..<2 {
      var events: [StoreEvent] = []
      let store = try MessageStore.open(disk: disk, settings: directory.settings) { events.append($0) }
      let end = try Fixtures.expected(variant, "afterStart.maxPhyOffset").first?.first
      #expect(store.marks.appended.description == end, "round \(round): \(events)")
      store.settle(on: disk)
      try expectQueues(of: variant, store, directory, except: [])
      // The second round finds the store as a kill leaves it; the third start would be after closing.
      if round == 1 { try store.close() }
    }
  }

  /// Compares every queue with what Java made of it, but for those in `except`.
  func expectQueues(
    of variant: String, _ store: MessageStore, _ directory: TemporaryDirectory, except: Set<String>
  ) throws {
    let reader = PlainReader(root: directory.root)
    for row in try Fixtures.expected(variant, "afterStart.queue") where row[3] != "0" {
      let name = "\(row[0])/\(row[1])"
      guard !except.contains(name) else { continue }
      let queue = try queue(store, row)
      #expect([queue.minOffset.description, queue.maxOffset.description] == Array(row[2...3]), "\(variant) \(name)")
      let units = try reader.units(row[0], Int(queue.id))
      var bytes: [UInt8] = []
      for offset in queue.minOffset.rawValue..<queue.maxOffset.rawValue {
        let unit = try #require(units[Int(offset)], "\(variant) \(name) \(offset)")
        var writer = ByteWriter()
        writer.write(Int64(unit.offset))
        writer.write(Int32(truncatingIfNeeded: unit.size))
        writer.write(Int64(unit.tagsCode))
        bytes += writer.array
      }
      #expect(sha256(bytes) == row[5], "\(variant) \(name)")
      #expect(units.count == queue.maxOffset - queue.minOffset, "\(variant) \(name)")
    }
  }

  // MARK: Where ours keeps more than Java

  func open(_ variant: String) throws -> (TemporaryDirectory, MessageStore, [StoreEvent]) {
    let directory = try TemporaryDirectory(unpacking: "crashed/\(variant).tar.gz")
    var events: [StoreEvent] = []
    let store = try MessageStore.open(disk: disk, settings: directory.settings) { events.append($0) }
    store.settle(on: disk)
    return (directory, store, events)
  }

  @Test func `02: rebuilt units of delayed messages carry the delivery time`() throws {
    // Java has not read its delay levels yet when it rebuilds and writes store time plus one second.
    let (directory, store, _) = try open("02-no-cq-no-index")
    #expect(store.marks.appended == PhysicalOffset(120045))
    try expectQueues(of: "00-killed", store, directory, except: [])
  }

  @Test func `11: a last file that is too short is given its length`() throws {
    // Java refuses to start.
    let (directory, store, events) = try open("11-short-commitlog-file")
    #expect(events.contains(.fileLengthRepaired(path: directory.root + "/commitlog/00000000000000131072", was: 60000)))
    #expect(store.marks.appended == PhysicalOffset(120045))
    try expectQueues(of: "00-killed", store, directory, except: [])
  }

  @Test func `14: damage below what was read stays where it is`() throws {
    // The same as in Java but for the report on reading: neither reads the first file again.
    let (directory, store, _) = try open("14-bad-crc-first-file")
    #expect(store.marks.appended == PhysicalOffset(120045))
    try expectQueues(of: "14-bad-crc-first-file", store, directory, except: [])
  }

  @Test func `15: damage in an older file does not cut the log`() throws {
    // Java cuts the log at 392: 537 messages are lost.
    let (directory, store, events) = try open("15-bad-crc-first-file-no-checkpoint")
    let path = directory.root + "/commitlog/00000000000000000000"
    #expect(events.contains(.damageIsolated(path: path, PhysicalOffset(392)..<PhysicalOffset(590))))
    #expect(store.marks.appended == PhysicalOffset(120045))
    try expectQueues(of: "00-killed", store, directory, except: ["FxTags/2"])
    // The lost message keeps its offset: a pull there goes on behind it.
    let queue = try store.openQueue(topic: "FxTags", id: 2)
    #expect(queue.maxOffset == QueueOffset(39))
    let pull = store.pull(queue, at: 0, count: 1, on: disk)
    #expect(pull.status == .found)
    #expect(pull.nextOffset == QueueOffset(2))
    #expect(store.allMessages(of: queue, on: disk).count == 38)
  }

  @Test func `17: a message behind a bad unit gets its unit back`() throws {
    // Java drops the unit and never puts the message back: FxOne/0 ends at 189.
    let (directory, store, _) = try open("17-cq-tail-garbage")
    #expect(try store.openQueue(topic: "FxOne", id: 0).maxOffset == QueueOffset(190))
    try expectQueues(of: "00-killed", store, directory, except: [])
  }

  @Test func `19: a zeroed blank does not end the log`() throws {
    // Java ends the log at the first file.
    let (directory, store, events) = try open("19-blank-record-zeroed")
    let path = directory.root + "/commitlog/00000000000000000000"
    #expect(events.contains(.blankRestored(path: path, at: PhysicalOffset(64515))))
    #expect(store.marks.appended == PhysicalOffset(120045))
    try expectQueues(of: "00-killed", store, directory, except: [])
    #expect(try PlainReader(root: directory.root).messages().count == 538)
  }
}
