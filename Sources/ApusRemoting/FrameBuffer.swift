import ApusBase
import ApusProtocol

/// The bytes of a connection that cannot be handled yet: the beginning of a frame, or whole frames that have to wait.
/// Without bytes it has no memory.
@safe
struct FrameBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private(set) var capacity = 0
  private(set) var count = 0

  init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  var isEmpty: Bool { count == 0 }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Whether the header of the frame that begins here is whole.
  var hasWholeHeader: Bool {
    count >= Frame.prefixBytes && count >= Frame.prefixBytes + Frame.headerBytes(of: bytes)
  }

  /// The memory behind the bytes that is not used yet.
  @unsafe var room: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base.map { unsafe $0 + count }, count: capacity - count)
  }

  /// Gives it room for `newCapacity` bytes in all, no less than there are.
  mutating func grow(to newCapacity: Int) {
    precondition(newCapacity >= count, "a buffer cannot shrink below its bytes")
    let larger = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
    if let base = unsafe base {
      unsafe larger.copyMemory(from: base, byteCount: count)
      unsafe base.deallocate()
    }
    unsafe base = larger
    capacity = newCapacity
  }

  /// Adds bytes, for which there must be room.
  mutating func append(_ bytes: RawSpan) {
    precondition(bytes.byteCount <= capacity - count, "no room for the bytes")
    unsafe bytes.withUnsafeBytes { source in
      unsafe room.copyMemory(from: source)
    }
    count += bytes.byteCount
  }

  /// Counts bytes that were written to `room`.
  mutating func added(_ length: Int) {
    precondition(length >= 0 && length <= capacity - count, "more bytes than there was room for")
    count += length
  }

  /// Drops the first bytes; gives all memory back when none is left.
  mutating func removeFirst(_ length: Int) {
    precondition(length >= 0 && length <= count, "removal beyond the bytes")
    count -= length
    if count == 0 {
      unsafe base?.deallocate()
      unsafe base = nil
      capacity = 0
    } else if length > 0, let base = unsafe base {
      unsafe base.copyMemory(from: base + length, byteCount: count)
    }
  }
}
