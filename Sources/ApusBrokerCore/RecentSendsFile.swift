package import ApusBase

/// The file `recentSends` in the store's directory: what ``RecentSends`` holds, in blocks that are written as they
/// fill, so that a restart reads the file and the last moments of the log rather than the whole window. RocketMQ
/// ignores it.
///
/// All numbers are little endian. Block 0 is the header:
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 | u32 | CRC-32 of the bytes behind it |
/// | 4 | 4 | u32 | magic `APRS` |
/// | 8 | 16 | u64, u64 | key of the hashes |
/// | 24 | 8 | u64 | how many data blocks the file has room for |
///
/// Data block `s` (counted from the first send ever) lies at place `1 + s mod blocks` and holds the sends with the
/// numbers from `254 s` on:
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 | u32 | CRC-32 of the bytes behind it |
/// | 4 | 4 | u32 | how many sends it holds, 1 to 254, or 0 in the first block |
/// | 8 | 8 | u64 | `s` |
/// | 16 | 8 | i64 | log offset before which every send is in this block or an earlier one |
/// | 24 | 8 | | 0 |
/// | 32 | 254 × 16 | u64, i64 | hash of topic and key, log offset of the record |
///
/// A block that was half written when the power went fails its checksum; what follows the first gap in `s` is not used
/// and found again in the log. A file lives as long as the process that made it: a start reads it and makes a new one.
package struct RecentSendsFile: Sendable {
  /// The size of a block.
  package static let blockBytes = 4096
  /// How many sends a block holds.
  package static let entriesPerBlock = 254
  private static let magic: UInt32 = 0x5352_5041
  private static let entriesStart = 32

  /// The key under which topic and unique key are hashed.
  package let key: (UInt64, UInt64)
  /// How many data blocks there is room for.
  package let blocks: Int

  /// A new file for a window of `capacity` sends.
  package init(key: (UInt64, UInt64), capacity: Int) {
    self.key = key
    // One more for what does not begin with a block, and one for what is being written.
    blocks = (capacity + Self.entriesPerBlock - 1) / Self.entriesPerBlock + 2
  }

  /// The file that a header describes; nil when the bytes are no header.
  package init?(header: RawSpan) {
    guard header.byteCount >= Self.blockBytes, Self.isWhole(header, at: 0),
      Self.load(header, 4, UInt32.self) == Self.magic,
      let blocks = Int(exactly: Self.load(header, 24, UInt64.self)), (3...1 << 24).contains(blocks)
    else { return nil }
    key = (Self.load(header, 8, UInt64.self), Self.load(header, 16, UInt64.self))
    self.blocks = blocks
  }

  /// How long the file is when all blocks are used.
  package var byteCount: Int64 { Int64(blocks + 1) * Int64(Self.blockBytes) }

  /// Where a data block lies in the file.
  package func place(of block: Int) -> Int64 { Int64(1 + block % blocks) * Int64(Self.blockBytes) }

  /// The header's bytes.
  package var header: [UInt8] {
    var writer = ByteWriter(capacity: Self.blockBytes)
    writer.write(UInt32(0))
    writer.write(Self.magic.byteSwapped)
    writer.write(key.0.byteSwapped)
    writer.write(key.1.byteSwapped)
    writer.write(UInt64(blocks).byteSwapped)
    return Self.sealed(&writer)
  }

  /// The blocks to write when everything before the send with the number `saved` is in the file: the block that the
  /// last send was put in is written anew, as it says how far the log is covered.
  package static func blocksToWrite(of sends: RecentSends, saved: Int) -> ClosedRange<Int> {
    let last = max(sends.next - 1, 0) / entriesPerBlock
    return min(max(max(saved - 1, 0), sends.first) / entriesPerBlock, last)...last
  }

  /// The bytes of the block that holds the sends with numbers from `254 × block` on. With the window's last send it
  /// covers the log up to `end`, else up to the last of its own.
  package static func block(_ block: Int, of sends: RecentSends, end: PhysicalOffset) -> [UInt8] {
    let start = block * entriesPerBlock
    let upper = min(start + entriesPerBlock, sends.next)
    let numbers = min(max(start, sends.first), upper)..<upper
    let covered = upper < sends.next ? sends[upper - 1].offset : end
    var writer = ByteWriter(capacity: blockBytes)
    writer.write(UInt32(0))
    writer.write(UInt32(upper - start).byteSwapped)
    writer.write(UInt64(block).byteSwapped)
    writer.write(covered.rawValue.byteSwapped)
    writer.write(UInt64(0))
    // Numbers that the window no longer has leave their places empty: they are the oldest and nobody asks for them.
    writer.write(repeating: 0, count: (numbers.lowerBound - start) * 16)
    for number in numbers {
      writer.write(sends[number].hash.byteSwapped)
      writer.write(sends[number].offset.rawValue.byteSwapped)
    }
    return sealed(&writer)
  }

  private static func sealed(_ writer: inout ByteWriter) -> [UInt8] {
    writer.write(repeating: 0, count: blockBytes - writer.count)
    let checksum = CRC32.checksum(writer.bytes.extracting(4..<blockBytes))
    writer.patch(Int32(bitPattern: checksum.byteSwapped), at: 0)
    return writer.array
  }

  private static func isWhole(_ bytes: RawSpan, at start: Int) -> Bool {
    load(bytes, start, UInt32.self) == CRC32.checksum(bytes.extracting(start + 4..<start + blockBytes))
  }

  private static func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ position: Int, _ type: Value.Type
  ) -> Value {
    bytes.loadBigEndian(at: position, as: type).byteSwapped
  }

  // MARK: Loading

  /// What a file holds.
  package struct Content: Sendable {
    /// The sends, in the order of the log.
    package var sends: RecentSends
    /// Every send before it is among them: the log has to be read from here on.
    package var covered: PhysicalOffset
  }

  private struct Found {
    var block: Int
    var start: Int
    var count: Int
    var covered: PhysicalOffset
  }

  /// Reads the data blocks, which begin behind the header. Sends whose records are not within `log`, and all that
  /// follow a block that is missing, are left out; the window counts anew from 0. Nil when no block is whole.
  package func content(of data: RawSpan, capacity: Int, log: Range<PhysicalOffset>) -> Content? {
    let run = usableRun(found(in: data))
    guard let newest = run.last else { return nil }
    var content = Content(sends: RecentSends(capacity: capacity), covered: min(newest.covered, log.upperBound))
    var last = log.lowerBound
    for block in run {
      for index in 0..<block.count {
        let position = block.start + Self.entriesStart + index * 16
        let offset = PhysicalOffset(Self.load(data, position + 8, Int64.self))
        guard offset >= last, offset < log.upperBound else { continue }
        content.sends.remember(Self.load(data, position, UInt64.self), at: offset)
        last = offset
      }
    }
    return content
  }

  private func found(in data: RawSpan) -> [Found] {
    var found: [Found] = []
    for place in 0..<min(blocks, data.byteCount / Self.blockBytes) {
      let start = place * Self.blockBytes
      guard Self.isWhole(data, at: start), let block = Int(exactly: Self.load(data, start + 8, UInt64.self)),
        block % blocks == place, block < Int.max / 1024,
        let count = Int(exactly: Self.load(data, start + 4, UInt32.self)), count <= Self.entriesPerBlock
      else { continue }
      let covered = PhysicalOffset(max(Self.load(data, start + 16, Int64.self), 0))
      found.append(Found(block: block, start: start, count: count, covered: covered))
    }
    return found.sorted { $0.block < $1.block }
  }

  /// The blocks up to the first gap. Blocks of an earlier round that have not been overwritten yet lie a whole file
  /// before the newest and are passed over.
  private func usableRun(_ found: [Found]) -> [Found] {
    guard let newest = found.last else { return [] }
    var run: [Found] = []
    for block in found where block.block > newest.block - blocks {
      if let last = run.last, block.block != last.block + 1 || last.count < Self.entriesPerBlock { break }
      run.append(block)
    }
    return run
  }
}
