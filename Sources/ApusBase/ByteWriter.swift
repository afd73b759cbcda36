/// A growing run of bytes in memory of its own, written at its end with big-endian values. The capacity only grows;
/// `removeAll` keeps it, so one writer can be used for many messages.
@frozen
@safe
public struct ByteWriter: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer
  @usableFromInline var _capacity: Int
  /// How many bytes fit before the memory must grow.
  @inlinable public var capacity: Int { _capacity }
  @usableFromInline var _count: Int
  /// How many bytes have been written.
  @inlinable public var count: Int { _count }

  /// Makes an empty writer with room for `capacity` bytes.
  @inlinable
  public init(capacity: Int = 256) {
    let size = Swift.max(capacity, 16)
    unsafe self.base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    self._capacity = size
    self._count = 0
  }

  @inlinable
  deinit { unsafe base.deallocate() }

  /// What has been written.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// A copy of what has been written.
  public var array: [UInt8] { bytes.array }

  /// Makes room for `additional` more bytes.
  @inlinable
  public mutating func reserve(_ additional: Int) {
    precondition(additional >= 0, "negative reservation")
    if capacity - count < additional { grow(to: count + additional) }
  }

  @usableFromInline
  mutating func grow(to needed: Int) {
    let size = Swift.max(needed, capacity * 2)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    unsafe larger.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = larger
    _capacity = size
  }

  /// Appends one big-endian integer.
  @inlinable
  public mutating func write<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    reserve(MemoryLayout<Value>.size)
    unsafe base.storeBytes(of: value.bigEndian, toByteOffset: count, as: Value.self)
    _count += MemoryLayout<Value>.size
  }

  /// Appends bytes.
  @inlinable
  public mutating func write(_ bytes: RawSpan) {
    reserve(bytes.byteCount)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe (base + count).copyMemory(from: start, byteCount: source.count) }
    }
    _count += bytes.byteCount
  }

  /// Appends bytes.
  @inlinable
  public mutating func write(_ bytes: [UInt8]) { write(bytes.rawSpan) }

  /// Appends the UTF-8 bytes of a text.
  @inlinable
  public mutating func write(utf8 text: String) {
    var text = text
    text.withUTF8 { source in
      reserve(source.count)
      if let start = source.baseAddress { unsafe (base + count).copyMemory(from: start, byteCount: source.count) }
      _count += source.count
    }
  }

  /// Appends the bytes of a literal.
  @inlinable
  public mutating func write(_ literal: StaticString) {
    let length = literal.utf8CodeUnitCount
    reserve(length)
    unsafe (base + count).copyMemory(from: literal.utf8Start, byteCount: length)
    _count += length
  }

  /// Appends a number in decimal digits.
  @inlinable
  public mutating func write(decimal value: some FixedWidthInteger) {
    reserve(20)
    var magnitude = UInt64(value.magnitude)
    if value < 0 {
      unsafe base.storeBytes(of: UInt8(ascii: "-"), toByteOffset: count, as: UInt8.self)
      _count += 1
    }
    var digits = 1
    var rest = magnitude
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    var position = count + digits
    _count = position
    repeat {
      position -= 1
      unsafe base.storeBytes(
        of: UInt8(truncatingIfNeeded: 48 + magnitude % 10), toByteOffset: position, as: UInt8.self)
      magnitude /= 10
    } while magnitude > 0
  }

  /// Appends `count` copies of one byte.
  @inlinable
  public mutating func write(repeating byte: UInt8, count repeats: Int) {
    reserve(repeats)
    unsafe (base + count).initializeMemory(as: UInt8.self, repeating: byte, count: repeats)
    _count += repeats
  }

  /// Overwrites four bytes written earlier, for lengths known only afterwards. `offset + 4` must not exceed `count`.
  @inlinable
  public mutating func patch(_ value: Int32, at offset: Int) {
    precondition(offset >= 0 && offset + 4 <= count, "patch outside of what was written")
    unsafe base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self)
  }

  /// Overwrites bytes written earlier. `offset + bytes.byteCount` must not exceed `count`.
  public mutating func patch(_ bytes: RawSpan, at offset: Int) {
    precondition(offset >= 0 && bytes.byteCount <= count - offset, "patch outside of what was written")
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe (base + offset).copyMemory(from: start, byteCount: source.count) }
    }
  }

  /// Puts bytes in between those written earlier: what stands from `offset` on moves behind them.
  public mutating func insert(_ bytes: RawSpan, at offset: Int) {
    precondition(offset >= 0 && offset <= count, "insertion outside of what was written")
    let length = bytes.byteCount
    reserve(length)
    unsafe (base + offset + length).copyMemory(from: base + offset, byteCount: count - offset)
    _count += length
    patch(bytes, at: offset)
  }

  /// Lets `body` fill up to `capacity` further bytes in place; it returns how many it wrote.
  @inlinable
  public mutating func append<Failure: Error>(
    upTo limit: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    reserve(limit)
    let room = unsafe UnsafeMutableRawBufferPointer(start: base + count, count: limit)
    let written = try unsafe body(room)
    precondition(written >= 0 && written <= limit, "wrote outside of the room given")
    _count += written
  }

  /// Forgets what was written after the first `newCount` bytes.
  @inlinable
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count, "truncation beyond what was written")
    _count = newCount
  }

  /// Forgets everything written; keeps the memory.
  @inlinable
  public mutating func removeAll() { _count = 0 }

  /// Drops the first `length` bytes and moves the rest to the front.
  @inlinable
  public mutating func removeFirst(_ length: Int) {
    precondition(length >= 0 && length <= count, "removal beyond what was written")
    if length < count { unsafe base.copyMemory(from: base + length, byteCount: count - length) }
    _count -= length
  }

  /// Gives memory beyond `limit` bytes back when no more than that is in use, so that one large message does not pin
  /// it.
  public mutating func shrink(toCapacity limit: Int) {
    guard capacity > limit, count <= limit else { return }
    let size = Swift.max(limit, 16)
    let smaller = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    unsafe smaller.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = smaller
    _capacity = size
  }
}
