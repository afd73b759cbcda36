import ApusBase

/// Which bits of a bit map stand for a consumer group: a bloom filter by RocketMQ's formula, so that what a Java broker
/// kept stays true.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:filter/src/main/java/org/apache/rocketmq/filter/util/BloomFilter.java
package struct BloomFilter: Hashable, Sendable {
  /// How many bits stand for one entry.
  package let hashCount: Int
  /// How many bits the map has: a multiple of eight.
  package let bitCount: Int

  /// A filter that errs in `errorPercent` of cases when it holds `expected` entries. Nil unless the percentage is 1 to
  /// 99 and there is an entry.
  package init?(errorPercent: Int, expected: Int) {
    guard errorPercent >= 1, errorPercent <= 99, expected >= 1, expected <= 1 << 20 else { return nil }
    let rate = Double(errorPercent) / 100
    // log2 of the rate is between -7 and 0; k hashes err in 1 of 2^k cases.
    let bitsPerEntry = -Self.log2(rate)
    hashCount = Int(bitsPerEntry.rounded(.up))
    // The bits that make k hashes the best choice: k·n / ln 2, rounded up, then up to whole bytes.
    let bits = (Double(expected) * bitsPerEntry / 0.693147180559945).rounded(.up)
    bitCount = (Int(bits) + 7) / 8 * 8
  }

  /// The filter of a broker's defaults: 20 % for 32 groups.
  package static let standard = BloomFilter(hashCount: 3, bitCount: 112)

  private init(hashCount: Int, bitCount: Int) {
    self.hashCount = hashCount
    self.bitCount = bitCount
  }

  /// The binary logarithm of a number between 0 and 1, by squaring: exact to 2⁻⁴⁸.
  private static func log2(_ value: Double) -> Double {
    var (mantissa, result) = (value.significand, Double(value.exponent))
    var step = 0.5
    while step > 0x1p-48 {
      mantissa *= mantissa
      if mantissa >= 2 {
        mantissa /= 2
        result += step
      }
      step /= 2
    }
    return result
  }

  /// The bits that stand for an entry, in the order of their hashes; one may be named twice.
  package func positions(of entry: String) -> [Int32] {
    let hash = unsafe Murmur3.first64(of: entry.utf8Span.span.bytes)
    let (low, high) = (Int32(truncatingIfNeeded: hash), Int32(truncatingIfNeeded: hash >> 32))
    return (1...Int32(hashCount)).map { round in
      let combined = low &+ round &* high
      return (combined < 0 ? ~combined : combined) % Int32(bitCount)
    }
  }

  /// A bit map in which these bits are set, the lowest bit of a byte first.
  package func bitMap(of positions: [Int32]) -> [UInt8] {
    var map = [UInt8](repeating: 0, count: bitCount / 8)
    for position in positions where position >= 0 && Int(position) < bitCount {
      map[Int(position) / 8] |= 1 << UInt8(position % 8)
    }
    return map
  }
}

/// MurmurHash3 for x64 with 128 bits and the seed 0.
enum Murmur3 {
  private static let one: UInt64 = 0x87C3_7B91_1142_53D5
  private static let two: UInt64 = 0x4CF5_AD43_2745_937F

  /// The first half of the hash.
  static func first64(of bytes: RawSpan) -> UInt64 {
    var (first, second) = (UInt64(0), UInt64(0))
    var index = 0
    while bytes.byteCount - index >= 16 {
      first ^= mix(word(bytes, index, 8), one, 31, two)
      first = (rotate(first, 27) &+ second) &* 5 &+ 0x52DC_E729
      second ^= mix(word(bytes, index + 8, 8), two, 33, one)
      second = (rotate(second, 31) &+ first) &* 5 &+ 0x3849_5AB5
      index += 16
    }
    let rest = bytes.byteCount - index
    if rest > 8 { second ^= mix(word(bytes, index + 8, rest - 8), two, 33, one) }
    if rest > 0 { first ^= mix(word(bytes, index, min(rest, 8)), one, 31, two) }
    first ^= UInt64(bytes.byteCount)
    second ^= UInt64(bytes.byteCount)
    first &+= second
    second &+= first
    return finish(first) &+ finish(second)
  }

  /// `count` bytes, the lowest first.
  private static func word(_ bytes: RawSpan, _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes.byte(at: start + index)) << UInt64(8 * index) }
    return value
  }

  private static func mix(_ value: UInt64, _ before: UInt64, _ turn: UInt64, _ after: UInt64) -> UInt64 {
    rotate(value &* before, turn) &* after
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }

  private static func finish(_ value: UInt64) -> UInt64 {
    var value = value
    value ^= value >> 33
    value &*= 0xFF51_AFD7_ED55_8CCD
    value ^= value >> 33
    value &*= 0xC4CE_B9FE_1A85_EC53
    return value ^ value >> 33
  }
}
