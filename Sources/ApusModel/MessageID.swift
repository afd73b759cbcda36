public import ApusBase

/// The id that a broker gives a message, made of its own address and the message's place in the commit log; a client or
/// tool can find the message by it. On the wire it is called `offsetMsgId`.
///
/// The text is the upper-case hexadecimal form of address (4 or 16 bytes), port (i32) and offset (i64): 32 or 56
/// characters
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageDecoder.java,
/// `createMessageId`).
@frozen
public struct MessageID: Hashable, Sendable, CustomStringConvertible {
  /// The store host of the broker.
  public let host: HostAddress
  /// Where the record begins.
  public let offset: PhysicalOffset

  /// Makes the id of the record at `offset` of the broker at `host`.
  @inlinable
  public init(host: HostAddress, offset: PhysicalOffset) {
    self.host = host
    self.offset = offset
  }

  /// Reads the text form, lower-case digits included.
  public init(_ text: RawSpan) throws(DecodeError) {
    let bytes = try Hexadecimal.decode(text, field: "message id")
    guard bytes.count == 16 || bytes.count == 28 else {
      throw DecodeError(field: "message id", offset: 0, reason: "has \(text.byteCount) characters, not 32 or 56")
    }
    let isIPv6 = bytes.count == 28
    self.host = HostAddress(bytes.rawSpan, at: 0, isIPv6: isIPv6)
    self.offset = PhysicalOffset(bytes.rawSpan.loadBigEndian(at: isIPv6 ? 20 : 8, as: Int64.self))
    guard offset >= .zero else {
      throw DecodeError(field: "message id", offset: isIPv6 ? 40 : 16, reason: "the offset is negative")
    }
  }

  /// Reads the text form, lower-case digits included.
  public init(_ text: String) throws(DecodeError) { try self.init(Array(text.utf8).rawSpan) }

  /// Appends the text form without making a `String`.
  @inlinable
  public func write(into writer: inout ByteWriter) {
    if host.isIPv6 {
      Hexadecimal.write(host.high, digits: 16, into: &writer)
      Hexadecimal.write(host.low, digits: 16, into: &writer)
    } else {
      Hexadecimal.write(host.low, digits: 8, into: &writer)
    }
    Hexadecimal.write(UInt64(UInt32(bitPattern: host.port)), digits: 8, into: &writer)
    Hexadecimal.write(UInt64(bitPattern: offset.rawValue), digits: 16, into: &writer)
  }

  /// The text form.
  public var description: String {
    var writer = ByteWriter(capacity: 56)
    write(into: &writer)
    return writer.bytes.text
  }
}

/// The ids of the messages of a batch as text, separated by commas. They differ in the offset only: the rest is put
/// into digits once.
public struct MessageIDList: ~Copyable {
  private let host: [UInt8]
  private var writer: ByteWriter

  /// Makes an empty list with room for `count` ids of messages of the broker at `host`.
  public init(host: HostAddress, count: Int) {
    var digits = ByteWriter(capacity: 64)
    MessageID(host: host, offset: .zero).write(into: &digits)
    digits.truncate(to: digits.count - 16)
    self.host = digits.array
    writer = ByteWriter(capacity: count * (digits.count + 17))
  }

  /// Adds the id of the record at `offset`.
  public mutating func append(_ offset: PhysicalOffset) {
    if writer.count > 0 { writer.write(UInt8(ascii: ",")) }
    writer.write(host)
    Hexadecimal.write(UInt64(bitPattern: offset.rawValue), digits: 16, into: &writer)
  }

  /// The ids added so far.
  public var text: [UInt8] { writer.array }
}

/// The id that a producing client gives a message before it sends it: property UNIQ_KEY, `msgId` of a send result.
///
/// Upper-case hexadecimal of address (4 or 16 bytes), process id (i16), class loader hash (i32), milliseconds since the
/// first of the current month at 00:00 local time (u32), counter (i16): 32 or 56 characters
///
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageClientIDSetter.java).
public struct UniqueKey: Hashable, Sendable, CustomStringConvertible {
  /// The address of the client's machine; its port is 0.
  public var host: HostAddress
  /// The low 16 bits of the client's process id.
  public var processID: UInt16
  /// What tells two class loaders of one process apart.
  public var loaderHash: Int32
  /// Milliseconds since the start of the month, in the client's time zone. From the 25th on they need all 32 bits: Java
  /// writes the number as an i32 and reads it without a sign.
  public var sinceMonthStart: UInt32
  /// One more for each message, wrapping.
  public var counter: UInt16

  /// Puts a key together.
  public init(host: HostAddress, processID: UInt16, loaderHash: Int32, sinceMonthStart: UInt32, counter: UInt16) {
    self.host = host
    self.processID = processID
    self.loaderHash = loaderHash
    self.sinceMonthStart = sinceMonthStart
    self.counter = counter
  }

  /// Reads the text form. Other clients use other ids: an error here only means that this one says nothing about its
  /// origin.
  public init(_ text: RawSpan) throws(DecodeError) {
    let bytes = try Hexadecimal.decode(text, field: "unique key")
    guard bytes.count == 16 || bytes.count == 28 else {
      throw DecodeError(field: "unique key", offset: 0, reason: "has \(text.byteCount) characters, not 32 or 56")
    }
    let span = bytes.rawSpan
    let isIPv6 = bytes.count == 28
    let rest = isIPv6 ? 16 : 4
    host =
      isIPv6
      ? HostAddress(
        ipv6High: span.loadBigEndian(at: 0, as: UInt64.self), low: span.loadBigEndian(at: 8, as: UInt64.self), port: 0)
      : HostAddress(ipv4: span.loadBigEndian(at: 0, as: UInt32.self), port: 0)
    processID = span.loadBigEndian(at: rest, as: UInt16.self)
    loaderHash = span.loadBigEndian(at: rest + 2, as: Int32.self)
    sinceMonthStart = span.loadBigEndian(at: rest + 6, as: UInt32.self)
    counter = span.loadBigEndian(at: rest + 10, as: UInt16.self)
  }

  /// Appends the text form.
  public func write(into writer: inout ByteWriter) {
    if host.isIPv6 {
      Hexadecimal.write(host.high, digits: 16, into: &writer)
      Hexadecimal.write(host.low, digits: 16, into: &writer)
    } else {
      Hexadecimal.write(host.low, digits: 8, into: &writer)
    }
    Hexadecimal.write(UInt64(processID), digits: 4, into: &writer)
    Hexadecimal.write(UInt64(UInt32(bitPattern: loaderHash)), digits: 8, into: &writer)
    Hexadecimal.write(UInt64(sinceMonthStart), digits: 8, into: &writer)
    Hexadecimal.write(UInt64(counter), digits: 4, into: &writer)
  }

  /// The text form.
  public var description: String {
    var writer = ByteWriter(capacity: 56)
    write(into: &writer)
    return writer.bytes.text
  }
}

/// Upper-case hexadecimal text of ids.
@usableFromInline
enum Hexadecimal {
  /// Appends the lowest `digits` digits of a number.
  @inlinable
  @inline(__always)
  static func write(_ value: UInt64, digits: Int, into writer: inout ByteWriter) {
    precondition(digits == 4 || digits == 8 || digits == 16, "4, 8 or 16 digits")
    if digits == 4 {
      return writer.write(UInt32(truncatingIfNeeded: Self.digits(of: UInt32(truncatingIfNeeded: value))))
    }
    if digits == 16 { writer.write(Self.digits(of: UInt32(truncatingIfNeeded: value >> 32))) }
    writer.write(Self.digits(of: UInt32(truncatingIfNeeded: value)))
  }

  /// The eight digits of a number, first digit highest: the nibbles are spread over bytes, then all turned into digits
  /// at once.
  @inlinable
  static func digits(of value: UInt32) -> UInt64 {
    var nibbles = UInt64(value)
    nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
    nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
    nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
    // A nibble above 9 carries into bit 4 when 6 is added: there 7 more lead from the digits to the letters.
    let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 7
  }

  static func decode(_ text: RawSpan, field: String) throws(DecodeError) -> [UInt8] {
    guard text.byteCount % 2 == 0, text.byteCount <= 1024 else {
      throw DecodeError(field: field, offset: 0, reason: "an odd or excessive number of hexadecimal digits")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.byteCount / 2)
    for index in 0..<text.byteCount / 2 {
      let high = try digit(text, at: 2 * index, field: field)
      let low = try digit(text, at: 2 * index + 1, field: field)
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ text: RawSpan, at offset: Int, field: String) throws(DecodeError) -> UInt8 {
    switch text.byte(at: offset) {
    case let byte where byte >= 0x30 && byte <= 0x39: return byte - 0x30
    case let byte where byte >= 0x41 && byte <= 0x46: return byte - 0x37
    case let byte where byte >= 0x61 && byte <= 0x66: return byte - 0x57
    default: throw DecodeError(field: field, offset: offset, reason: "not a hexadecimal digit")
    }
  }
}
