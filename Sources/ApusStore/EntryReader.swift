import ApusBase
import ApusStoreCore

/// Reads single entries of one queue, from memory or its files, and keeps the file that it read last open: looking for
/// an entry by halving reads the same file many times.
struct EntryReader {
  let queue: ConsumeQueue
  let disk: any Disk
  private var open: (start: Int64, file: OpenFile)?

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
    guard queue.files.contains(start) else { return nil }
    let file = try file(at: start)
    let size = ConsumeQueueEntry.bytes
    return try unsafe withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { (buffer) throws(DiskError) in
      let position = offset * Int64(size) - start
      guard try unsafe disk.read(file.file, at: position, into: buffer) == size else {
        return ConsumeQueueEntry(offset: .zero, size: 0, tagsCode: 0)
      }
      return unsafe ConsumeQueueEntry(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer)), at: 0)
    }
  }

  private mutating func file(at start: Int64) throws(DiskError) -> OpenFile {
    if let open, open.start == start { return open.file }
    let file = try OpenFile(disk: disk, path: queue.path(ofFileAt: start), create: false)
    open = (start, file)
    return file
  }

  /// How many entries the file that begins at a byte position holds: up to the first that was not written, found by
  /// halving, without looking into the hole that the rest of a young file is.
  mutating func writtenEntries(ofFileAt start: Int64) throws(DiskError) -> Int64 {
    let size = Int64(ConsumeQueueEntry.bytes)
    let file = try file(at: start)
    var dataEnd: Int64 = 0
    while let run = try disk.data(of: file.file, from: dataEnd), !run.isEmpty { dataEnd = run.upperBound }
    var low: Int64 = 0
    var high = min(queue.entriesPerFile, (dataEnd + size - 1) / size)
    while low < high {
      let middle = (low + high) / 2
      if try fileEntry(at: start / size + middle)?.isWritten == true { low = middle + 1 } else { high = middle }
    }
    return low
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
