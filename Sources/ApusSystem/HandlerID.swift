/// A descriptor on a loop: which place it has, and how many had that place before it, so that a late event finds
/// nobody.
///
/// | Bits | Meaning |
/// |---|---|
/// | 0…23 | place |
/// | 24…55 | generation of the place, never 0 |
/// | 56…63 | index of the loop |
package struct HandlerID: RawRepresentable, Hashable, Sendable {
  /// The packed number, unique in the process as long as loops have different indices.
  package let rawValue: UInt64

  /// Wraps a packed number.
  package init(rawValue: UInt64) { self.rawValue = rawValue }

  init(slot: Int, generation: UInt32, loop: UInt8) {
    rawValue = UInt64(slot) | UInt64(generation) << 24 | UInt64(loop) << 56
  }

  static let slotLimit = 1 << 24
  var slot: Int { Int(rawValue & 0xFF_FFFF) }
  var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 24) }

  /// The index of the loop.
  package var loop: Int { Int(rawValue >> 56) }
}
