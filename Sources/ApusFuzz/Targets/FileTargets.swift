import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStoreCore

extension FuzzTarget {
  /// Small files of a store.
  static let files: [FuzzTarget] = [
    FuzzTarget("store-file", words: ["APUSMARK"], FileChecks.storeFile),
    FuzzTarget("timer-file", words: ["APUSTMR1"], FileChecks.timers),
    FuzzTarget("recent-sends", byteLimit: 1024, shortRuns: 4000, words: ["SRPA"], FileChecks.recentSends),
  ]
}

/// Small files of a store. Where a file has a checksum, the input stands for the file with the right one: what is
/// behind a wrong one is never looked at.
enum FileChecks {
  private static let layout = IndexLayout(slotCount: 8, entryCount: 16)

  /// Checkpoint, durable mark, queue entry, extension unit, index header.
  static func storeFile(_ input: [UInt8]) throws(FuzzFinding) {
    if let checkpoint = Checkpoint(input.rawSpan) {
      let again = Checkpoint(checkpoint.encoded.rawSpan)
      try require(again == checkpoint, "\(checkpoint), written and read again, is \(again as Any)")
      _ = checkpoint.recoveryTime
    }
    let sealed = seal(input, slots: [0, 2048], bytes: 60)
    if let mark = DurableMark.newest(in: sealed.rawSpan) {
      let again = DurableMark.newest(in: mark.encoded.rawSpan)
      try require(again == mark, "\(mark), written and read again, is \(again as Any)")
      try require(mark.position == 0 || mark.position == 2048, "\(mark) would be written to \(mark.position)")
    }
    try entries(input)
    try extensions(input)
    if let layout, let header = IndexHeader(input.rawSpan, layout: layout) {
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: IndexLayout.headerBytes) { room, count in
        if let start = room.baseAddress { unsafe header.store(to: start) }
        count = IndexLayout.headerBytes
      }
      let again = IndexHeader(bytes.rawSpan, layout: layout)
      try require(again == header, "\(header), written and read again, is \(again as Any)")
    }
  }

  private static func entries(_ input: [UInt8]) throws(FuzzFinding) {
    guard input.count >= ConsumeQueueEntry.bytes else { return }
    let entry = ConsumeQueueEntry(input.rawSpan, at: 0)
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: ConsumeQueueEntry.bytes) { room, count in
      if let start = room.baseAddress { unsafe entry.encode(to: start) }
      count = ConsumeQueueEntry.bytes
    }
    try require(bytes == Array(input[..<ConsumeQueueEntry.bytes]), "\(entry) is not written as it was read")
    try require(entry.isBlank || entry.isWritten, "\(entry) is neither blank nor written")
    if let offset = ConsumeQueueExtension.offset(of: entry.tagsCode) {
      try require(ConsumeQueueExtension.address(of: offset) == entry.tagsCode, "\(offset) has another address")
    }
  }

  private static func extensions(_ input: [UInt8]) throws(FuzzFinding) {
    for position in 0..<min(input.count, 64) {
      guard let unit = ConsumeQueueExtension(input.rawSpan, at: position) else { continue }
      var writer = ByteWriter()
      unit.write(into: &writer)
      try require(writer.count == unit.bytes, "\(unit) has \(writer.count) bytes, not \(unit.bytes)")
      let again = ConsumeQueueExtension(writer.bytes, at: 0)
      try require(again == unit, "\(unit), written and read again, is \(again as Any)")
      let filter = BitFilter(
        positions: [0, -1, Int32(position), .max], bitCount: unit.bitMap.count * 8, since: WallTime(milliseconds: 0))
      _ = filter.mayPass(unit)
    }
  }

  /// The input with the CRC-32 of the first `bytes` of each slot behind them.
  private static func seal(_ input: [UInt8], slots: [Int], bytes: Int) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(input)
    for slot in slots where slot + bytes + 4 <= input.count {
      let checksum = CRC32.checksum(writer.bytes.extracting(slot..<slot + bytes))
      writer.patch(Int32(bitPattern: checksum), at: slot + bytes)
    }
    return writer.array
  }

  /// The file of pending timers, and the wheel that they go into.
  static func timers(_ input: [UInt8]) throws(FuzzFinding) {
    _ = readable { try TimerSnapshot(input.rawSpan) }
    let sealed = seal(input, slots: [0], bytes: max(0, input.count - 4))
    guard let snapshot = readable({ try TimerSnapshot(sealed.rawSpan) }) else { return }
    let start = WallTime(milliseconds: 1_700_000_000_000)
    var replay = TimerReplay(now: start, queueStart: PhysicalOffset(100))
    for timer in snapshot.timers.prefix(4) {
      replay.sawCopy(of: timer.offset, at: min(timer.offset, PhysicalOffset(1 << 60)) + 50)
    }
    for timer in snapshot.timers { replay.restore(timer, logStart: .zero) }
    for timer in snapshot.timers.suffix(4) { replay.take(.cancel(key: timer.key), at: timer.offset) }
    try drain(replay.wheel, now: start)
  }

  /// Lets nine years pass: every timer of that time comes out, none before its time.
  private static func drain(_ wheel: TimerWheel, now start: WallTime) throws(FuzzFinding) {
    var wheel = wheel
    let end = start.advanced(byMilliseconds: 1 << 38)
    var waiting = (all: 0, beyond: 0)
    wheel.snapshot.forEach { waiting = (waiting.all + 1, waiting.beyond + ($0.due > end ? 1 : 0)) }
    try require(waiting.all == wheel.count, "a snapshot of \(wheel.count) timers has \(waiting.all)")
    var now = start
    // A timer comes down six levels, and once more in each turn of the highest one.
    for _ in 0..<(waiting.all + 1) * 64 {
      while let id = wheel.popDue(now: now) {
        try require(wheel.timer(id).due <= now, "a timer of \(wheel.timer(id).due) is due at \(now)")
        wheel.remove(id)
      }
      guard let next = wheel.nextTime, next <= end else { break }
      now = max(next, now)
    }
    try require(wheel.count == waiting.beyond, "\(wheel.count) timers are left, not \(waiting.beyond)")
  }

  /// The file of recent sends; each 64 bytes of the input stand for the beginning of one block.
  static func recentSends(_ input: [UInt8]) throws(FuzzFinding) {
    var blocks: [[UInt8]] = []
    for start in stride(from: 0, to: input.count, by: 64) {
      let piece = Array(input[start..<min(start + 64, input.count)])
      var writer = ByteWriter()
      writer.write(piece + [UInt8](repeating: 0, count: RecentSendsFile.blockBytes - piece.count))
      let checksum = CRC32.checksum(writer.bytes.extracting(4..<RecentSendsFile.blockBytes))
      writer.patch(Int32(bitPattern: checksum.byteSwapped), at: 0)
      blocks.append(writer.array)
    }
    guard let first = blocks.first, let file = RecentSendsFile(header: first.rawSpan) else { return }
    let again = RecentSendsFile(header: file.header.rawSpan)
    try require(again?.blocks == file.blocks && again?.key ?? (0, 0) == file.key, "the header is not read as written")
    let log = PhysicalOffset(100)..<PhysicalOffset(1 << 40)
    let data = Array(blocks.dropFirst().joined())
    guard let content = file.content(of: data.rawSpan, capacity: 300, log: log) else { return }
    try require(content.covered <= log.upperBound, "the file covers more than the log")
    try require(content.sends.count <= 300, "\(content.sends.count) sends are kept")
    for number in content.sends.first..<content.sends.next {
      let send = content.sends[number]
      try require(log.contains(send.offset), "a send at \(send.offset) is kept")
      guard let newest = content.sends.newest(send.hash) else { throw FuzzFinding("send \(number) is not found") }
      try require(newest >= send.offset, "of two sends with one hash the older one is found")
    }
  }
}
