import ApusBase
import Testing

@Suite struct ByteSearchTests {
  private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.rawSpan.equals(right.rawSpan) }
  private static func equal(_ left: [UInt8], _ right: StaticString) -> Bool { left.rawSpan.equals(right) }

  @Test func `finds the first of two bytes, whatever stands around them`() {
    for count in 0...40 {
      for target in 0...count {
        for (first, second) in [(1, 2), (2, 1), (1, 1)] as [(UInt8, UInt8)] {
          // Bytes that differ from the wanted ones in one bit, or by one, must not be taken for them.
          var bytes = (0..<count).map { [0, 3, 0x80, 0x81, 0x82, 0xFF][$0 % 6] as UInt8 }
          if target < count { bytes[target] = first }
          if target + 1 < count { bytes[target + 1] = second }
          for start in 0...count {
            let expected = bytes[start...].firstIndex { $0 == first || $0 == second } ?? count
            #expect(bytes.rawSpan.position(of: first, or: second, from: start, to: count) == expected)
          }
        }
      }
    }
  }

  @Test func `looks no further than it is told`() {
    let bytes: [UInt8] = Array(repeating: 9, count: 20) + [1]
    for end in 0...20 { #expect(bytes.rawSpan.position(of: 1, or: 2, from: 0, to: end) == end) }
    #expect(bytes.rawSpan.position(of: 1, or: 2, from: 0, to: 21) == 20)
  }

  @Test func `runs of bytes are equal only when every byte is`() {
    for count in 0...24 {
      let bytes = (0..<count).map { UInt8($0 + 60) }
      #expect(Self.equal(bytes, Array(bytes)))
      #expect(!Self.equal(bytes, bytes + [0]))
      for position in 0..<count {
        var other = bytes
        other[position] ^= 1
        #expect(!Self.equal(bytes, other))
      }
    }
  }

  @Test func `a literal is compared to its last byte`() {
    let literals: [(StaticString, String)] = [
      ("", ""), ("K", "K"), ("KEY", "KEY"), ("KEYS", "KEYS"), ("DELAY", "DELAY"), ("CLUSTER", "CLUSTER"),
      ("UNIQ_KEY", "UNIQ_KEY"), ("extFields", "extFields"), ("MAX_RECONSUME", "MAX_RECONSUME"),
    ]
    for (literal, text) in literals {
      let bytes = Array(text.utf8)
      #expect(Self.equal(bytes, literal))
      #expect(!Self.equal(bytes + [0], literal))
      for position in bytes.indices {
        var other = bytes
        other[position] ^= 0x20
        #expect(!Self.equal(other, literal))
      }
    }
  }
}
