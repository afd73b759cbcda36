import ApusBase
import ApusStoreCore

/// One file of the log. It belongs to the store's owner; only `mapping` travels to other threads.
final class MappedFile {
  /// The log offset of its first byte.
  let start: PhysicalOffset
  /// Its path.
  let path: String
  /// Its length in bytes.
  let capacity: Int
  /// Its memory while it is in use.
  var mapping: Mapping?
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
  var end: PhysicalOffset { start + capacity }
}
