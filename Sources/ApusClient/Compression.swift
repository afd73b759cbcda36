import ApusBase
import ApusClientCore
import ApusModel
import ApusSystem

/// How a producer compresses bodies. Every client since 4.9 reads all three; older ones read zlib only.
public enum CompressionType: String, Hashable, Sendable, CaseIterable {
  /// ZLIB, levels 0…9.
  case zlib
  /// LZ4, fast and without levels.
  case lz4
  /// ZSTD, levels 1…22.
  case zstd

  /// The levels that there are; nil where the level is of no account.
  var levels: ClosedRange<Int>? {
    switch self {
    case .zlib: 0...9
    case .lz4: nil
    case .zstd: Zstandard.levels
    }
  }
}

/// Compressed bodies.
enum Compression {
  /// A body as its sender gave it. The flag tells whether and how it is compressed.
  static func inflate(_ body: RawSpan, _ flag: SysFlag, limit: Int) throws(DecodeError) -> [UInt8] {
    guard flag.contains(.compressed) else { return body.array }
    switch flag.compression {
    case .zlib: return try Zlib.inflate(body, limit: limit)
    case .lz4: return try LZ4Frame.inflate(body, limit: limit)
    case .zstd: return try Zstandard.inflate(body, limit: limit)
    case nil:
      throw DecodeError(field: "sysFlag", offset: 36, reason: "compression type \(flag.rawValue >> 8 & 7) is unknown")
    }
  }

  /// A compressed body and the bits that say so; nil when it would not be smaller.
  static func deflate(_ body: [UInt8], _ type: CompressionType, level: Int) -> (body: [UInt8], flag: SysFlag)? {
    let (compressed, kind): ([UInt8], SysFlag.Compression) =
      switch type {
      case .zlib: (Zlib.deflate(body.rawSpan, level: Int32(level)), .zlib)
      case .lz4: (LZ4Frame.deflate(body.rawSpan), .lz4)
      case .zstd: (Zstandard.deflate(body.rawSpan, level: level), .zstd)
      }
    guard compressed.count < body.count else { return nil }
    return (compressed, SysFlag(rawValue: SysFlag.compressed.rawValue | kind.rawValue << 8))
  }
}
