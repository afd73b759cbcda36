import ApusBase
import ApusModel
import ApusSimulator
import ApusStoreCore
import Testing

@testable import ApusStore

@Suite struct IndexLayoutTests {
  @Test func `the standard file has the length that RocketMQ's has`() {
    #expect(IndexLayout.standard.fileBytes == 420_000_040)
    #expect(IndexLayout(slotCount: 5_000_000, entryCount: 20_000_000) == .standard)
  }

  @Test(arguments: [(0, 10), (10, 1), (-1, 10), (1 << 30, 1 << 30), (Int.max, 2)])
  func `measures that make no file are refused`(slots: Int, entries: Int) {
    #expect(IndexLayout(slotCount: slots, entryCount: entries) == nil)
  }

  @Test func `a hash has no sign, and the one that cannot lose it is 0`() {
    let hash = IndexKeyHash(topic: Array("FxKeys".utf8).rawSpan)
    #expect(hash.hash(of: Array("AaAa".utf8).rawSpan) == 1_811_196_125)
    #expect(hash.hash(of: Array("BBBB".utf8).rawSpan) == 1_811_196_125)
  }

  @Test func `a header and an entry come back as they were written`() {
    var memory = [UInt8](repeating: 0xEE, count: 60)
    var header = IndexHeader(following: WallTime(milliseconds: 5), PhysicalOffset(7))
    header.endTime = WallTime(milliseconds: 6)
    header.endOffset = PhysicalOffset(1 << 40)
    header.usedSlots = 2
    header.nextEntry = 4
    let entry = IndexEntry(keyHash: 3, offset: PhysicalOffset(1 << 41), secondsFromBegin: 9, previous: 2)
    unsafe memory.withUnsafeMutableBytes {
      unsafe header.store(to: $0.baseAddress!)
      unsafe entry.store(to: $0.baseAddress! + 40)
    }
    #expect(IndexHeader(memory.rawSpan, layout: RecordedIndex.layout) == header)
    #expect(IndexEntry(memory.rawSpan, at: 40) == entry)
  }

  @Test(arguments: [(16, 0x80), (32, 0x80), (32, 0x01), (36, 0x01)])
  func `a header whose numbers cannot be is refused`(offset: Int, byte: UInt8) {
    var memory = [UInt8](repeating: 0, count: 40)
    #expect(IndexHeader(memory.rawSpan, layout: RecordedIndex.layout) != nil)
    memory[offset] = byte
    #expect(IndexHeader(memory.rawSpan, layout: RecordedIndex.layout) == nil)
  }

  @Test(arguments: [
    (Int64(0), Int64(5000), Int32(0)), (1000, 500, 0), (1000, 1999, 0), (1000, 2000, 1), (1, .max, .max),
  ])
  func `a time difference is whole seconds, cut off at both ends`(begin: Int64, time: Int64, seconds: Int32) {
    #expect(IndexEntry.seconds(from: WallTime(milliseconds: begin), to: WallTime(milliseconds: time)) == seconds)
  }
}

@Suite struct RecordedIndexTests {
  @Test func `finds in Java's files what Java finds`() throws {
    let recorded = try RecordedIndex()
    let disk = SimulatedDisk(seed: 1)
    try recorded.write(to: disk, directory: "store/index")
    let (index, removed) = try MessageIndex.open(
      disk: disk, settings: .init(directory: "store/index", layout: RecordedIndex.layout),
      after: .init(cleanly: true, checkpoint: RecordedIndex.checkpoint, logEnd: PhysicalOffset(139_191)))
    #expect(removed == [])
    #expect(index.files.map(\.header.nextEntry) == [400, 400, 211])
    #expect(index.files.map(\.header.usedSlots) == [220, 266, 171])
    #expect(index.durableTime == RecordedIndex.checkpoint)
    #expect(index.resumeOffset == PhysicalOffset(138_995))
    #expect(recorded.lookups.count > 1500)
    for lookup in recorded.lookups {
      if lookup.file == "*" {
        let found = index.query(lookup.topic, lookup.key, limit: 32)
        #expect(found == Set(lookup.offsets).sorted(), "\(lookup)")
      } else {
        let file = try #require(index.files.first { $0.name == lookup.file })
        let keyHash = IndexKeyHash(topic: Array(lookup.topic.utf8).rawSpan).hash(of: Array(lookup.key.utf8).rawSpan)
        #expect(keyHash == lookup.keyHash)
        var found: [PhysicalOffset] = []
        file.find(keyHash, in: MessageIndex.always, limit: 64, into: &found)
        #expect(found == lookup.offsets, "\(lookup)")
      }
    }
  }

  @Test func `makes the same bytes as Java of the same log`() throws {
    let recorded = try RecordedIndex()
    let disk = SimulatedDisk(seed: 1)
    let index = try MessageIndex.open(
      disk: disk, settings: .init(directory: "index", layout: RecordedIndex.layout, entriesAhead: 50),
      after: .init(cleanly: true, checkpoint: WallTime(milliseconds: 0), logEnd: .zero)
    ).index
    var names = recorded.files.map(\.name)[...]
    var start = 0
    for file in recorded.log {
      var position = 0
      while position < file.count {
        let rest = file.rawSpan.extracting(position..<file.count)
        guard case .record(let size) = StoredRecord.prefix(of: rest) else { break }
        let record = try StoredRecord(rest)
        while index.put(record, at: PhysicalOffset(Int64(start + position))) == .needsStep {
          try index.runSteps(on: disk) { _ in names.popFirst() ?? "none" }
        }
        position += size
      }
      start += file.count
    }
    #expect(index.files.map(\.name) == recorded.files.map(\.name))
    for (file, (_, bytes)) in zip(index.files, recorded.files) {
      #expect(unsafe Array(file.segment.bytes(0..<bytes.count)) == bytes)
    }
  }
}
