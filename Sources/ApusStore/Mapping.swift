package import ApusBase

/// A log file's memory, unmapped when the last holder lets go of it: the store while the file is in use, plans that
/// write or flush it, fetches whose records are still to be copied.
///
/// The bytes below the dispatchable mark never change, so that holders read them without the store's lock.
package final class Mapping: @unchecked Sendable {
  /// The memory.
  package let segment: Segment
  private let disk: any Disk

  /// Maps the first `length` bytes of a file; the file must be that long.
  package init(disk: any Disk, path: String, length: Int, writable: Bool) throws(DiskError) {
    let file = try disk.open(path, create: false)
    defer { disk.close(file) }
    self.disk = disk
    segment = try disk.map(file, length: length, writable: writable)
  }

  deinit { disk.unmap(segment) }

  /// The bytes of a range, which must lie in the file.
  @_lifetime(borrow self)
  package func bytes(_ range: Range<Int>) -> RawSpan {
    let buffer = unsafe segment.bytes(range)
    let span = unsafe RawSpan(_unsafeBytes: buffer)
    return unsafe _overrideLifetime(span, borrowing: self)
  }
}
