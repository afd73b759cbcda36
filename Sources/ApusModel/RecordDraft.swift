public import ApusBase

/// A message that is about to be stored: everything of ``StoredRecord`` but what the store decides (queue offset,
/// physical offset, store time). It borrows topic, body and properties; encoding copies them once, into the log.
///
/// All lengths were checked before: a topic of 1…127 bytes, properties of 0…32,767, a body that fits an i32.
@frozen
public struct RecordDraft: ~Escapable {
  /// The topic's name.
  public let topic: RawSpan
  /// The body as it is to be stored.
  public let body: RawSpan
  /// The properties as they are to be stored.
  public let properties: RawSpan
  /// The queue.
  public var queueID: Int32
  /// The user's flag.
  public var flag: Int32
  /// The system flag; its IPv6 bits are set by the hosts below.
  public var sysFlag: SysFlag
  /// The CRC of the body: `CRC32.body`.
  public var bodyCRC: Int32
  /// When the producer made the message.
  public var bornTime: WallTime
  /// Who made the message.
  public var bornHost: HostAddress
  /// This broker.
  public var storeHost: HostAddress
  /// How often it was consumed before.
  public var reconsumeTimes: Int32 = 0
  /// Where the half message of a transaction lies.
  public var preparedTransactionOffset: Int64 = 0
  /// What the queue unit carries for the tags: ``TagsCode``, or the delivery time of a delayed message.
  public var tagsCode: Int64

  /// Puts a draft together. Computes nothing: `bodyCRC` and `tagsCode` are the caller's, made outside of the append
  /// section.
  @inlinable
  @_lifetime(copy topic, copy body, copy properties)
  public init(
    topic: RawSpan, body: RawSpan, properties: RawSpan, queueID: Int32, flag: Int32, sysFlag: SysFlag, bodyCRC: Int32,
    bornTime: WallTime, bornHost: HostAddress, storeHost: HostAddress, tagsCode: Int64
  ) {
    precondition(topic.byteCount <= 127 && properties.byteCount <= 32_767, "topic or properties too long for a record")
    self.topic = topic
    self.body = body
    self.properties = properties
    self.queueID = queueID
    self.flag = flag
    self.sysFlag = sysFlag
    self.bodyCRC = bodyCRC
    self.bornTime = bornTime
    self.bornHost = bornHost
    self.storeHost = storeHost
    self.tagsCode = tagsCode
  }

  /// The same message with other properties.
  @_lifetime(copy self, copy properties)
  package func replacing(properties: RawSpan) -> RecordDraft {
    var draft = RecordDraft(
      topic: topic, body: body, properties: properties, queueID: queueID, flag: flag, sysFlag: sysFlag,
      bodyCRC: bodyCRC, bornTime: bornTime, bornHost: bornHost, storeHost: storeHost, tagsCode: tagsCode)
    draft.reconsumeTimes = reconsumeTimes
    draft.preparedTransactionOffset = preparedTransactionOffset
    return draft
  }

  /// The size of the record in bytes.
  @inlinable
  public var recordBytes: Int {
    75 + bornHost.byteCount + storeHost.byteCount + body.byteCount + topic.byteCount + properties.byteCount
  }

  /// Writes the record to `target`, which has room for `recordBytes`, front to back in one pass.
  @inlinable
  @unsafe
  public func encode(
    to target: UnsafeMutableRawPointer, queueOffset: QueueOffset, physicalOffset: PhysicalOffset, storeTime: WallTime
  ) {
    var flags = sysFlag.rawValue & ~0x30
    if bornHost.isIPv6 { flags |= SysFlag.bornHostIPv6.rawValue }
    if storeHost.isIPv6 { flags |= SysFlag.storeHostIPv6.rawValue }
    unsafe Self.store(Int32(truncatingIfNeeded: recordBytes), to: target, at: 0)
    unsafe Self.store(StoredRecord.magic, to: target, at: 4)
    unsafe Self.store(bodyCRC, to: target, at: 8)
    unsafe Self.store(queueID, to: target, at: 12)
    unsafe Self.store(flag, to: target, at: 16)
    unsafe Self.store(queueOffset.rawValue, to: target, at: 20)
    unsafe Self.store(physicalOffset.rawValue, to: target, at: 28)
    unsafe Self.store(flags, to: target, at: 36)
    unsafe Self.store(bornTime.milliseconds, to: target, at: 40)
    unsafe bornHost.encode(to: target + 48)
    var position = 48 + bornHost.byteCount
    unsafe Self.store(storeTime.milliseconds, to: target, at: position)
    unsafe storeHost.encode(to: target + position + 8)
    position += 8 + storeHost.byteCount
    unsafe Self.store(reconsumeTimes, to: target, at: position)
    unsafe Self.store(preparedTransactionOffset, to: target, at: position + 4)
    unsafe Self.store(Int32(truncatingIfNeeded: body.byteCount), to: target, at: position + 12)
    position += 16
    unsafe Self.copy(body, to: target + position)
    position += body.byteCount
    unsafe Self.store(UInt8(truncatingIfNeeded: topic.byteCount), to: target, at: position)
    unsafe Self.copy(topic, to: target + position + 1)
    position += 1 + topic.byteCount
    unsafe Self.store(Int16(truncatingIfNeeded: properties.byteCount), to: target, at: position)
    unsafe Self.copy(properties, to: target + position + 2)
  }

  @inlinable
  @unsafe
  static func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, to target: UnsafeMutableRawPointer, at offset: Int
  ) {
    unsafe target.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self)
  }

  @inlinable
  @unsafe
  static func copy(_ bytes: RawSpan, to target: UnsafeMutableRawPointer) {
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe target.copyMemory(from: start, byteCount: source.count) }
    }
  }
}
