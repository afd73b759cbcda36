import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import Testing

/// The file that says what is durable, and starts on logs of which the marked record is damaged.
@Suite struct DurableMarkTests {
  private static let record = DurableMark.LastRecord(
    offset: PhysicalOffset(900), size: 100, crc: 7, storeTime: WallTime(milliseconds: 5))
  private static let mark = DurableMark(
    sequence: 4, offset: PhysicalOffset(1000), lastRecord: record, queues: PhysicalOffset(800), isClean: false,
    witness: DurableMark.Witness(offset: PhysicalOffset(700), size: 200, crc: 9))

  /// A store with four messages, each of which got a mark.
  private func marked(on disk: SimulatedDisk) throws -> StoreHarness {
    var settings = StoreSettings(root: "store")
    settings.logFileBytes = 4096
    settings.queueFileBytes = 200
    let harness = try StoreHarness(on: disk, settings: settings)
    for number in 0..<4 {
      try harness.send("T", 0, "body \(number)")
      harness.settle()
    }
    return harness
  }

  /// The mark on the device.
  private func newestMark(on disk: SimulatedDisk) throws -> DurableMark {
    let file = try #require(disk.contents(of: "store").first { $0.name == DurableMark.fileName })
    let mark = DurableMark.newest(in: file.bytes.rawSpan)
    return try #require(mark)
  }

  @Test func `what is written is read`() {
    #expect(DurableMark.newest(in: Self.mark.encoded.rawSpan) == Self.mark)
  }

  @Test func `a mark without the second part has no witness, and its record ends at the mark`() {
    var bytes = Self.mark.encoded
    bytes[80] ^= 1
    var expected = Self.mark
    expected.witness = nil
    #expect(DurableMark.newest(in: bytes.rawSpan) == expected)
    #expect(DurableMark.newest(in: Array(bytes[..<64]).rawSpan) == expected)
  }

  @Test func `the witness is the last record of an earlier mark`() {
    let next = Self.mark.witness(before: PhysicalOffset(1000))
    #expect(next == DurableMark.Witness(offset: PhysicalOffset(900), size: 100, crc: 7))
    #expect(Self.mark.witness(before: PhysicalOffset(900)) == Self.mark.witness)
  }

  @Test func `every cut and every flipped bit is refused or read as it is`() {
    let bytes = Self.mark.encoded
    for count in 0..<64 { #expect(DurableMark.newest(in: Array(bytes[..<count]).rawSpan) == nil) }
    for bit in 0..<64 * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(DurableMark.newest(in: changed.rawSpan) == nil, "bit \(bit)")
    }
  }

  @Test func `damage in the marked record costs that message only`() throws {
    let disk = SimulatedDisk(seed: 1)
    let harness = try marked(on: disk)
    for number in 4..<8 { try harness.send("T", 0, "body \(number)") }
    let mark = try #require(try newestMark(on: disk).lastRecord)
    disk.damage("store/commitlog/" + SegmentName.text(0), at: Int(mark.offset.rawValue) + 90, with: [0xFF])
    disk.crash(.kill)
    disk.restart()
    try harness.reopen()
    #expect(try harness.bodies("T") == [0, 1, 2, 4, 5, 6, 7].map { "body \($0)" })
    #expect(try harness.queue("T").nextOffset == QueueOffset(8))
  }

  @Test func `a log that somebody emptied gets a mark of its own at its start`() throws {
    let disk = SimulatedDisk(seed: 1)
    let harness = try marked(on: disk)
    try harness.store.close()
    disk.replace("store/commitlog/" + SegmentName.text(0), with: [])
    try harness.reopen()
    let mark = try newestMark(on: disk)
    #expect(mark.offset == .zero)
    #expect(mark.lastRecord == nil && mark.witness == nil)
    #expect(!mark.isClean)
  }
}
