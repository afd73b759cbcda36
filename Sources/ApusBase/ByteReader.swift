/// Reads big-endian values from borrowed bytes, front to back. Every read is checked: running past the end throws and
/// leaves the position where it was.
@frozen
public struct ByteReader: ~Escapable {
  /// The bytes being read.
  public let bytes: RawSpan
  @usableFromInline var _offset: Int
  /// The position of the next byte to read.
  @inlinable public var offset: Int { _offset }

  /// Starts at the first of `bytes`.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    self.bytes = bytes
    self._offset = 0
  }

  /// How many bytes are left.
  @inlinable public var remaining: Int { bytes.byteCount - offset }

  @usableFromInline
  static func truncated(_ field: StaticString, _ offset: Int, needs: Int, has: Int) -> DecodeError {
    DecodeError(field: "\(field)", offset: offset, reason: "needs \(needs) bytes, \(has) left")
  }

  /// Reads one big-endian integer.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, _ field: StaticString = #function
  ) throws(DecodeError) -> Value {
    let width = MemoryLayout<Value>.size
    guard remaining >= width else { throw Self.truncated(field, offset, needs: width, has: remaining) }
    let value = unsafe Value(bigEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self))
    _offset += width
    return value
  }

  /// Reads the next `count` bytes without copying them. A negative count is an error, as one from outside may be.
  @inlinable
  @_lifetime(self: copy self)
  @_lifetime(copy self)
  public mutating func read(count: Int, _ field: StaticString = #function) throws(DecodeError) -> RawSpan {
    guard count >= 0, remaining >= count else { throw Self.truncated(field, offset, needs: count, has: remaining) }
    let start = offset
    _offset += count
    return bytes.extracting(start..<offset)
  }

  /// Passes over the next `count` bytes.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func skip(_ count: Int, _ field: StaticString = #function) throws(DecodeError) {
    guard count >= 0, remaining >= count else { throw Self.truncated(field, offset, needs: count, has: remaining) }
    _offset += count
  }
}

extension RawSpan {
  /// The big-endian integer at `offset`, which must leave room for it: out of range traps.
  @inlinable
  public func loadBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
    precondition(offset >= 0 && byteCount - offset >= MemoryLayout<Value>.size, "load past the end of the span")
    return unsafe Value(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Value.self))
  }

  /// The byte at `offset`: out of range traps.
  @inlinable
  public func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "load past the end of the span")
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// The bytes as text; bytes that are not UTF-8 become U+FFFD.
  public var text: String {
    unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// A copy of the bytes.
  public var array: [UInt8] {
    unsafe withUnsafeBytes { unsafe Array($0) }
  }

  /// Whether both hold the same bytes.
  @inlinable
  public func equals(_ other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    return unsafe other.withUnsafeBytes { other in
      guard let start = other.baseAddress else { return true }
      return unsafe holdsBytes(at: start)
    }
  }

  /// Whether the bytes are the ``byteCount`` bytes at `start`: eight, then four at a time, which for a literal of a few
  /// bytes leaves a comparison or two of numbers.
  @unsafe
  @inlinable
  @inline(__always)
  func holdsBytes(at start: UnsafeRawPointer) -> Bool {
    var index = 0
    while byteCount &- index >= 8 {
      let mine = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
      if mine != (unsafe start.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { return false }
      index &+= 8
    }
    if byteCount &- index >= 4 {
      let mine = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt32.self)
      if mine != (unsafe start.loadUnaligned(fromByteOffset: index, as: UInt32.self)) { return false }
      index &+= 4
    }
    while index < byteCount {
      let mine = unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
      if mine != (unsafe start.load(fromByteOffset: index, as: UInt8.self)) { return false }
      index &+= 1
    }
    return true
  }

  /// Whether the bytes begin with those of a literal.
  @inlinable
  public func starts(with literal: StaticString) -> Bool {
    byteCount >= literal.utf8CodeUnitCount && extracting(0..<literal.utf8CodeUnitCount).equals(literal)
  }

  /// Whether the bytes are those of a literal.
  @inlinable
  public func equals(_ literal: StaticString) -> Bool {
    guard byteCount == literal.utf8CodeUnitCount else { return false }
    return unsafe holdsBytes(at: UnsafeRawPointer(literal.utf8Start))
  }
}

extension RawSpan {
  /// Whether the bytes are those of a text.
  public func equals(utf8 text: String) -> Bool {
    guard byteCount == text.utf8.count else { return false }
    var index = 0
    for unit in text.utf8 {
      guard byte(at: index) == unit else { return false }
      index += 1
    }
    return true
  }
}

extension Array where Element == UInt8 {
  /// The array's bytes, borrowed.
  @inlinable
  public var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}
