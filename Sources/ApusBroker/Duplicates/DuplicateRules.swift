import ApusBase
import ApusModel

/// When a send is taken for a repetition: `dedupWindowMillis` and `dedupTopics`.
package struct DuplicateRules: Hashable, Sendable {
  /// Which topics are looked after.
  package enum Topics: Hashable, Sendable {
    /// All but retry and dead-letter topics.
    case all
    /// These.
    case named(Set<String>)

    /// Reads names separated by semicolons; `*` stands for all.
    init(_ text: String) {
      let names = text.split(separator: ";").map { String($0).filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
      self = names.contains("*") ? .all : .named(Set(names))
    }
  }

  /// For how long a message is remembered; zero for never.
  package var window: Duration = .zero
  /// For which topics.
  package var topics: Topics = .all

  /// Whether sends are looked at.
  package var isOn: Bool { window > .zero }

  /// A message that was stored before this is forgotten.
  func begin(_ now: WallTime) -> WallTime { WallTime(milliseconds: now.milliseconds - window.nanoseconds / 1_000_000) }

  /// Whether a topic is looked after. Messages that consumers give back and dead letters never are: the same message is
  /// stored there time and again.
  func covers(_ topic: String) -> Bool {
    guard isOn, !topic.hasPrefix(SystemTopics.retryPrefix), !topic.hasPrefix(SystemTopics.deadLetterPrefix) else {
      return false
    }
    switch topics {
    case .all: return true
    case .named(let names): return names.contains(topic)
    }
  }
}

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
