import ApusBase
import COpenSSL

/// The MD5 digest, which consistent hashing places queues and clients with. Not for security.
enum MD5 {
  /// The first four bytes of the digest of a text's UTF-8 bytes, big-endian.
  ///
  /// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/consistenthash/ConsistentHashRouter.java
  static func prefix(_ text: String) -> UInt32 {
    let bytes = Array(text.utf8)
    var digest = [UInt8](repeating: 0, count: 16)
    let result = unsafe bytes.withUnsafeBytes { input in
      unsafe digest.withUnsafeMutableBytes { output in
        unsafe EVP_Digest(
          input.baseAddress, input.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, EVP_md5(), nil)
      }
    }
    precondition(result == 1, "this machine's libcrypto has no MD5, which consistent hashing needs")
    return digest[..<4].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
