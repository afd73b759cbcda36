import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol

/// A half message as it lies in RMQ_SYS_TRANS_HALF_TOPIC, and the records that are made of it.
///
/// Everything a record is made of keeps the half message's body, flags, times, hosts and properties; what differs is
/// said at each. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/transaction/queue/TransactionalMessageBridge.java
struct HalfRecord: ~Escapable {
  /// The record.
  let record: StoredRecord

  /// The properties of every operation message.
  static let operationProperties = MessageProperties.encode([("WAIT", "true"), ("TAGS", "d")])
  /// The tags code of every operation message.
  static let operationTagsCode = TagsCode.hash("d")

  /// Views a record; nil when it is no half message.
  @_lifetime(copy bytes)
  init?(_ bytes: RawSpan) {
    self.init(bytes, of: "RMQ_SYS_TRANS_HALF_TOPIC")
  }

  /// Views a record of TRANS_CHECK_MAX_TIME_TOPIC, where half messages lie that were given up; nil when it is none.
  @_lifetime(copy bytes)
  init?(givenUp bytes: RawSpan) {
    self.init(bytes, of: "TRANS_CHECK_MAX_TIME_TOPIC")
  }

  @_lifetime(copy bytes)
  private init?(_ bytes: RawSpan, of topic: StaticString) {
    do throws(DecodeError) {
      record = try StoredRecord(bytes)
    } catch {
      return nil
    }
    guard record.topic.equals(topic), record.queueID == 0 else { return nil }
  }

  /// Its place in the queue of half messages.
  var queueOffset: Int64 { record.queueOffset.rawValue }

  /// What decides when its producer is asked.
  var half: HalfMessages.Half {
    let properties = record.properties
    let seconds = properties.integer(PropertyName.checkImmunityTime)
    // A number below zero means the usual time; no message is kept for anything near the largest.
    let immunity = seconds.flatMap { $0 < 0 ? nil : Duration.seconds(min($0, 1_000_000_000)) }
    return HalfMessages.Half(
      queueOffset: queueOffset, offset: record.physicalOffset, bornTime: record.bornTime, immunity: immunity,
      checks: Int32(clamping: properties.integer(PropertyName.transactionCheckTimes) ?? 0))
  }

  /// The queue that the message was sent to; nil when the record does not say.
  var realQueueID: Int32? {
    guard let id = record.properties.integer(PropertyName.realQueueID) else { return nil }
    guard id >= 0, id < Int64(Topics.queueLimit) else { return nil }
    return Int32(id)
  }

  /// The topic that the message was sent to; nil when the record does not say.
  var realTopic: RawSpan? {
    @_lifetime(copy self)
    get {
      guard let topic = record.properties.value(of: PropertyName.realTopic) else { return nil }
      do throws(NameFault) {
        try TopicName.validate(topic)
      } catch {
        return nil
      }
      return topic
    }
  }

  /// Whether it was sent by this producer group.
  func isOf(group: RawSpan) -> Bool {
    guard let own = record.properties.value(of: PropertyName.producerGroup) else { return false }
    return own.equals(group)
  }

  /// Whether a request that names a message can mean this one. A place in the log and in the queue is used again after
  /// a power loss took what was there; a unique key is not. A request without ids, and a message without a unique key,
  /// are known by their place alone.
  func isNamed(messageID: RawSpan?, transactionID: RawSpan?) -> Bool {
    guard let own = record.properties.value(of: PropertyName.uniqueKey), own.byteCount > 0 else { return true }
    var namesAny = false
    for name in [messageID?.text, transactionID?.text] {
      guard let name, !name.isEmpty else { continue }
      if name == own.text || name == record.id.description { return true }
      namesAny = true
    }
    return !namesAny
  }

  /// Whether a record is this message as it is delivered.
  func isSource(of bytes: RawSpan) -> Bool {
    do throws(DecodeError) {
      let other = try StoredRecord(bytes)
      guard let realTopic, realTopic.equals(other.topic), realQueueID == other.queueID,
        record.bornTime == other.bornTime, record.bornHost == other.bornHost, record.body.equals(other.body)
      else { return false }
      let key = record.properties.value(of: PropertyName.uniqueKey)?.text
      return key == other.properties.value(of: PropertyName.uniqueKey)?.text
    } catch {
      return false
    }
  }

  /// The properties with a number of checks.
  func properties(checks: Int32) -> [UInt8] {
    var writer = ByteWriter(capacity: record.properties.bytes.byteCount + 32)
    record.properties.write(into: &writer, removing: PropertyName.transactionCheckTimes)
    let times = Array("\(checks)".utf8)
    MessageProperties.append(PropertyName.transactionCheckTimes, times.rawSpan, into: &writer, after: 0)
    return writer.array
  }

  /// The message for a queue of another topic. `properties` has room in a record.
  @_lifetime(copy self, copy topic, copy properties)
  func draft(topic: RawSpan, queueID: Int32, properties: RawSpan) -> RecordDraft {
    record.draft(topic: topic, queueID: queueID, properties: properties)
  }

  /// The message as it is delivered: marked as committed, with the half message's place in the log.
  @_lifetime(copy self, copy topic)
  func committed(topic: RawSpan, queueID: Int32) -> RecordDraft {
    var draft = draft(topic: topic, queueID: queueID, properties: record.properties.bytes)
    draft.sysFlag.transaction = .committed
    draft.preparedTransactionOffset = record.physicalOffset.rawValue
    return draft
  }

  /// The operation message that ends a half message; `body` is the decimal of its queue offset.
  @_lifetime(copy topic, copy body, copy properties)
  static func operation(
    topic: RawSpan, body: RawSpan, properties: RawSpan, host: HostAddress, now: WallTime
  ) -> RecordDraft {
    RecordDraft(
      topic: topic, body: body, properties: properties, queueID: 0, flag: 0, sysFlag: SysFlag(rawValue: 0),
      bodyCRC: CRC32.body(body), bornTime: now, bornHost: host, storeHost: host, tagsCode: operationTagsCode)
  }

  /// The question to its producer, for a half message that lies at `offset`, in its queue at `queueOffset`.
  func question(times: Int32, queueOffset: Int64, offset: PhysicalOffset) -> CheckTransactionState.Request? {
    guard let realTopic, let realQueueID else { return nil }
    let properties = properties(checks: times)
    guard properties.count <= MessageProperties.maximumBytes else { return nil }
    let draft = draft(topic: realTopic, queueID: realQueueID, properties: properties.rawSpan)
    let bytes = draft.recordBytes
    let body = unsafe [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      unsafe draft.encode(
        to: UnsafeMutableRawPointer(base), queueOffset: QueueOffset(queueOffset), physicalOffset: offset,
        storeTime: record.storeTime)
      count = bytes
    }
    return CheckTransactionState.Request(
      queueOffset: queueOffset, offset: offset.rawValue,
      uniqueKey: record.properties.value(of: PropertyName.uniqueKey)?.text,
      offsetMessageID: MessageID(host: record.storeHost, offset: offset).description, body: body)
  }
}
