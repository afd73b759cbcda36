import ApusBase

extension Recovery {
  /// Brings what was read to the device.
  ///
  /// What a killed process left may only be in the page cache: records above what is durable for sure are written once
  /// more and then synced. After a flush that failed the machine takes pages for clean that never reached the device,
  /// and a sync alone would pass them over. What the mark or the checkpoint covers is there already, and holes stay
  /// holes, so that this is bounded by what was appended since the last checkpoint. A store that was closed in order by
  /// somebody else may have been copied here a moment ago: a sync is enough, and costs nothing when it was not.
  func makeDurable(from start: PhysicalOffset, to end: PhysicalOffset) throws(DiskError) {
    let total = unsure.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    var done = 0
    for file in files where file.end > start && file.start < end {
      let pieces = unsure.filter { $0.upperBound > file.start && $0.lowerBound < file.end }
      guard wasClosed || !pieces.isEmpty else { continue }
      let open = try OpenFile(disk: store.disk, path: file.path, create: false)
      for piece in pieces {
        var position = max(piece.lowerBound, file.start)
        let last = min(piece.upperBound, file.end)
        while position < last {
          let count = min(last - position, 1 << 20)
          let bytes = try store.disk.bytes(of: open.file, at: Int64(position - file.start), count: count)
          try store.disk.write(open.file, at: Int64(position - file.start), bytes: bytes.rawSpan)
          position = position + count
          done += count
          if done % RecoveryProgress.stride < count {
            progress(RecoveryProgress(phase: .writing(path: file.path), done: done, total: total))
          }
        }
      }
      try store.disk.sync(open.file)
    }
  }
}
