import ApusBase

/// Where a log file has bytes that may be other than zero. All else are holes: they read as zeroes, and looking at them
/// would only fill memory with pages of zeroes, 1 GiB of them for a file that was just begun.
struct WrittenRanges {
  /// In order, without overlap.
  let ranges: [Range<Int>]

  /// More runs than this are taken for one: a file with that many holes is read through.
  private static let limit = 65_536

  /// All of a file's bytes.
  init(all bytes: Int) { ranges = [0..<bytes] }

  /// Asks the disk about the first `length` bytes of a file.
  init(of path: String, length: Int, on disk: any Disk) throws(DiskError) {
    let file = try OpenFile(disk: disk, path: path, create: false)
    var found: [Range<Int>] = []
    var position: Int64 = 0
    while let run = try disk.data(of: file.file, from: position), run.lowerBound < length, !run.isEmpty {
      let end = min(Int(run.upperBound), length)
      if found.count == Self.limit {
        found.append(Int(run.lowerBound)..<length)
        break
      }
      found.append(Int(run.lowerBound)..<end)
      position = run.upperBound
    }
    ranges = found
  }

  /// Whether `bytes`, which are the file, are zero from `position` on.
  func isZero(_ bytes: RawSpan, from position: Int) -> Bool {
    for range in ranges where range.upperBound > position {
      if !LogScanner.isZero(bytes.extracting(max(range.lowerBound, position)..<range.upperBound)) { return false }
    }
    return true
  }
}

extension MessageStore {
  /// Where a log file has data.
  func written(_ file: MappedFile) throws(DiskError) -> WrittenRanges {
    try WrittenRanges(of: file.path, length: file.capacity, on: disk)
  }
}
