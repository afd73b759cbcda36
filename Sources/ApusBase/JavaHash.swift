/// `String.hashCode` of Java: s[0]·31^(n−1) + … + s[n−1] over UTF-16 code units, wrapping at 32 bits. RocketMQ writes
/// it to disk for tags and index keys, so it must equal Java's for every text.
@frozen
public struct JavaHash: Sendable {
  @usableFromInline var _value: Int32 = 0
  /// The hash of what was fed so far.
  @inlinable public var value: Int32 { _value }

  /// The hash of the empty text.
  @inlinable public init() {}

  /// Feeds UTF-8 bytes; bytes that are not UTF-8 count as U+FFFD, as Java decodes them.
  @inlinable
  public mutating func feed(_ bytes: RawSpan) {
    var hash = value
    for index in 0..<bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
      if byte >= 0x80 {
        feedUnicode(bytes)
        return
      }
      hash = hash &* 31 &+ Int32(byte)
    }
    _value = hash
  }

  @usableFromInline
  mutating func feedUnicode(_ bytes: RawSpan) {
    for unit in bytes.text.utf16 { _value = value &* 31 &+ Int32(unit) }
  }

  /// Feeds one ASCII character.
  @inlinable
  public mutating func feed(ascii byte: UInt8) { _value = value &* 31 &+ Int32(byte) }

  /// The hash of a text.
  public static func hash(_ text: String) -> Int32 {
    var hash: Int32 = 0
    for unit in text.utf16 { hash = hash &* 31 &+ Int32(unit) }
    return hash
  }

  /// The hash of UTF-8 bytes.
  @inlinable
  public static func hash(_ bytes: RawSpan) -> Int32 {
    var hash = JavaHash()
    hash.feed(bytes)
    return hash.value
  }
}
