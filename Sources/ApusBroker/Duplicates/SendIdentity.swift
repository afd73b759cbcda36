import ApusBase
import ApusModel

/// What makes two sends the same: topic, unique key and body.
///
/// The body counts because clients that send one message object several times keep its key: what differs is never
/// dropped.
struct SendIdentity: ~Escapable {
  let topic: RawSpan
  let key: RawSpan
  let bodyBytes: Int
  let bodyCRC: Int32

  @_lifetime(copy topic, copy key)
  init(topic: RawSpan, key: RawSpan, bodyBytes: Int, bodyCRC: Int32) {
    self.topic = topic
    self.key = key
    self.bodyBytes = bodyBytes
    self.bodyCRC = bodyCRC
  }

  /// Whether a record holds this message, stored at `since` or later: in its topic, or waiting for its delivery to it.
  func isStored(as record: borrowing StoredRecord, since: WallTime) -> Bool {
    guard record.storeTime >= since, record.bodyCRC == bodyCRC, record.body.byteCount == bodyBytes,
      let stored = record.properties.value(of: PropertyName.uniqueKey), stored.equals(key)
    else { return false }
    if record.topic.equals(topic) { return true }
    guard record.isDelayed, let real = record.properties.value(of: PropertyName.realTopic) else { return false }
    return real.equals(topic)
  }
}

extension StoredRecord {
  /// Whether the message waits for its delivery: in a delay level, or until a time of its own, where it was sent. What
  /// was stored anew since and goes on waiting names its source.
  var isDelayed: Bool {
    topic.equals("SCHEDULE_TOPIC_XXXX") || topic.equals("rmq_sys_wheel_timer") && preparedTransactionOffset == 0
  }

  /// The topic that a client sent the message to, if it is one whose repetition would be recognised: not one that the
  /// broker stored by itself, as deliveries, retries and ended transactions are.
  var topicOfSend: RawSpan? {
    @_lifetime(copy self)
    get {
      guard sysFlag.transaction == .none else { return nil }
      let real = properties.value(of: PropertyName.realTopic)
      if isDelayed { return real }
      // A delivered message keeps the name of its topic as a property.
      return real == nil ? topic : nil
    }
  }
}
