import ApusBase
import ApusModel
import ApusSystem

/// Compressed bodies.
enum Compression {
  /// A body as its sender gave it. The flag tells whether and how it is compressed.
  static func inflate(_ body: RawSpan, _ flag: SysFlag, limit: Int) throws(DecodeError) -> [UInt8] {
    guard flag.contains(.compressed) else { return body.array }
    switch flag.rawValue >> 8 & 7 {
    case 0, 3: return try Zlib.inflate(body, limit: limit)
    default:
      throw DecodeError(field: "sysFlag", offset: 36, reason: "compression type \(flag.rawValue >> 8 & 7) is unknown")
    }
  }
}
