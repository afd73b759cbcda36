import ApusBase
import ApusModel
import ApusStoreCore

/// The log that holds every message of a broker, in files of equal length. Records do not cross files: where one does
/// not fit, a blank fills the rest
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java).
///
/// Appending writes through the mapped memory of the last file in use, the tail: no system call, no allocation. The
/// next file is made ahead of need by ``MessageStore/planPreparation()``.
@safe
final class CommitLog {
  let disk: any Disk
  let directory: String
  let fileBytes: Int
  var segments = SegmentList()
  var marks: Marks
  /// The last record appended, for the durable mark.
  var last: LastRecord?
  /// The last record below `flushed`.
  var lastFlushed: LastRecord?

  /// The file that is written to; nil before the first.
  private(set) var tail: MappedFile?
  private var base: UnsafeMutableRawPointer?
  /// Where in the tail the next record goes.
  private(set) var position = 0
  private var capacity = 0

  /// Where a record lies and when it was stored.
  struct LastRecord: Sendable {
    var offset: PhysicalOffset
    var size: Int
    var storeTime: WallTime
  }

  init(disk: any Disk, directory: String, fileBytes: Int, dispatch: Marks.Dispatch) {
    self.disk = disk
    self.directory = directory
    self.fileBytes = fileBytes
    marks = Marks(end: .zero, dispatch: dispatch)
  }

  /// The log's first byte that is still there.
  var minOffset: PhysicalOffset { segments.files.first?.start ?? marks.appended }

  /// Goes on writing at `end` in `file`, which is mapped for writing.
  func resume(in file: MappedFile, at end: PhysicalOffset) {
    guard let mapping = file.mapping else { preconditionFailure("the tail is not mapped") }
    precondition(end >= file.start && end <= file.end, "the tail does not hold the log's end")
    tail = file
    unsafe base = mapping.segment.base
    capacity = file.capacity
    position = end - file.start
  }

  /// Whether `bytes` can be written at the end.
  enum Placement {
    case ready
    case needsSegment
    case tooLarge
  }

  /// Makes `bytes` fit at ``position`` of the tail, closing the tail with a blank and going on in the next file where
  /// needed. At least eight bytes stay free behind every record, for the blank.
  @inline(__always)
  func place(_ bytes: Int) -> Placement {
    if bytes &+ 8 <= capacity &- position { return .ready }
    return placeInNext(bytes)
  }

  @inline(never)
  private func placeInNext(_ bytes: Int) -> Placement {
    guard bytes <= fileBytes - 8 else { return .tooLarge }
    guard let file = tail else {
      guard let first = segments.files.last, first.mapping != nil else { return .needsSegment }
      resume(in: first, at: first.start)
      return .ready
    }
    guard let next = segments.next(after: file), next.mapping != nil else { return .needsSegment }
    let rest = capacity - position
    if rest >= 8 { unsafe writeBlank(rest) }
    resume(in: next, at: next.start)
    return .ready
  }

  @unsafe
  private func writeBlank(_ rest: Int) {
    guard let base = unsafe base else { return }
    unsafe (base + position).storeBytes(of: Int32(truncatingIfNeeded: rest).bigEndian, as: Int32.self)
    unsafe (base + position).storeBytes(of: StoredRecord.blankMagic.bigEndian, toByteOffset: 4, as: Int32.self)
  }

  /// Where the record that was placed is to be written.
  @inline(__always)
  @unsafe
  var target: UnsafeMutableRawPointer {
    guard let base = unsafe base else { preconditionFailure("nothing was placed") }
    return unsafe base + position
  }

  /// The log offset of ``target``.
  @inline(__always)
  var targetOffset: PhysicalOffset {
    guard let tail else { preconditionFailure("nothing was placed") }
    return tail.start + position
  }

  /// Records of `bytes` together have been written at ``target``, the last of them with `last` bytes.
  @inline(__always)
  func wrote(_ bytes: Int, last lastBytes: Int, storeTime: WallTime) {
    let start = targetOffset
    last = LastRecord(offset: start + (bytes &- lastBytes), size: lastBytes, storeTime: storeTime)
    position &+= bytes
    marks.append(to: start + bytes)
  }

  /// What a record's place says about it.
  enum Lookup {
    /// Its file's memory and its range there.
    case found(Mapping, Range<Int>)
    /// Its file must be mapped first.
    case unmapped(MappedFile)
    /// It is not in the log any more, or not yet.
    case gone
  }

  /// Finds `size` bytes at `offset`, which must lie within one file and below the dispatchable mark.
  func find(_ offset: PhysicalOffset, size: Int, round: Int) -> Lookup {
    guard size > 0, offset >= .zero, offset < marks.dispatchable, let file = segments.file(at: offset) else {
      return .gone
    }
    let position = offset - file.start
    guard size <= file.capacity - position, offset + size <= marks.dispatchable else {
      return .gone
    }
    file.lastUse = round
    guard let mapping = file.mapping else { return .unmapped(file) }
    return .found(mapping, position..<position + size)
  }

  /// Removes the tail, so that the log begins anew in the file that comes.
  func forgetTail() {
    tail = nil
    unsafe base = nil
    position = 0
    capacity = 0
  }
}
