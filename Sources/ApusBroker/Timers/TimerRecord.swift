import ApusBase
import ApusBrokerCore
import ApusModel

/// What the records of rmq_sys_wheel_timer say, and what is stored in their stead.
///
/// A message waits there with what it was sent with and three properties more: TIMER_OUT_MS, when it is due, REAL_TOPIC
/// and REAL_QID. A record that a timer brought forth, delivered or stored anew, has the complement of its source's
/// offset in the field of the half message's place: a negative number, which no half message has, and 0 in every
/// record that is no copy.
///
/// Source:
/// apache/rocketmq@rocketmq-all-5.3.0:store/src/main/java/org/apache/rocketmq/store/timer/TimerMessageStore.java
enum TimerRecord {
  /// What the properties may grow by until the message is delivered, in bytes.
  static let reservedBytes = 160

  /// What a record of the timers' queue says; nil when it is none that can be delivered, and when it is one of another
  /// queue: no checksum covers entries, and what was delivered once says for good when it was due.
  static func read(_ record: borrowing StoredRecord) -> TimerReplay.Record? {
    guard record.topic.equals("rmq_sys_wheel_timer") else { return nil }
    let properties = record.properties
    guard let topic = properties.value(of: PropertyName.realTopic) else { return nil }
    if let cancelled = properties.value(of: PropertyName.timerCancelledKey) {
      return .cancel(key: TimerRequest.key(cancelled, topic: topic))
    }
    guard let due = properties.integer(PropertyName.timerOut) else { return nil }
    var key: UInt64 = 0
    if let unique = properties.value(of: PropertyName.uniqueKey) { key = TimerKey.hash(topic: topic, key: unique) }
    return .wait(TimerWheel.Timer(due: WallTime(milliseconds: due), offset: record.physicalOffset, key: key))
  }

  /// The record that this one is a copy of; nil when it is none.
  static func source(of record: borrowing StoredRecord) -> PhysicalOffset? {
    let place = record.preparedTransactionOffset
    return place < 0 ? PhysicalOffset(~place) : nil
  }

  /// What a copy has in the field of the half message's place.
  static func mark(of source: PhysicalOffset) -> Int64 { ~source.rawValue }

  /// Writes the properties of a waiting message: those that a plain send stores, and when and where it goes.
  static func writeWaiting(
    _ properties: borrowing MessageProperties, due: WallTime, topic: RawSpan, queueID: Int32, cluster: RawSpan,
    into writer: inout ByteWriter
  ) {
    properties.write(
      into: &writer, removing: PropertyName.wait, PropertyName.cluster, PropertyName.realTopic,
      PropertyName.realQueueID, PropertyName.timerOut, PropertyName.timerRollTimes, PropertyName.timerEnqueued,
      PropertyName.timerDequeued, PropertyName.lightQueueOffsets)
    MessageProperties.append(PropertyName.cluster, cluster, into: &writer, after: 0)
    append(PropertyName.timerOut, due.milliseconds, into: &writer)
    MessageProperties.append(PropertyName.realTopic, topic, into: &writer, after: 0)
    append(PropertyName.realQueueID, Int64(queueID), into: &writer)
  }

  /// Writes the properties of a delivered message: all that it waited with, and when it came and went. REAL_TOPIC,
  /// REAL_QID and TIMER_OUT_MS stay, as in RocketMQ 5; the last keeps it from waiting again when a consumer sends it
  /// on.
  static func writeDelivered(_ record: borrowing StoredRecord, now: WallTime, into writer: inout ByteWriter) {
    let properties = record.properties
    properties.write(into: &writer, removing: PropertyName.timerEnqueued, PropertyName.timerDequeued)
    let enqueued = properties.integer(PropertyName.timerEnqueued) ?? record.storeTime.milliseconds
    append(PropertyName.timerEnqueued, enqueued, into: &writer)
    append(PropertyName.timerDequeued, now.milliseconds, into: &writer)
  }

  /// Writes the properties of a message that is stored anew and goes on waiting.
  static func writeRolled(_ record: borrowing StoredRecord, into writer: inout ByteWriter) {
    let properties = record.properties
    properties.write(into: &writer, removing: PropertyName.timerEnqueued, PropertyName.timerRollTimes)
    let enqueued = properties.integer(PropertyName.timerEnqueued) ?? record.storeTime.milliseconds
    append(PropertyName.timerEnqueued, enqueued, into: &writer)
    append(PropertyName.timerRollTimes, (properties.integer(PropertyName.timerRollTimes) ?? 0) &+ 1, into: &writer)
  }

  private static func append(_ name: StaticString, _ value: Int64, into writer: inout ByteWriter) {
    let text = Array("\(value)".utf8)
    MessageProperties.append(name, text.rawSpan, into: &writer, after: 0)
  }
}
