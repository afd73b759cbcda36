/// SipHash-1-3 over a few runs of bytes: a 64-bit hash under a secret key, so that nobody who chooses the bytes can
/// choose ones that collide. Unlike `Hasher` its values may be kept in a file together with the key.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", with one round a word and three at the end.
@frozen
public struct SipHash: Sendable {
  @usableFromInline var v0: UInt64
  @usableFromInline var v1: UInt64
  @usableFromInline var v2: UInt64
  @usableFromInline var v3: UInt64
  @usableFromInline var pending: UInt64 = 0
  @usableFromInline var count: UInt64 = 0

  /// Starts under a key of two words.
  @inlinable
  public init(key: (UInt64, UInt64)) {
    v0 = key.0 ^ 0x736f_6d65_7073_6575
    v1 = key.1 ^ 0x646f_7261_6e64_6f6d
    v2 = key.0 ^ 0x6c79_6765_6e65_7261
    v3 = key.1 ^ 0x7465_6462_7974_6573
  }

  @inlinable
  mutating func round() {
    v0 = v0 &+ v1
    v1 = (v1 << 13 | v1 >> 51) ^ v0
    v0 = v0 << 32 | v0 >> 32
    v2 = v2 &+ v3
    v3 = (v3 << 16 | v3 >> 48) ^ v2
    v0 = v0 &+ v3
    v3 = (v3 << 21 | v3 >> 43) ^ v0
    v2 = v2 &+ v1
    v1 = (v1 << 17 | v1 >> 47) ^ v2
    v2 = v2 << 32 | v2 >> 32
  }

  @inlinable
  mutating func take(_ word: UInt64) {
    v3 ^= word
    round()
    v0 ^= word
  }

  /// Takes in one byte.
  @inlinable
  public mutating func feed(_ byte: UInt8) {
    pending |= UInt64(byte) << ((count & 7) * 8)
    count &+= 1
    if count & 7 == 0 {
      take(pending)
      pending = 0
    }
  }

  /// Takes in a run of bytes.
  @inlinable
  public mutating func feed(_ bytes: RawSpan) {
    let shift = (count & 7) * 8
    var position = 0
    while position + 8 <= bytes.byteCount {
      let word = UInt64(
        littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
      if shift == 0 {
        take(word)
      } else {
        take(pending | word << shift)
        pending = word >> (64 - shift)
      }
      count &+= 8
      position += 8
    }
    while position < bytes.byteCount {
      feed(unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self))
      position += 1
    }
  }

  /// The hash of everything that was taken in.
  @inlinable
  public consuming func finish() -> UInt64 {
    take(pending | count << 56)
    v2 ^= 0xff
    round()
    round()
    round()
    return v0 ^ v1 ^ v2 ^ v3
  }
}
