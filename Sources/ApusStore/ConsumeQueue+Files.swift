import ApusBase
import ApusStoreCore

/// Reading and changing a queue's files at once, waiting for the device: for loading and recovery, never for pulls.
extension ConsumeQueue {
  /// Finds the files, the end of the last one, which is where the first unwritten entry stands, and the first message
  /// that is still in the log.
  func load(
    on disk: any Disk, logStart: PhysicalOffset, hasExtensions: Bool, report: (StoreEvent) -> Void
  ) throws(DiskError) {
    files = []
    unconnected = []
    for start in try disk.fileNames(in: directory).compactMap({ SegmentName.start($0) }).sorted() {
      if start % Int64(fileBytes) == 0 {
        files.append(start)
      } else {
        report(.queueFileUnreadable(path: path(ofFileAt: start), reason: "no file of \(fileBytes) bytes begins there"))
      }
    }
    // Only the files that follow one another up to the last one count.
    if let gap = files.indices.dropFirst().last(where: { files[$0] - files[$0 - 1] != Int64(fileBytes) }) {
      report(.queueFileUnreadable(path: path(ofFileAt: files[gap - 1]), reason: "the file after it is missing"))
      unconnected = Array(files[..<gap])
      files.removeFirst(gap)
    }
    var reader = EntryReader(self, on: disk)
    var end = (files.first ?? 0) / Int64(ConsumeQueueEntry.bytes)
    while let last = files.last {
      let written = try reader.writtenEntries(ofFileAt: last)
      end = last / Int64(ConsumeQueueEntry.bytes) + written
      if written > 0 || files.count == 1 { break }
      files.removeLast()
    }
    tail.restart(at: end)
    written = end
    nextOffset = QueueOffset(end)
    minOffset = QueueOffset((files.first ?? 0) / Int64(ConsumeQueueEntry.bytes))
    lastRecordEnd = nil
    if let last = try reader.lastMessage(before: end) { lastRecordEnd = last.end }
    try raiseMinimum(to: logStart, by: &reader)
    if hasExtensions { try findExtensionEnd(on: disk) }
  }

  /// The entry at a queue offset, from memory or file; nil outside of the queue and where a file is missing.
  func entry(at offset: Int64, on disk: any Disk) throws(DiskError) -> ConsumeQueueEntry? {
    var reader = EntryReader(self, on: disk)
    return try reader.entry(at: offset)
  }

  /// The newest entry before a queue offset that stands for a message.
  func lastMessage(before end: Int64, on disk: any Disk) throws(DiskError) -> ConsumeQueueEntry? {
    var reader = EntryReader(self, on: disk)
    return try reader.lastMessage(before: end)
  }

  /// All entries from a queue offset on are put back, so that files before it count again which a missing file cut off:
  /// a power loss can take the name of one file and leave that of the next.
  func reconnect(at offset: Int64) {
    let start = fileStart(of: offset)
    guard files.first.map({ start < $0 }) ?? true else { return }
    var expected = start
    var connected: [Int64] = []
    for file in unconnected.reversed() where file <= start {
      if connected.isEmpty, file == start - Int64(fileBytes) { expected = file }
      guard file == expected else { break }
      connected.append(file)
      expected -= Int64(fileBytes)
    }
    mustFindBeginning = mustFindBeginning || !connected.isEmpty
    files = connected.reversed() + files
    unconnected = []
    minOffset = min(minOffset, QueueOffset((connected.last.map { $0 / Int64(ConsumeQueueEntry.bytes) }) ?? offset))
  }

  /// Moves `minOffset` to the first message at or behind the log's first byte.
  func raiseMinimum(to logStart: PhysicalOffset, on disk: any Disk) throws(DiskError) {
    var reader = EntryReader(self, on: disk)
    try raiseMinimum(to: logStart, by: &reader)
  }

  private func raiseMinimum(to logStart: PhysicalOffset, by reader: inout EntryReader) throws(DiskError) {
    var low = max(minOffset.rawValue, firstEntry)
    var high = tail.end
    if low < high, let first = try reader.entry(at: low), !first.isBlank, first.offset >= logStart {
      // As in most queues, and always while no log file was removed.
      minOffset = QueueOffset(low)
      return
    }
    while low < high {
      let middle = (low + high) / 2
      // A blank says nothing: the next message after it decides.
      var probe = middle
      var decided: ConsumeQueueEntry?
      while probe < high {
        if let entry = try reader.entry(at: probe), !entry.isBlank {
          decided = entry
          break
        }
        probe += 1
      }
      guard let decided else {
        high = middle
        continue
      }
      if decided.offset < logStart { low = probe + 1 } else { high = middle }
    }
    // Blanks stand at the beginning where a queue was built anew from a log that lacks its first messages.
    if logStart > .zero { while low < tail.end, try reader.entry(at: low)?.isBlank == true { low += 1 } }
    minOffset = QueueOffset(low)
  }

  /// Cuts the queue's entries from a queue offset on, in memory and in the files.
  func truncate(to offset: Int64, on disk: any Disk) throws(DiskError) {
    let end = max(written, rebuiltFrom ?? 0)
    restart(at: offset)
    try zero(offset..<max(offset, end), on: disk)
    lastRecordEnd = try lastMessage(before: offset, on: disk)?.end
  }

  /// Writes an entry over one in a file.
  func overwrite(_ entry: ConsumeQueueEntry, at offset: Int64, on disk: any Disk) throws(DiskError) {
    let start = fileStart(of: offset)
    var writer = ByteWriter(capacity: ConsumeQueueEntry.bytes)
    entry.write(into: &writer)
    let file = try OpenFile(disk: disk, path: path(ofFileAt: start), create: false)
    try disk.write(file.file, at: offset * Int64(ConsumeQueueEntry.bytes) - start, bytes: writer.bytes)
  }

  /// Writes zeroes over entries in the files.
  func zero(_ range: Range<Int64>, on disk: any Disk) throws(DiskError) {
    let size = Int64(ConsumeQueueEntry.bytes)
    for start in files where start + Int64(fileBytes) > range.lowerBound * size && start < range.upperBound * size {
      let file = try OpenFile(disk: disk, path: path(ofFileAt: start), create: false)
      let from = max(range.lowerBound * size, start) - start
      let to = min(range.upperBound * size, start + Int64(fileBytes)) - start
      let zeroes = [UInt8](repeating: 0, count: Int(to - from))
      try disk.write(file.file, at: from, bytes: zeroes.rawSpan)
    }
  }
}
