import ApusBase
import ApusStoreCore

/// Reads single entries of one queue, from memory or its files, and keeps the file that it read last open, and what it
/// read around the last entry: looking for an entry by halving, or walking along entries, reads the same places many
/// times. It does not see what is written behind its back; make a new one then.
struct EntryReader {
  /// How many entries are read at once: about a page of them.
  private static let blockEntries: Int64 = 204
  /// As many entries as four sectors hold: fewer that were lost do not hide those behind them.
  private static let lostEntries: Int64 = 102

  let queue: ConsumeQueue
  let disk: any Disk
  private var open: (start: Int64, file: OpenFile)?
  /// Entries of the open file from a queue offset on. They are whole but for the last one, where a file is too short.
  private var block: (start: Int64, bytes: [UInt8])?

  init(_ queue: ConsumeQueue, on disk: any Disk) {
    self.queue = queue
    self.disk = disk
  }

  /// The entry at a queue offset, from memory or file; nil outside of the queue and where a file is missing.
  mutating func entry(at offset: Int64) throws(DiskError) -> ConsumeQueueEntry? {
    guard offset < queue.tail.end else { return nil }
    if offset >= queue.tail.start { return queue.tail.entry(at: offset) }
    return try fileEntry(at: offset)
  }

  /// The entry that a file holds at a queue offset; nil where a file is missing. A file that is too short reads as if
  /// nothing was written there.
  mutating func fileEntry(at offset: Int64) throws(DiskError) -> ConsumeQueueEntry? {
    let start = queue.fileStart(of: offset)
    guard open?.start == start || queue.files.contains(start) else { return nil }
    let size = Int64(ConsumeQueueEntry.bytes)
    let file = try file(at: start)
    // Blocks are counted from the file's start, so that one lies within a file.
    let first = start / size + (offset - start / size) / Self.blockEntries * Self.blockEntries
    if block?.start != first {
      let count = min(Self.blockEntries, start / size + queue.entriesPerFile - first)
      block = (first, try disk.bytes(of: file.file, at: first * size - start, count: Int(count * size)))
    }
    guard let bytes = block?.bytes, bytes.count >= Int((offset - first + 1) * size) else {
      return ConsumeQueueEntry(offset: .zero, size: 0, tagsCode: 0)
    }
    return ConsumeQueueEntry(bytes.rawSpan, at: Int((offset - first) * size))
  }

  private mutating func file(at start: Int64) throws(DiskError) -> OpenFile {
    if let open, open.start == start { return open.file }
    block = nil
    let file = try OpenFile(disk: disk, path: queue.path(ofFileAt: start), create: false)
    open = (start, file)
    return file
  }

  /// How many entries the file that begins at a byte position holds, found by halving, without looking into the hole
  /// that the rest of a young file is. Entries that were lost in between do not end the file: what is written behind
  /// them counts, as else it would stand there yet when the queue has grown up to it.
  mutating func writtenEntries(ofFileAt start: Int64) throws(DiskError) -> Int64 {
    let size = Int64(ConsumeQueueEntry.bytes)
    let first = start / size
    var low: Int64 = 0
    var high = min(queue.entriesPerFile, Self.blockEntries)
    // Most queues have a file with few entries: one read finds their end.
    if try fileEntry(at: first + high - 1)?.isWritten == true {
      low = high
      high = max(low, try dataEnd(ofFileAt: start))
    }
    while true {
      while low < high {
        let middle = (low + high) / 2
        if try fileEntry(at: first + middle)?.isWritten == true { low = middle + 1 } else { high = middle }
      }
      guard let next = try lastWritten(in: first + low..<first + min(queue.entriesPerFile, low + Self.lostEntries))
      else { return low }
      low = next + 1 - first
      high = max(low, try dataEnd(ofFileAt: start))
    }
  }

  /// The last entry of a range of one file that was written.
  private mutating func lastWritten(in range: Range<Int64>) throws(DiskError) -> Int64? {
    guard let last = range.last, try fileEntry(at: last)?.isWritten != true else { return range.last }
    if let block, block.start <= range.lowerBound {
      let start = Int(range.lowerBound - block.start) * ConsumeQueueEntry.bytes
      if LogScanner.isZero(block.bytes.rawSpan.extracting(min(start, block.bytes.count)..<block.bytes.count)) {
        return nil
      }
    }
    for place in range.reversed() where try fileEntry(at: place)?.isWritten == true { return place }
    return nil
  }

  /// How many entries have room before the end of a file's data.
  private mutating func dataEnd(ofFileAt start: Int64) throws(DiskError) -> Int64 {
    let size = Int64(ConsumeQueueEntry.bytes)
    let file = try file(at: start)
    var end: Int64 = 0
    while let run = try disk.data(of: file.file, from: end), !run.isEmpty { end = run.upperBound }
    return min(queue.entriesPerFile, (end + size - 1) / size)
  }

  /// The newest entry before a queue offset that stands for a message.
  mutating func lastMessage(before end: Int64) throws(DiskError) -> ConsumeQueueEntry? {
    var offset = end - 1
    let first = queue.firstEntry
    while offset >= first {
      guard let entry = try entry(at: offset) else { return nil }
      if !entry.isBlank { return entry }
      offset -= 1
    }
    return nil
  }
}
