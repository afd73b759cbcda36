public import ApusBase

/// The body of a batch send (request code 320): several messages of one topic, one after another.
///
/// | Offset | Bytes | Type | Field |
/// |---|---|---|---|
/// | 0 | 4 | i32 | size of the item; not looked at, as in Java |
/// | 4 | 4 | i32 | magic, 0; not looked at |
/// | 8 | 4 | i32 | body CRC, 0; not looked at |
/// | 12 | 4 | i32 | flag |
/// | 16 | 4 + n | i32, bytes | body |
/// | … | 2 + n | i16, bytes | properties |
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java
/// (`MessageExtBatchEncoder`). Comes from outside: every length is checked, and reading stops at the first that does
/// not fit.
@frozen
public struct BatchBody: ~Escapable {
  /// How many bytes of an item stand before its body.
  static let headBytes = 20

  @usableFromInline var reader: ByteReader

  /// Starts at the first item of a batch body.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { reader = ByteReader(bytes) }

  /// One message of a batch.
  @frozen
  public struct Item: ~Escapable {
    /// The user's flag.
    public let flag: Int32
    /// The message's body.
    public let body: RawSpan
    /// The message's own properties, encoded.
    public let properties: RawSpan

    @inlinable
    @_lifetime(copy body, copy properties)
    init(flag: Int32, body: RawSpan, properties: RawSpan) {
      self.flag = flag
      self.body = body
      self.properties = properties
    }
  }

  /// Reads the next item; nil after the last.
  @inlinable
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  public mutating func next() throws(DecodeError) -> Item? {
    if reader.remaining == 0 { return nil }
    try reader.skip(12, "batch item header")
    let flag = try reader.read(Int32.self, "batch item flag")
    let bodyBytes = try reader.read(Int32.self, "batch item body length")
    let body = try reader.read(count: Int(bodyBytes), "batch item body")
    let propertiesBytes = try reader.read(Int16.self, "batch item properties length")
    let properties = try reader.read(count: Int(propertiesBytes), "batch item properties")
    return Item(flag: flag, body: body, properties: properties)
  }
}
