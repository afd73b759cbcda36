import ApusBase
import ApusSystem
import Testing

@Suite struct ZlibTests {
  private static func noise(_ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: 5)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  private func inflate(_ bytes: [UInt8], limit: Int) throws -> [UInt8] { try Zlib.inflate(bytes.rawSpan, limit: limit) }

  private func deflate(_ bytes: [UInt8], level: Int32 = Zlib.defaultLevel) -> [UInt8] {
    Zlib.deflate(bytes.rawSpan, level: level)
  }

  @Test(arguments: [[], Array("hello".utf8), [UInt8](repeating: 7, count: 300_000), noise(100_000)], [0, 5, 9, 42])
  func `gives back what was compressed`(_ bytes: [UInt8], _ level: Int32) throws {
    let compressed = deflate(bytes, level: level)
    #expect(try inflate(compressed, limit: bytes.count) == bytes)
    #expect(try inflate(compressed + [1, 2, 3], limit: bytes.count) == bytes)
  }

  @Test(arguments: [0, 1, 99_999])
  func `stops at the limit`(_ limit: Int) {
    let compressed = deflate([UInt8](repeating: 0, count: 100_000))
    let error = #expect(throws: DecodeError.self) { try inflate(compressed, limit: limit) }
    #expect(error?.reason.contains("more than \(limit) bytes") == true)
  }

  @Test func `refuses what is cut off at any byte`() {
    let compressed = deflate(Self.noise(100))
    for count in 0..<compressed.count {
      #expect(throws: DecodeError.self) { try inflate(Array(compressed[..<count]), limit: 1000) }
    }
  }

  @Test func `never traps on damaged streams`() {
    var generator = SeededGenerator(seed: 9)
    let compressed = deflate(Array(String(repeating: "some topic 8 8 6 ", count: 50).utf8))
    for _ in 0..<2_000 {
      var damaged = compressed
      damaged[Int.random(in: 0..<damaged.count, using: &generator)] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      if let bytes = try? inflate(damaged, limit: 1 << 20) { #expect(bytes.count <= 1 << 20) }
    }
  }
}
