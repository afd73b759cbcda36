import ApusBase
import COpenSSL

/// A secret key made ready for signing: HMAC-SHA1 with the two hashes of the padded key computed once, so that a
/// signature costs no more than its content. A value: copying it is starting a signature, and nothing is allocated.
///
/// It says nothing of itself when it is printed: secrets must not get into logs.
package struct SignatureKey: Sendable, CustomStringConvertible, CustomReflectable {
  /// SHA-1 works on blocks of 64 bytes.
  private static let blockBytes = 64

  let inner: SHA_CTX
  let outer: SHA_CTX

  /// Makes a key of a secret's UTF-8 bytes. One that is longer than a block stands for its hash, as RFC 2104 wants it.
  package init(secret: String) {
    var key = Array(secret.utf8)
    if key.count > Self.blockBytes {
      var hash = SHA1()
      hash.feed(key.rawSpan)
      key = hash.end().bytes
    }
    key += Array(repeating: 0, count: Self.blockBytes - key.count)
    inner = Self.state(of: key.map { $0 ^ 0x36 })
    outer = Self.state(of: key.map { $0 ^ 0x5C })
  }

  private static func state(of block: [UInt8]) -> SHA_CTX {
    var hash = SHA1()
    hash.feed(block.rawSpan)
    return hash.state
  }

  /// The signature of some bytes.
  package func signature(of bytes: RawSpan) -> Signature {
    var signing = Signing(self)
    signing.feed(bytes)
    return signing.end()
  }

  /// Nothing of the secret.
  package var description: String { "SignatureKey" }
  /// Nothing of the secret.
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A signature under way.
package struct Signing {
  var hash: SHA1
  let outer: SHA_CTX

  /// Begins a signature with a key.
  package init(_ key: SignatureKey) {
    hash = SHA1(state: key.inner)
    outer = key.outer
  }

  /// Adds bytes to what is signed.
  package mutating func feed(_ bytes: RawSpan) { hash.feed(bytes) }

  /// The signature of everything that was fed. To be called once.
  package mutating func end() -> Signature {
    var last = SHA1(state: outer)
    hash.end().feed(into: &last)
    return last.end()
  }
}

/// SHA-1 under way.
struct SHA1 {
  var state: SHA_CTX

  init() {
    state = SHA_CTX()
    unsafe apus_sha1_begin(&state)
  }

  init(state: SHA_CTX) { self.state = state }

  mutating func feed(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe apus_sha1_feed(&state, $0.baseAddress, $0.count) }
  }

  mutating func end() -> Signature {
    var signature = Signature()
    unsafe withUnsafeMutableBytes(of: &signature.words) { digest in
      unsafe apus_sha1_end(&state, digest.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    return signature
  }
}

/// The 20 bytes of a signature.
///
/// | Offset | Bytes | Type |
/// |---|---|---|
/// | 0 | 20 | HMAC-SHA1; on the wire as 28 characters of base64, the last of them `=` |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/common/AclSigner.java
package struct Signature: Sendable {
  /// How long the text is.
  package static let textBytes = 28

  /// The bytes in memory order.
  var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0)

  init() {}

  /// The bytes.
  package var bytes: [UInt8] { unsafe withUnsafeBytes(of: words) { unsafe Array($0) } }

  func feed(into hash: inout SHA1) {
    unsafe withUnsafeBytes(of: words) { unsafe hash.feed(RawSpan(_unsafeBytes: $0)) }
  }

  /// The text as it stands in a header.
  package var text: String {
    var characters: [UInt8] = []
    characters.reserveCapacity(Self.textBytes)
    eachCharacter { characters.append($0) }
    return String(decoding: characters, as: UTF8.self)
  }

  /// Whether a text is this signature. Takes the same time wherever they differ, so that nobody can guess a signature
  /// character by character.
  package func matches(_ text: RawSpan) -> Bool {
    guard text.byteCount == Self.textBytes else { return false }
    var difference: UInt8 = 0
    var offset = 0
    eachCharacter { character in
      difference |= character ^ text.byte(at: offset)
      offset += 1
    }
    return difference == 0
  }

  @inline(__always)
  private func eachCharacter(_ body: (UInt8) -> Void) {
    unsafe withUnsafeBytes(of: words) { bytes in
      var offset = 0
      while offset < 20 {
        let third = offset + 2 < 20 ? unsafe bytes[offset + 2] : 0
        let group = unsafe UInt32(bytes[offset]) << 16 | UInt32(bytes[offset + 1]) << 8 | UInt32(third)
        body(Self.character(group >> 18 & 63))
        body(Self.character(group >> 12 & 63))
        body(Self.character(group >> 6 & 63))
        body(offset + 2 < 20 ? Self.character(group & 63) : UInt8(ascii: "="))
        offset += 3
      }
    }
  }

  /// A digit of base64, computed rather than looked up: a table would tell by its cache lines what was read.
  @inline(__always)
  private static func character(_ value: UInt32) -> UInt8 {
    var shift: UInt32 = 65
    shift &+= (25 &- value) >> 8 & 6
    shift &-= (51 &- value) >> 8 & 75
    shift &-= (61 &- value) >> 8 & 15
    shift &+= (62 &- value) >> 8 & 3
    return UInt8(truncatingIfNeeded: value &+ shift)
  }
}
