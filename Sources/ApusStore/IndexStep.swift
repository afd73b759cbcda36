package import ApusBase
import ApusStoreCore

/// Slow work on index files that ``MessageIndex`` planned: made under the broker's lock, run outside of it, handed back
/// to ``MessageIndex/finish(_:_:)`` or ``MessageIndex/abandon(_:)`` under it.
package struct IndexStep: Sendable {
  enum Work: Sendable {
    /// Make a file of its full length, with its slots and first entries present.
    case create(name: String, firstEntries: Int)
    /// Make the slots, if they are not yet, and entries up to `entries` present.
    case populate(Segment, [Range<Int>], entries: Int)
    /// Make the first `bytes` of a file durable; it had `nextEntry` then.
    case flush(name: String, Segment, bytes: Int, nextEntry: Int32)
  }

  /// What was made, for `finish`.
  package enum Result: Sendable {
    /// The mapping of the file that was created.
    case created(Segment)
    /// What was asked for is done.
    case done
  }

  let work: Work
  let directory: String
  let layout: IndexLayout

  /// Makes the system calls. A step that failed leaves nothing behind: a file half made is removed again.
  package func run(on disk: any Disk) throws(DiskError) -> Result {
    switch work {
    case .create(let name, let firstEntries):
      return .created(try create(name, firstEntries: firstEntries, on: disk))
    case .populate(let segment, let ranges, _):
      for range in ranges { try disk.populate(segment, range) }
    case .flush(_, let segment, let bytes, _):
      try disk.flush(segment, 0..<bytes)
    }
    return .done
  }

  private func create(_ name: String, firstEntries: Int, on disk: any Disk) throws(DiskError) -> Segment {
    let path = directory + "/" + name
    let file = try disk.open(path, create: true)
    var segment: Segment?
    do throws(DiskError) {
      try disk.setLength(of: file, to: Int64(layout.fileBytes))
      let mapped = try disk.map(file, length: layout.fileBytes, writable: true)
      segment = mapped
      try disk.populate(mapped, 0..<layout.entryOffset(firstEntries))
      try disk.syncDirectory(directory)
      disk.close(file)
      return mapped
    } catch {
      if let segment { disk.unmap(segment) }
      disk.close(file)
      try disk.removeFile(path)
      throw error
    }
  }
}

/// Index files that ``MessageIndex`` let go of and that are still to be unmapped and removed, outside of the lock.
package struct IndexRemoval: Sendable {
  /// The files' names.
  package let names: [String]
  let segments: [Segment]
  let directory: String

  /// Unmaps and removes the files and makes that durable. Goes on after a file that could not be removed and throws the
  /// first error.
  package func run(on disk: any Disk) throws(DiskError) {
    for segment in segments { disk.unmap(segment) }
    var failure: DiskError?
    for name in names {
      do throws(DiskError) {
        try disk.removeFile(directory + "/" + name)
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    try disk.syncDirectory(directory)
  }
}
