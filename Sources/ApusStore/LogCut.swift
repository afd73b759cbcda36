import ApusBase

/// Ending the log where recovery found its end. That waits for the device while it holds the store.
extension MessageStore {
  /// The memory of a log file, mapped now if it is not. The mapping becomes the file's.
  func mapped(_ file: MappedFile, writable: Bool) throws(DiskError) -> Mapping {
    if let mapping = file.mapping, !writable || file === log.tail { return mapping }
    let mapping = try Mapping(disk: disk, path: file.path, length: file.capacity, writable: writable)
    file.mapping = mapping
    file.lastUse = round
    return mapping
  }

  /// Ends the log at `end`, where its marks stand: zeroes the rest of that file, so that no old record can seem to
  /// follow new ones, removes later files and goes on writing there.
  func cutLog(to end: PhysicalOffset, trustsZeroes: Bool = false) throws(DiskError) {
    guard let file = log.segments.file(at: end) ?? log.segments.files.last(where: { $0.end == end }) else {
      try removeFiles(after: PhysicalOffset(end.rawValue - 1))
      log.forgetTail()
      return
    }
    try removeFiles(after: file.start)
    let mapping = try Mapping(disk: disk, path: file.path, length: file.capacity, writable: true)
    file.mapping = mapping
    file.populated = 0
    let position = end - file.start
    if !trustsZeroes, let dirty = Self.zero(mapping, from: position, written: try written(file)) {
      try disk.flush(mapping.segment, dirty)
    }
    log.resume(in: file, at: end)
    log.last = nil
    log.lastFlushed = nil
  }

  func removeFiles(after offset: PhysicalOffset) throws(DiskError) {
    let removed = log.segments.remove(after: offset)
    guard !removed.isEmpty else { return }
    for file in removed.reversed() { try disk.removeFile(file.path) }
    try disk.syncDirectory(log.directory)
  }

  /// Writes zeroes over what is not zero from `position` on; returns the range that changed.
  static func zero(_ mapping: Mapping, from position: Int, written: WrittenRanges) -> Range<Int>? {
    var first: Int?
    var last = position
    for range in written.ranges where range.upperBound > position {
      var block = max(position, range.lowerBound)
      while block < range.upperBound {
        let next = min((block / 4096 + 1) * 4096, range.upperBound)
        if !LogScanner.isZero(mapping.bytes(block..<next)) {
          unsafe (mapping.segment.base + block).initializeMemory(as: UInt8.self, repeating: 0, count: next - block)
          first = first ?? block
          last = next
        }
        block = next
      }
    }
    return first.map { $0..<last }
  }
}
