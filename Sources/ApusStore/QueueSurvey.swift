import ApusBase
import ApusStoreCore

/// One queue, as far as retention looks at its files. It reads only entries that are written, and only in files before
/// the last one it knows of, so that the queue may grow meanwhile.
struct QueueSurvey: Sendable {
  /// The queue; nil when it is not loaded.
  let queue: ConsumeQueue?
  let topic: String
  let id: Int32
  /// Where the queues' directories lie.
  let root: String
  let fileBytes: Int64
  /// The written entries still to be looked at; nil when the queue is not loaded: then whole files only.
  let entries: Range<Int64>?
  /// The queue's extension files; nil when there are none.
  var extensions: ExtensionFiles?

  struct ExtensionFiles: Sendable {
    /// Where their directories lie.
    let root: String
    let fileBytes: Int64
  }

  /// The directory of its files. Worked out where it is needed: surveys of all queues are made under the store's lock.
  var directory: String { "\(root)/\(topic)/\(id)" }

  struct Answer: Sendable {
    /// Every written entry before it points before the log's start.
    var minimum: Int64
    /// Files that were removed, by the byte position they begin at.
    var removed: [Int64]
    /// Extension files that were removed, likewise.
    var removedExtensions: [Int64] = []
  }

  func run(before minimum: PhysicalOffset, on disk: any Disk) throws(DiskError) -> Answer {
    let size = Int64(ConsumeQueueEntry.bytes)
    let directory = directory
    let files = try disk.list(directory).filter { !$0.isDirectory }.compactMap { SegmentName.start($0.name) }.sorted()
    var first = entries?.lowerBound ?? 0
    var removed: [Int64] = []
    for (index, start) in files.enumerated() {
      let end = (start + fileBytes) / size
      let known = min(end, entries?.upperBound ?? end)
      guard known > start / size else { break }
      let isLast = index == files.count - 1
      var expired = try expiredEntries(of: start, upTo: known, isLast: isLast, before: minimum, on: disk)
      // No message follows the blanks at a file's end that they could wait for in it.
      if !isLast, expired < known { expired = try endOfBlanks(of: start, from: expired, upTo: known, on: disk) }
      first = max(first, expired)
      // The last file is never removed: it tells where the queue goes on.
      guard expired == end, !isLast else { break }
      try disk.removeFile(directory + "/" + SegmentName.text(start))
      try disk.syncDirectory(directory)
      removed.append(start)
    }
    var answer = Answer(minimum: first, removed: removed)
    if let extensions, let start = files.last(where: { $0 / size <= first }), first < (entries?.upperBound ?? .max) {
      answer.removedExtensions = try remove(extensions, beforeEntry: first, ofFileAt: start, on: disk)
    }
    return answer
  }

  /// Removes the extension files whose units no entry from `offset` on names.
  private func remove(
    _ extensions: ExtensionFiles, beforeEntry offset: Int64, ofFileAt start: Int64, on disk: any Disk
  ) throws(DiskError) -> [Int64] {
    let size = ConsumeQueueEntry.bytes
    let file = try OpenFile(disk: disk, path: directory + "/" + SegmentName.text(start), create: false)
    let bytes = try disk.bytes(of: file.file, at: offset * Int64(size) - start, count: size)
    guard bytes.count == size else { return [] }
    let entry = ConsumeQueueEntry(bytes.rawSpan, at: 0)
    guard !entry.isBlank, let first = ConsumeQueueExtension.offset(of: entry.tagsCode) else { return [] }
    var removed: [Int64] = []
    let unitDirectory = "\(extensions.root)/\(topic)/\(id)"
    for name in try disk.list(unitDirectory) where !name.isDirectory {
      guard let start = SegmentName.start(name.name), start + extensions.fileBytes <= first else { continue }
      try disk.removeFile(unitDirectory + "/" + name.name)
      removed.append(start)
    }
    if !removed.isEmpty { try disk.syncDirectory(unitDirectory) }
    return removed
  }

  /// The queue offset behind the entries of one file that point before `minimum`, found by halving; blanks go with what
  /// follows.
  private func expiredEntries(
    of start: Int64, upTo end: Int64, isLast: Bool, before minimum: PhysicalOffset, on disk: any Disk
  ) throws(DiskError) -> Int64 {
    let size = Int64(ConsumeQueueEntry.bytes)
    let file = try OpenFile(disk: disk, path: directory + "/" + SegmentName.text(start), create: false)
    var low = max(start / size, entries?.lowerBound ?? 0)
    var high = end
    while low < high {
      let middle = (low + high) / 2
      var probe = middle
      var isExpired = false
      while probe < high {
        let bytes = try disk.bytes(of: file.file, at: probe * size - start, count: Int(size))
        guard bytes.count == Int(size) else { break }
        let entry = ConsumeQueueEntry(bytes.rawSpan, at: 0)
        // Behind the entries of a queue that is not loaded the last file is empty, which need not be looked through.
        if isLast, entries == nil, !entry.isWritten { break }
        if entry.isBlank {
          probe += 1
          continue
        }
        isExpired = entry.isWritten && entry.offset < minimum
        break
      }
      if isExpired { low = probe + 1 } else { high = middle }
    }
    return low
  }

  /// How many entries are looked at in one read.
  private static let blockEntries: Int64 = 204

  /// The queue offset behind the blanks of one file that begin at an offset.
  private func endOfBlanks(
    of start: Int64, from offset: Int64, upTo end: Int64, on disk: any Disk
  ) throws(DiskError) -> Int64 {
    let size = Int64(ConsumeQueueEntry.bytes)
    let file = try OpenFile(disk: disk, path: directory + "/" + SegmentName.text(start), create: false)
    var position = offset
    while position < end {
      let wanted = min(Self.blockEntries, end - position)
      let bytes = try disk.bytes(of: file.file, at: position * size - start, count: Int(wanted * size))
      let count = bytes.count / Int(size)
      for index in 0..<count
      where !ConsumeQueueEntry(bytes.rawSpan, at: index * Int(size)).isBlank {
        return position + Int64(index)
      }
      position += Int64(count)
      // A file that is too short says nothing of the rest.
      if Int64(count) < wanted { break }
    }
    return position
  }
}
