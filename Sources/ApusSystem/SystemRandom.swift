import CPosix

/// Random bytes of the kernel, fit for secrets.
package struct SystemRandom: RandomNumberGenerator {
  /// Makes a generator; it has no state.
  package init() {}

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    var value: UInt64 = 0
    // Requests of up to 256 bytes are answered whole once the kernel's pool is ready, which the call waits for.
    let count = unsafe withUnsafeMutableBytes(of: &value) { unsafe apus_random($0.baseAddress, $0.count) }
    precondition(count == 8, "getrandom answered \(count)")
    return value
  }

  /// `count` random bytes.
  package static func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandom()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      var word = generator.next()
      for _ in 0..<min(8, count - bytes.count) {
        bytes.append(UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
    return bytes
  }
}
