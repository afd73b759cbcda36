extension RawSpan {
  /// The position of the first byte in `start..<end` that is one of two; `end` when none is, `start` when the
  /// range is empty. Looks at eight bytes at a
  /// time: header fields and properties are found by it. A range outside of the span traps.
  @inlinable
  @inline(__always)
  public func position(of first: UInt8, or second: UInt8, from start: Int, to end: Int) -> Int {
    precondition(start >= 0 && end <= byteCount, "search outside of the span")
    let ones: UInt64 = 0x0101_0101_0101_0101
    let firsts = ones &* UInt64(first)
    let seconds = ones &* UInt64(second)
    var position = start
    while end &- position >= 8 {
      let word = unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
      let left = word ^ firsts
      let right = word ^ seconds
      // The lowest marked byte is the first that was zero after the xor.
      let hits = ((left &- ones) & ~left | (right &- ones) & ~right) & 0x8080_8080_8080_8080
      if hits != 0 { return position &+ hits.trailingZeroBitCount >> 3 }
      position &+= 8
    }
    while position < end {
      let byte = unsafe unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      if byte == first || byte == second { return position }
      position &+= 1
    }
    return position
  }
}
