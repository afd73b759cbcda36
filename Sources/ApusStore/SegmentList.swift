import ApusBase

/// The files of the log in order. They follow one another without gaps unless files were lost.
struct SegmentList {
  /// The files, oldest first.
  private(set) var files: [MappedFile] = []

  /// The file that holds `offset`; nil when none does. Constant time without gaps.
  func file(at offset: PhysicalOffset) -> MappedFile? {
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
  func file(from offset: PhysicalOffset) -> MappedFile? { files.first { $0.start >= offset } }

  /// The file after `file`; nil when it is the last.
  func next(after file: MappedFile) -> MappedFile? { self.file(from: file.end) }

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
