import ApusBase
import ApusStoreCore

/// The newest entries of one queue, in memory, encoded as they are written to the file. Takes no memory before the
/// first entry.
@safe
struct QueueTail: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  /// The queue offset of the first entry here.
  private(set) var start: Int64 = 0
  /// How many entries are here.
  private(set) var count = 0

  init() {}

  deinit { unsafe base?.deallocate() }

  /// The queue offset behind the last entry.
  var end: Int64 { start &+ Int64(count) }
  /// How much memory it takes.
  var memoryBytes: Int { capacity }

  /// Begins anew, empty, at a queue offset.
  mutating func restart(at offset: Int64) {
    start = offset
    count = 0
  }

  /// Adds an entry.
  @inline(__always)
  mutating func append(_ entry: ConsumeQueueEntry) {
    let position = count &* ConsumeQueueEntry.bytes
    if position &+ ConsumeQueueEntry.bytes > capacity { grow() }
    guard let base = unsafe base else { preconditionFailure("a tail without memory") }
    unsafe entry.encode(to: base + position)
    count &+= 1
  }

  private mutating func grow() {
    let larger = max(3 * ConsumeQueueEntry.bytes, capacity * 2)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    if let base = unsafe base {
      unsafe memory.copyMemory(from: base, byteCount: count * ConsumeQueueEntry.bytes)
      unsafe base.deallocate()
    }
    unsafe base = memory
    capacity = larger
  }

  /// The bytes of the entries `range`, which must be here.
  @_lifetime(borrow self)
  func bytes(_ range: Range<Int64>) -> RawSpan {
    precondition(range.lowerBound >= start && range.upperBound <= end, "entries that are not in the tail")
    guard let base = unsafe base else { return RawSpan() }
    let first = Int(range.lowerBound - start) * ConsumeQueueEntry.bytes
    let span = unsafe RawSpan(_unsafeStart: base + first, byteCount: range.count * ConsumeQueueEntry.bytes)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Appends the bytes of the entries `range`, which must be here, to `output`.
  func append(_ range: Range<Int64>, to output: inout [UInt8]) {
    let entries = bytes(range)
    unsafe entries.withUnsafeBytes { unsafe output.append(contentsOf: $0) }
  }

  /// The entry at a queue offset, which must be here.
  func entry(at offset: Int64) -> ConsumeQueueEntry { ConsumeQueueEntry(bytes(offset..<offset + 1), at: 0) }

  /// The first byte of the entry at a queue offset, which must be here. Valid until the tail changes.
  @unsafe
  func pointer(at offset: Int64) -> UnsafeRawPointer {
    precondition(offset >= start && offset < end, "an entry that is not in the tail")
    guard let base = unsafe base else { preconditionFailure("a tail without memory") }
    return unsafe UnsafeRawPointer(base + Int(offset - start) * ConsumeQueueEntry.bytes)
  }

  /// Forgets the entries from a queue offset on.
  mutating func truncate(to offset: Int64) {
    if offset <= start { restart(at: offset) } else if offset < end { count = Int(offset - start) }
  }

  /// Forgets the entries before a queue offset and gives memory back that is far too large then.
  mutating func removeFirst(to offset: Int64) {
    guard offset > start else { return }
    let kept = Int(max(0, end - offset))
    let bytes = kept * ConsumeQueueEntry.bytes
    let newStart = min(offset, end)
    guard let old = unsafe base else { return }
    let from = unsafe old + (count - kept) * ConsumeQueueEntry.bytes
    if capacity > max(4 * bytes, 64) {
      if kept == 0 {
        unsafe base = nil
        capacity = 0
      } else {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes * 2, alignment: 16)
        unsafe memory.copyMemory(from: from, byteCount: bytes)
        unsafe base = memory
        capacity = bytes * 2
      }
      unsafe old.deallocate()
    } else if kept > 0 {
      unsafe old.copyMemory(from: from, byteCount: bytes)
    }
    start = newStart
    count = kept
  }
}
