internal import CISAL

/// CRC-32 as Java's `java.util.zip.CRC32` computes it (polynomial 0x04C11DB7 reflected, initial and final value all
/// ones).
public enum CRC32 {
  /// The checksum of `bytes`, continuing from the checksum of what came before (0 at the start).
  public static func checksum(_ bytes: RawSpan, continuing previous: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return previous }
      return unsafe crc32_gzip_refl(previous, start, UInt64(buffer.count))
    }
  }

  /// The checksum that RocketMQ stores for a message body: the CRC-32 without its top bit, so that it is never negative
  /// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/UtilAll.java, `crc32`).
  public static func body(_ bytes: RawSpan) -> Int32 {
    Int32(truncatingIfNeeded: checksum(bytes) & 0x7FFF_FFFF)
  }
}
