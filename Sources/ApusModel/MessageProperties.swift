public import ApusBase

/// A message's properties as they are sent and stored: `name 0x01 value 0x02` repeated, the last 0x02 optional. A view
/// of the bytes; nothing is copied until a text is asked for.
///
/// Reading follows Java to the letter, for hostile bytes too: pairs without a name, without a 0x01 or with an empty
/// value are passed over, the first 0x01 splits, and of two pairs with one name the later counts
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/message/MessageDecoder.java,
/// `string2messageProperties`).
@frozen
public struct MessageProperties: ~Escapable {
  /// The encoded pairs.
  public let bytes: RawSpan

  /// What stands between a name and its value.
  @inlinable public static var nameValueSeparator: UInt8 { 1 }
  /// What ends a pair.
  @inlinable public static var pairSeparator: UInt8 { 2 }
  /// The longest encoded form, in bytes: the length is an i16 on disk.
  @inlinable public static var maximumBytes: Int { 32_767 }

  /// Views encoded pairs.
  @inlinable
  @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) { self.bytes = bytes }

  /// Where a name and its value lie in the bytes.
  @frozen
  public struct Pair: Hashable, Sendable {
    /// The name's bytes.
    public let name: Range<Int>
    /// The value's bytes.
    public let value: Range<Int>

    @inlinable
    init(name: Range<Int>, value: Range<Int>) {
      self.name = name
      self.value = value
    }
  }

  /// The pair that begins at or after `position`, which moves behind it; nil after the last.
  @inlinable
  public func next(_ position: inout Int) -> Pair? {
    let end = bytes.byteCount
    while position < end {
      let start = position
      let separator = bytes.position(of: Self.nameValueSeparator, or: Self.pairSeparator, from: start, to: end)
      guard separator < end, bytes.byte(at: separator) == Self.nameValueSeparator else {
        position = separator + 1
        continue
      }
      let valueEnd = bytes.position(of: Self.pairSeparator, or: Self.pairSeparator, from: separator + 1, to: end)
      position = valueEnd + 1
      if separator > start, valueEnd > separator + 1 {
        return Pair(name: start..<separator, value: separator + 1..<valueEnd)
      }
    }
    return nil
  }

  /// The value of a name; nil when it is not there.
  @inlinable
  @_lifetime(copy self)
  public func value(of name: StaticString) -> RawSpan? {
    var found: Range<Int>?
    var position = 0
    while let pair = next(&position) {
      if pair.name.count == name.utf8CodeUnitCount, bytes.extracting(pair.name).equals(name) { found = pair.value }
    }
    guard let found else { return nil }
    return bytes.extracting(found)
  }

  /// Whether a name is there.
  @inlinable
  public func contains(_ name: StaticString) -> Bool { value(of: name) != nil }

  /// The value of a name read as decimal digits with an optional sign; nil when it is not there or is no such number.
  public func integer(_ name: StaticString) -> Int64? {
    guard let value = value(of: name) else { return nil }
    return Int64(value.text)
  }

  /// Whether a name's value is `true`, in any case, as Java's `Boolean.parseBoolean`; false when it is not there.
  public func flag(_ name: StaticString) -> Bool {
    guard let value = value(of: name) else { return false }
    return Self.isTrue(value)
  }

  /// Whether a value is `true` in upper, lower or mixed case.
  @inlinable
  public static func isTrue(_ value: RawSpan) -> Bool {
    guard value.byteCount == 4 else { return false }
    return value.loadBigEndian(at: 0, as: UInt32.self) | 0x2020_2020 == 0x7472_7565
  }

  /// All pairs as texts.
  public var dictionary: [String: String] {
    var result: [String: String] = [:]
    var position = 0
    while let pair = next(&position) {
      result[bytes.extracting(pair.name).text] = bytes.extracting(pair.value).text
    }
    return result
  }

  /// Appends the readable pairs but those named `removed`, each ended by 0x02 but the last. Returns whether it wrote
  /// any.
  @inlinable
  @discardableResult
  public func write(into writer: inout ByteWriter, removing removed: StaticString...) -> Bool {
    var wrote = false
    var position = 0
    while let pair = next(&position) {
      let name = bytes.extracting(pair.name)
      if removed.contains(where: { name.equals($0) }) { continue }
      if wrote { writer.write(Self.pairSeparator) }
      writer.write(bytes.extracting(pair.name.lowerBound..<pair.value.upperBound))
      wrote = true
    }
    return wrote
  }

  /// Appends what a plain send stores: the readable pairs without WAIT and INNER_MULTI_QUEUE_OFFSET, and CLUSTER last
  /// with this broker's cluster (a CLUSTER of the producer is dropped).
  @inlinable
  public func writeStored(cluster: RawSpan, into writer: inout ByteWriter) {
    var position = 0
    while let pair = next(&position) {
      switch pair.name.count {
      case 4 where bytes.extracting(pair.name).equals(PropertyName.wait): continue
      case 7 where bytes.extracting(pair.name).equals(PropertyName.cluster): continue
      case 24 where bytes.extracting(pair.name).equals(PropertyName.lightQueueOffsets): continue
      default: break
      }
      writer.write(bytes.extracting(pair.name.lowerBound..<pair.value.upperBound))
      writer.write(Self.pairSeparator)
    }
    writer.write(PropertyName.cluster)
    writer.write(Self.nameValueSeparator)
    writer.write(cluster)
  }

  /// Appends what a delayed message stores, and after its delivery keeps: the readable pairs, WAIT among them, then
  /// CLUSTER, DELAY with the level that counts, REAL_TOPIC and REAL_QID; what the producer said of these is dropped.
  public func writeDelayed(
    level: Int, topic: RawSpan, queueID: Int32, cluster: RawSpan?, into writer: inout ByteWriter
  ) {
    let start = writer.count
    if let cluster {
      write(
        into: &writer, removing: PropertyName.cluster, PropertyName.delay, PropertyName.realTopic,
        PropertyName.realQueueID, PropertyName.timerDeliver, PropertyName.timerDelayMilliseconds,
        PropertyName.timerDelaySeconds, PropertyName.lightQueueOffsets)
      Self.append(PropertyName.cluster, cluster, into: &writer, after: start)
    } else {
      write(into: &writer, removing: PropertyName.delay, PropertyName.realTopic, PropertyName.realQueueID)
    }
    let (levelText, queueText) = (Array("\(level)".utf8), Array("\(queueID)".utf8))
    Self.append(PropertyName.delay, levelText.rawSpan, into: &writer, after: start)
    Self.append(PropertyName.realTopic, topic, into: &writer, after: start)
    Self.append(PropertyName.realQueueID, queueText.rawSpan, into: &writer, after: start)
  }

  /// Appends one pair to encoded pairs that a writer holds from `start` on, with a separator before it where one is
  /// missing.
  @inlinable
  public static func append(
    _ name: StaticString, _ value: RawSpan, into writer: inout ByteWriter, after start: Int
  ) {
    if writer.count > start, writer.bytes.byte(at: writer.count - 1) != pairSeparator { writer.write(pairSeparator) }
    writer.write(name)
    writer.write(nameValueSeparator)
    writer.write(value)
  }

  /// The encoded form of pairs in the order given, without a last 0x02. Names and values must not hold 0x01 or 0x02.
  public static func encode(_ pairs: [(name: String, value: String)]) -> [UInt8] {
    var writer = ByteWriter(capacity: 256)
    for (index, pair) in pairs.enumerated() {
      if index > 0 { writer.write(pairSeparator) }
      writer.write(utf8: pair.name)
      writer.write(nameValueSeparator)
      writer.write(utf8: pair.value)
    }
    return writer.array
  }
}
