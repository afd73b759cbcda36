/// The bits that the broker and the clients keep about a message, apart from the user's own flag.
///
/// | Bits | Meaning |
/// |---|---|
/// | 0x1 | body compressed |
/// | 0x2 | several tags |
/// | 0x4, 0x8, 0xC | transaction: prepared, committed, rolled back; 0 is none |
/// | 0x10, 0x20 | born host, store host is IPv6 |
/// | 0x40, 0x80 | 5.x: needs unwrapping, is an inner batch |
/// | 8…10 | compression: 0 and 3 zlib, 1 LZ4, 2 Zstandard |
///
/// Source:
/// apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/sysflag/MessageSysFlag.java
@frozen
public struct SysFlag: OptionSet, Hashable, Sendable {
  /// The bits as stored.
  public var rawValue: Int32

  /// Wraps bits as stored; unknown ones are kept.
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The body is compressed.
  @inlinable public static var compressed: SysFlag { SysFlag(rawValue: 0x1) }
  /// The message has several tags.
  @inlinable public static var multiTags: SysFlag { SysFlag(rawValue: 0x2) }
  /// The born host takes 20 bytes.
  @inlinable public static var bornHostIPv6: SysFlag { SysFlag(rawValue: 0x10) }
  /// The store host takes 20 bytes.
  @inlinable public static var storeHostIPv6: SysFlag { SysFlag(rawValue: 0x20) }

  /// Where a message stands in a transaction.
  @frozen
  public enum Transaction: Int32, Sendable {
    /// No transaction.
    case none = 0
    /// A half message: stored, not yet to be delivered.
    case prepared = 0x4
    /// Committed: to be delivered.
    case committed = 0x8
    /// Rolled back: never to be delivered.
    case rolledBack = 0xC
  }

  /// The transaction state in bits 2 and 3.
  @inlinable
  public var transaction: Transaction {
    get {
      switch rawValue & 0xC {
      case 0x4: .prepared
      case 0x8: .committed
      case 0xC: .rolledBack
      default: .none
      }
    }
    set { rawValue = rawValue & ~0xC | newValue.rawValue }
  }

  /// Whether the message takes a place in its queue: prepared and rolled-back ones do not.
  @inlinable public var takesQueueOffset: Bool { rawValue & 0x4 == 0 }

  /// How a body was compressed.
  @frozen
  public enum Compression: Int32, Sendable {
    /// LZ4 frame format.
    case lz4 = 1
    /// Zstandard.
    case zstd = 2
    /// zlib; also what a flag without type means.
    case zlib = 3
  }

  /// The compression of the body; nil when it is not compressed or the type is unknown.
  @inlinable
  public var compression: Compression? {
    guard contains(.compressed) else { return nil }
    let type = rawValue >> 8 & 0x7
    return type == 0 ? .zlib : Compression(rawValue: type)
  }
}
