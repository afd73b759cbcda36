import ApusBase
import Testing

@testable import ApusBrokerCore

/// The window of recent sends against a plain list, and its file.
@Suite struct RecentSendsTests {
  /// What the window should say: the last `capacity` sends.
  private struct Model {
    let capacity: Int
    var sends: [RecentSends.Entry] = []

    mutating func remember(_ hash: UInt64, at offset: PhysicalOffset) {
      sends.append(RecentSends.Entry(hash: hash, offset: offset))
      if sends.count > capacity { sends.removeFirst() }
    }

    func newest(_ hash: UInt64) -> PhysicalOffset? { sends.last { $0.hash == hash }?.offset }
  }

  /// Hashes of which many share their place in the table, and many are equal.
  private static func hash(_ random: inout SeededGenerator, _ kind: Int) -> UInt64 {
    switch kind {
    case 0: .random(in: 0..<40, using: &random)
    case 1: .random(in: 0..<6, using: &random) << 20
    case 2: .random(in: 0..<3, using: &random) << 60
    default: .random(in: .min ... .max, using: &random)
    }
  }

  @Test(arguments: [1, 2, 3, 7, 50, 254, 1000], [0, 1, 2, 3])
  func `finds the newest of the last sends and no other`(capacity: Int, kind: Int) {
    var random = SeededGenerator(seed: UInt64(capacity * 10 + kind))
    var sends = RecentSends(capacity: capacity)
    var model = Model(capacity: capacity)
    var offset = PhysicalOffset(0)
    for _ in 0..<4000 {
      let hash = Self.hash(&random, kind)
      #expect(sends.newest(hash) == model.newest(hash))
      if random.chance(3, in: 4) {
        sends.remember(hash, at: offset)
        model.remember(hash, at: offset)
        offset = offset + Int.random(in: 91...4000, using: &random)
      }
      #expect(sends.count == model.sends.count)
      #expect(sends.count <= capacity)
    }
    for entry in model.sends { #expect(sends.newest(entry.hash) == model.newest(entry.hash)) }
  }

  @Test func `one key for everything costs no more than many`() {
    var sends = RecentSends(capacity: 100_000)
    for number in 0..<300_000 { sends.remember(7, at: PhysicalOffset(Int64(number))) }
    #expect(sends.newest(7) == PhysicalOffset(299_999))
    #expect(sends.newest(8) == nil)
  }

  @Test func `a million sends take 24 megabytes`() {
    #expect(RecentSends(capacity: 1_000_000).bytesWhenFull < 25_000_000)
  }

  // MARK: The file

  /// Writes a window as a broker does, in the steps that it was told.
  private struct Written {
    var layout: RecentSendsFile
    var bytes: [UInt8]
    var saved = 0

    init(capacity: Int) {
      layout = RecentSendsFile(key: (1, 2), capacity: capacity)
      bytes = Array(repeating: 0, count: Int(layout.byteCount))
      bytes.replaceSubrange(0..<RecentSendsFile.blockBytes, with: layout.header)
    }

    mutating func save(_ sends: RecentSends, end: PhysicalOffset) {
      for block in RecentSendsFile.blocksToWrite(of: sends, saved: saved) {
        let place = Int(layout.place(of: block))
        bytes.replaceSubrange(
          place..<place + RecentSendsFile.blockBytes, with: RecentSendsFile.block(block, of: sends, end: end))
      }
      saved = sends.next
    }

    func content(capacity: Int, log: Range<PhysicalOffset>) -> RecentSendsFile.Content? {
      guard let read = RecentSendsFile(header: bytes.rawSpan) else { return nil }
      #expect(read.key.0 == 1 && read.key.1 == 2)
      return read.content(
        of: bytes.rawSpan.extracting(RecentSendsFile.blockBytes..<bytes.count), capacity: capacity, log: log)
    }
  }

  private static func offset(_ number: Int) -> PhysicalOffset { PhysicalOffset(Int64(number) * 100) }

  @Test(arguments: [0, 1, 253, 254, 255, 999, 1000, 1001, 5000], [1, 100, 254, 2000])
  func `a file gives back what was saved`(count: Int, step: Int) throws {
    let capacity = 1000
    var sends = RecentSends(capacity: capacity)
    var file = Written(capacity: capacity)
    for number in 0..<count {
      sends.remember(UInt64(number) << 20, at: Self.offset(number))
      if number % step == 0 { file.save(sends, end: Self.offset(number + 1)) }
    }
    file.save(sends, end: Self.offset(count + 7))
    let content = try #require(file.content(capacity: capacity, log: .zero..<Self.offset(count + 50)))
    #expect(content.covered == Self.offset(count + 7))
    for number in 0..<count {
      let expected: PhysicalOffset? = number >= count - capacity ? Self.offset(number) : nil
      // Steps larger than the window leave blocks out, which the log has to give.
      if step <= capacity || expected == nil { #expect(content.sends.newest(UInt64(number) << 20) == expected) }
    }
  }

  @Test func `a damaged block ends what is believed, and the log is read from there`() throws {
    let capacity = 2000
    var sends = RecentSends(capacity: capacity)
    var file = Written(capacity: capacity)
    for number in 0..<1500 { sends.remember(UInt64(number) << 20, at: Self.offset(number)) }
    file.save(sends, end: Self.offset(1600))
    file.bytes[Int(file.layout.place(of: 3)) + 100] ^= 1
    let content = try #require(file.content(capacity: capacity, log: .zero..<Self.offset(2000)))
    #expect(content.sends.count == 3 * 254)
    #expect(content.covered == Self.offset(3 * 254 - 1))
    file.bytes[10] ^= 1
    let isHeader = RecentSendsFile(header: file.bytes.rawSpan) != nil
    #expect(!isHeader)
  }

  @Test func `sends outside of the log are left out`() throws {
    var sends = RecentSends(capacity: 1000)
    var file = Written(capacity: 1000)
    for number in 0..<900 { sends.remember(UInt64(number) << 20, at: Self.offset(number)) }
    file.save(sends, end: Self.offset(900))
    let content = try #require(file.content(capacity: 1000, log: Self.offset(100)..<Self.offset(700)))
    #expect(content.sends.count == 600)
    #expect(content.covered == Self.offset(700))
    #expect(content.sends.newest(99 << 20) == nil)
    #expect(content.sends.newest(699 << 20) == Self.offset(699))
    #expect(content.sends.newest(700 << 20) == nil)
  }

  @Test func `random bytes are no file`() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      var bytes = [UInt8]()
      for _ in 0..<Int.random(in: 0..<9000, using: &random) { bytes.append(.random(in: 0...255, using: &random)) }
      let isHeader = RecentSendsFile(header: bytes.rawSpan) != nil
      #expect(!isHeader)
      let file = RecentSendsFile(key: (1, 2), capacity: 1000)
      let content = file.content(of: bytes.rawSpan, capacity: 1000, log: .zero..<Self.offset(9))
      #expect(content == nil)
    }
  }
}
