public import ApusBase

/// A message as it lies in the commit log, and as pull, query and view deliver it: a view of the bytes, checked once,
/// read without copying.
///
/// | Offset (IPv4 hosts) | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 | i32 | size of the record, these four bytes included |
/// | 4 | 4 | i32 | magic |
/// | 8 | 4 | i32 | body CRC |
/// | 12 | 4 | i32 | queue id |
/// | 16 | 4 | i32 | the user's flag |
/// | 20 | 8 | i64 | queue offset |
/// | 28 | 8 | i64 | physical offset |
/// | 36 | 4 | i32 | system flag |
/// | 40 | 8 | i64 | born time, ms |
/// | 48 | 8 or 20 | host | born host |
/// | 56 | 8 | i64 | store time, ms |
/// | 64 | 8 or 20 | host | store host |
/// | 72 | 4 | i32 | times consumed again |
/// | 76 | 8 | i64 | physical offset of the half message |
/// | 84 | 4 + n | i32, bytes | body |
/// | … | 1 + n | i8, bytes | topic; i16 length with magic V2 |
/// | … | 2 + n | i16, bytes | properties |
///
/// All numbers are big-endian. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java (`calMsgLength`,
/// `checkMessageAndReturnSize`). V2, which 5.x writes for topics longer than 127 bytes, is read as well; Java 4.9.8
/// stops there.
@frozen
public struct StoredRecord: ~Escapable {
  /// The record's bytes, exactly as many as its size says.
  public let bytes: RawSpan
  @usableFromInline let bornHostBytes: Int
  @usableFromInline let storeHostBytes: Int
  @usableFromInline let topicStart: Int
  @usableFromInline let propertiesStart: Int

  /// Magic of a record whose topic length is one byte.
  @inlinable public static var magic: Int32 { Int32(bitPattern: 0xDAA3_20A7) }
  /// Magic of a record whose topic length is two bytes [5.x].
  @inlinable public static var magicV2: Int32 { Int32(bitPattern: 0xDAA3_20AB) }
  /// Magic of the blank that fills the end of a log file.
  @inlinable public static var blankMagic: Int32 { Int32(bitPattern: 0xCBD4_3194) }
  /// The size of a record with IPv4 hosts and nothing in body, topic and properties.
  @inlinable public static var minimumBytes: Int { 91 }

  /// Views the record at the start of `input`, which may go on after it. Checks the magic and that all lengths add up
  /// to the record's size; the CRC is checked by ``bodyMatchesCRC``.
  @inlinable
  @_lifetime(copy input)
  public init(_ input: RawSpan) throws(DecodeError) {
    guard input.byteCount >= Self.minimumBytes else { throw Self.malformed("record", 0, "shorter than any record") }
    let size = Int(input.loadBigEndian(at: 0, as: Int32.self))
    guard size >= Self.minimumBytes, size <= input.byteCount else {
      throw Self.malformed("record size", 0, "does not fit the bytes at hand")
    }
    let magic = input.loadBigEndian(at: 4, as: Int32.self)
    guard magic == Self.magic || magic == Self.magicV2 else { throw Self.malformed("record magic", 4, "unknown") }
    let flag = SysFlag(rawValue: input.loadBigEndian(at: 36, as: Int32.self))
    let bornHostBytes = HostAddress.byteCount(isIPv6: flag.contains(.bornHostIPv6))
    let storeHostBytes = HostAddress.byteCount(isIPv6: flag.contains(.storeHostIPv6))
    var position = 68 + bornHostBytes + storeHostBytes
    guard size - position >= 4 else { throw Self.malformed("body length", position, "beyond the record") }
    let bodyBytes = Int(input.loadBigEndian(at: position, as: Int32.self))
    position += 4
    guard bodyBytes >= 0, bodyBytes <= size - position else {
      throw Self.malformed("body length", position - 4, "beyond the record")
    }
    position += bodyBytes
    let topicWidth = magic == Self.magic ? 1 : 2
    guard size - position >= topicWidth else { throw Self.malformed("topic length", position, "beyond the record") }
    let topicBytes =
      topicWidth == 1 ? Int(input.byte(at: position)) : Int(input.loadBigEndian(at: position, as: UInt16.self))
    position += topicWidth
    guard topicBytes <= size - position else {
      throw Self.malformed("topic length", position - topicWidth, "beyond the record")
    }
    let topicStart = position
    position += topicBytes
    guard size - position >= 2 else { throw Self.malformed("properties length", position, "beyond the record") }
    let propertiesBytes = Int(input.loadBigEndian(at: position, as: Int16.self))
    position += 2
    guard propertiesBytes >= 0, propertiesBytes == size - position else {
      throw Self.malformed("properties length", position - 2, "does not end with the record")
    }
    self.bytes = input.extracting(0..<size)
    self.bornHostBytes = bornHostBytes
    self.storeHostBytes = storeHostBytes
    self.topicStart = topicStart
    self.propertiesStart = position
  }

  @usableFromInline
  static func malformed(_ field: StaticString, _ offset: Int, _ reason: StaticString) -> DecodeError {
    DecodeError(field: "\(field)", offset: offset, reason: "\(reason)")
  }

  /// The size in bytes.
  @inlinable public var size: Int { bytes.byteCount }
  /// The CRC of the body as stored.
  @inlinable public var bodyCRC: Int32 { bytes.loadBigEndian(at: 8, as: Int32.self) }
  /// The queue.
  @inlinable public var queueID: Int32 { bytes.loadBigEndian(at: 12, as: Int32.self) }
  /// The user's flag.
  @inlinable public var flag: Int32 { bytes.loadBigEndian(at: 16, as: Int32.self) }
  /// The place in the queue; 0 for prepared and rolled-back messages.
  @inlinable public var queueOffset: QueueOffset { QueueOffset(bytes.loadBigEndian(at: 20, as: Int64.self)) }
  /// The place in the log that the record says it has.
  @inlinable public var physicalOffset: PhysicalOffset { PhysicalOffset(bytes.loadBigEndian(at: 28, as: Int64.self)) }
  /// The system flag.
  @inlinable public var sysFlag: SysFlag { SysFlag(rawValue: bytes.loadBigEndian(at: 36, as: Int32.self)) }
  /// When the producer made the message.
  @inlinable public var bornTime: WallTime { WallTime(milliseconds: bytes.loadBigEndian(at: 40, as: Int64.self)) }
  /// Who made the message.
  @inlinable public var bornHost: HostAddress { HostAddress(bytes, at: 48, isIPv6: bornHostBytes == 20) }
  /// When the broker stored the message.
  @inlinable public var storeTime: WallTime {
    WallTime(milliseconds: bytes.loadBigEndian(at: 48 + bornHostBytes, as: Int64.self))
  }
  /// The broker that stored the message.
  @inlinable public var storeHost: HostAddress {
    HostAddress(bytes, at: 56 + bornHostBytes, isIPv6: storeHostBytes == 20)
  }
  /// How often it was consumed before.
  @inlinable public var reconsumeTimes: Int32 {
    bytes.loadBigEndian(at: 56 + bornHostBytes + storeHostBytes, as: Int32.self)
  }
  /// Where the half message of a transaction lies.
  @inlinable public var preparedTransactionOffset: Int64 {
    bytes.loadBigEndian(at: 60 + bornHostBytes + storeHostBytes, as: Int64.self)
  }
  /// The body, compressed or not.
  @inlinable public var body: RawSpan {
    @_lifetime(copy self)
    get {
      let length = bytes.loadBigEndian(at: 68 + bornHostBytes + storeHostBytes, as: Int32.self)
      let start = 72 + bornHostBytes + storeHostBytes
      return bytes.extracting(start..<start + Int(length))
    }
  }
  /// The topic's name.
  @inlinable public var topic: RawSpan {
    @_lifetime(copy self)
    get { bytes.extracting(topicStart..<propertiesStart - 2) }
  }
  /// The properties.
  @inlinable public var properties: MessageProperties {
    @_lifetime(copy self)
    get { MessageProperties(bytes.extracting(propertiesStart..<bytes.byteCount)) }
  }
  /// The id that the broker gave out for this record.
  @inlinable public var id: MessageID { MessageID(host: storeHost, offset: physicalOffset) }

  /// Whether the body is what was stored. An empty body is not checked, as in Java.
  @inlinable public var bodyMatchesCRC: Bool {
    let body = body
    return body.byteCount == 0 || CRC32.body(body) == bodyCRC
  }
}

extension StoredRecord {
  /// What stands at a place in the log, by its first eight bytes.
  @frozen
  public enum Prefix: Hashable, Sendable {
    /// A record of this size may begin here.
    case record(size: Int)
    /// A blank of this size ends the file.
    case blank(size: Int)
    /// Zeroes: nothing was written here.
    case unwritten
    /// Neither.
    case unknown
  }

  /// Looks at the first eight bytes of `bytes`; fewer are `.unwritten`.
  @inlinable
  public static func prefix(of bytes: RawSpan) -> Prefix {
    guard bytes.byteCount >= 8 else { return .unwritten }
    let size = bytes.loadBigEndian(at: 0, as: Int32.self)
    let magic = bytes.loadBigEndian(at: 4, as: Int32.self)
    if magic == Self.magic || magic == magicV2 { return size >= minimumBytes ? .record(size: Int(size)) : .unknown }
    if magic == blankMagic { return size >= 8 ? .blank(size: Int(size)) : .unknown }
    return size == 0 && magic == 0 ? .unwritten : .unknown
  }
}
