import ApusBase

/// What a waiting message is cancelled by: 64 bits of its real topic and its unique key. Of a million waiting messages
/// two have the same bits with a probability of 10⁻⁸; whoever looks for such keys can cancel messages that he may name
/// anyway.
package enum TimerKey {
  /// Where FNV-1a of 64 bits begins.
  private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325
  /// What FNV-1a of 64 bits multiplies by.
  private static let prime: UInt64 = 0x100_0000_01B3
  /// An odd number whose bits are spread well.
  private static let spreader: UInt64 = 0xD6E8_FEB8_6659_FD93

  /// The bits of a topic and a key; never 0. 0 when the key is empty.
  package static func hash(topic: RawSpan, key: RawSpan) -> UInt64 {
    guard key.byteCount > 0 else { return 0 }
    var hash = mix(basis, topic)
    hash = (hash ^ UInt64(UInt8(ascii: "+"))) &* prime
    return finish(mix(hash, key))
  }

  /// As ``hash(topic:key:)`` of a text that holds both with a `+` between them.
  package static func hash(joined text: RawSpan) -> UInt64 {
    text.byteCount > 0 ? finish(mix(basis, text)) : 0
  }

  private static func mix(_ start: UInt64, _ bytes: RawSpan) -> UInt64 {
    var hash = start
    for index in 0..<bytes.byteCount { hash = (hash ^ UInt64(bytes.byte(at: index))) &* prime }
    return hash
  }

  /// FNV-1a leaves the low bits of short texts alike; a round of multiplying and shifting spreads them.
  private static func finish(_ hash: UInt64) -> UInt64 {
    var hash = hash
    hash = (hash ^ (hash >> 32)) &* spreader
    hash ^= hash >> 32
    return max(hash, 1)
  }
}
