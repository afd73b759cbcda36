package import ApusBase
import ApusStoreCore

/// One file of the log. It belongs to the store's owner; only `mapping` travels to other threads.
package final class MappedFile {
  /// The log offset of its first byte.
  package let start: PhysicalOffset
  /// Its path.
  package let path: String
  /// Its length in bytes.
  package let capacity: Int
  /// Its memory while it is in use.
  package internal(set) var mapping: Mapping?
  /// How far its pages were made present.
  var populated = 0
  /// When it was last read, in the store's rounds of releasing.
  var lastUse = 0
  /// Set when it could not be mapped: the next reader is told, the one after it tries again.
  var mapFailed = false

  /// Whether mapping failed since the last time this was asked.
  func takeMapFailure() -> Bool {
    defer { mapFailed = false }
    return mapFailed
  }

  init(start: PhysicalOffset, directory: String, capacity: Int) {
    self.start = start
    self.path = directory + "/" + SegmentName.text(start.rawValue)
    self.capacity = capacity
  }

  /// The log offset behind its last byte.
  package var end: PhysicalOffset { start + capacity }
}

/// The files of the log in order. They follow one another without gaps unless files were lost.
package struct SegmentList {
  /// The files, oldest first.
  package private(set) var files: [MappedFile] = []

  /// The file that holds `offset`; nil when none does. Constant time without gaps.
  package func file(at offset: PhysicalOffset) -> MappedFile? {
    guard let first = files.first, offset >= first.start else { return nil }
    let guess = (offset - first.start) / first.capacity
    if guess < files.count, files[guess].start <= offset, offset < files[guess].end { return files[guess] }
    var low = 0
    var high = files.count
    while low < high {
      let middle = (low + high) / 2
      if files[middle].end <= offset { low = middle + 1 } else { high = middle }
    }
    guard low < files.count, files[low].start <= offset else { return nil }
    return files[low]
  }

  /// The first file that begins at `offset` or later.
  package func file(from offset: PhysicalOffset) -> MappedFile? { files.first { $0.start >= offset } }

  /// The file after `file`; nil when it is the last.
  package func next(after file: MappedFile) -> MappedFile? { self.file(from: file.end) }

  /// Adds a file at the end.
  mutating func append(_ file: MappedFile) {
    precondition(files.last.map { $0.end <= file.start } ?? true, "log files out of order")
    files.append(file)
  }

  /// Removes the oldest file.
  mutating func removeFirst() -> MappedFile { files.removeFirst() }

  /// Removes all files that begin after `offset`.
  mutating func remove(after offset: PhysicalOffset) -> [MappedFile] {
    let removed = files.filter { $0.start > offset }
    files.removeAll { $0.start > offset }
    return removed
  }
}
