import Testing

@testable import ApusBase

/// The keyed hash against values of an independent implementation.
@Suite struct SipHashTests {
  private static let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)

  @Test(
    arguments: [
      (0, 0xabac_0158_050f_c4dc), (1, 0xc9f4_9bf3_7d57_ca93), (7, 0xd392_7d98_9bb1_1140), (8, 0x3690_9511_8d29_9a8e),
      (15, 0xd320_d86d_2a51_9956), (63, 0x9d19_9062_b7bb_b3a8),
    ] as [(Int, UInt64)])
  func `is SipHash-1-3, however the bytes come`(count: Int, value: UInt64) {
    let bytes = (0..<count).map { UInt8($0) }
    for split in 0...count {
      var hash = SipHash(key: Self.key)
      hash.feed(bytes.rawSpan.extracting(0..<split))
      hash.feed(bytes.rawSpan.extracting(split..<count))
      #expect(hash.finish() == value)
      var single = SipHash(key: Self.key)
      for byte in bytes { single.feed(byte) }
      #expect(single.finish() == value)
    }
  }
}
