public import ApusBase

/// The outermost layout of the wire: one command.
///
/// | Offset | Bytes | Type | Meaning |
/// |---|---|---|---|
/// | 0 | 4 | i32 | how many bytes follow |
/// | 4 | 1 | u8 | ``HeaderType`` |
/// | 5 | 3 | u24 | header length |
/// | 8 | header length | – | header |
/// | … | rest | – | body |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:remoting/src/main/java/org/apache/rocketmq/remoting/protocol/RemotingCommand.java
public enum Frame {
  /// The bytes before the header.
  public static let prefixBytes = 8
  /// The longest header that the 24 bits of its length can tell.
  public static let maxHeaderBytes = 0xFF_FFFF
  /// The longest frame that Java takes unless told: 16 MiB with the length itself.
  public static let defaultLimit = 16_777_216

  /// The length of the frame that starts with `prefix`, with its length field; nil when too few bytes are there to
  /// tell. Throws as soon as the bytes there cannot start a frame of at most `limit` bytes.
  public static func length(of prefix: RawSpan, limit: Int = defaultLimit) throws(DecodeError) -> Int? {
    guard prefix.byteCount >= 4 else { return nil }
    let following = Int(prefix.loadBigEndian(at: 0, as: Int32.self))
    guard following >= 4, following + 4 <= limit else {
      throw DecodeError(field: "frame length", offset: 0, reason: "\(following) is not in 4...\(limit - 4)")
    }
    guard prefix.byteCount >= 8 else { return following + 4 }
    _ = try header(of: prefix, frameBytes: following + 4)
    return following + 4
  }

  /// The type and the length of the header, checked against the frame's length. At least 8 bytes must be there.
  static func header(of prefix: RawSpan, frameBytes: Int) throws(DecodeError) -> (type: HeaderType, bytes: Int) {
    let word = prefix.loadBigEndian(at: 4, as: UInt32.self)
    guard let type = HeaderType(rawValue: UInt8(word >> 24)) else {
      throw DecodeError(
        field: "serialize type", offset: 4, reason: "\(word >> 24) is neither 0 (JSON) nor 1 (ROCKETMQ)")
    }
    let bytes = headerBytes(of: prefix)
    guard bytes <= frameBytes - prefixBytes else {
      throw DecodeError(
        field: "header length", offset: 4, reason: "\(bytes) is more than the \(frameBytes - prefixBytes) bytes left")
    }
    return (type, bytes)
  }

  /// The length that the frame which starts with `prefix` tells of its header, unchecked. At least 8 bytes must be
  /// there.
  public static func headerBytes(of prefix: RawSpan) -> Int {
    Int(prefix.loadBigEndian(at: 4, as: UInt32.self) & UInt32(maxHeaderBytes))
  }
}
