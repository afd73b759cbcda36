public import ApusBase

/// What a dead letter says of its origin, beyond what RocketMQ 4.9.8 stores: with the names of RocketMQ 5 where it has
/// any. What does not fit the properties is left out; a dead letter is never lost for it.
public enum DeadLetter {
  /// Why a message is dead.
  @frozen
  public enum Reason: Sendable {
    /// It was tried as often as it may be.
    case triedTooOften
    /// Its consumer asked for it: a negative delay level.
    case givenUp

    /// The value of DLQ_REASON.
    @inlinable public var text: StaticString {
      switch self {
      case .triedTooOften: "MAX_RECONSUME_TIMES"
      case .givenUp: "GIVEN_UP_BY_CONSUMER"
      }
    }
  }

  /// Where the message was first stored, as far as that is known.
  public struct Origin: Sendable {
    /// The topic.
    public var topic: String?
    /// The offset id of the first record, or what a client calls so.
    public var messageID: String?
    /// The queue.
    public var queueID: Int32?
    /// The place in the queue.
    public var queueOffset: Int64?

    /// Nothing known.
    public init(topic: String? = nil, messageID: String? = nil, queueID: Int32? = nil, queueOffset: Int64? = nil) {
      self.topic = topic
      self.messageID = messageID
      self.queueID = queueID
      self.queueOffset = queueOffset
    }
  }

  /// Appends reason and origin to encoded pairs that a writer holds from `start` on.
  public static func append(_ reason: Reason, _ origin: Origin, into writer: inout ByteWriter, after start: Int) {
    var reasonText = ByteWriter(capacity: 32)
    reasonText.write(reason.text)
    append(PropertyName.deadLetterReason, reasonText.array, into: &writer, after: start)
    append(PropertyName.deadLetterOriginTopic, origin.topic, into: &writer, after: start)
    append(PropertyName.deadLetterOriginMessageID, origin.messageID, into: &writer, after: start)
    append(PropertyName.deadLetterOriginQueueID, origin.queueID.map { "\($0)" }, into: &writer, after: start)
    append(PropertyName.deadLetterOriginQueueOffset, origin.queueOffset.map { "\($0)" }, into: &writer, after: start)
  }

  /// Appends what a message stores that its consumer sent to the retry topic itself once too often: the readable pairs
  /// but those that a plain send drops, DELAY=0, and what is known of its origin.
  public static func write(
    _ properties: borrowing MessageProperties, reason: Reason, cluster: RawSpan, into writer: inout ByteWriter
  ) {
    let start = writer.count
    properties.write(
      into: &writer, removing: PropertyName.wait, PropertyName.cluster, PropertyName.delay,
      PropertyName.lightQueueOffsets,
      PropertyName.deadLetterReason, PropertyName.deadLetterOriginTopic, PropertyName.deadLetterOriginMessageID)
    MessageProperties.append(PropertyName.cluster, cluster, into: &writer, after: start)
    let none: [UInt8] = [UInt8(ascii: "0")]
    MessageProperties.append(PropertyName.delay, none.rawSpan, into: &writer, after: start)
    var origin = Origin()
    if let topic = properties.value(of: PropertyName.retryTopic) { origin.topic = topic.text }
    if let id = properties.value(of: PropertyName.originMessageID) { origin.messageID = id.text }
    append(reason, origin, into: &writer, after: start)
  }

  private static func append(
    _ name: StaticString, _ value: String?, into writer: inout ByteWriter, after start: Int
  ) {
    if let value { append(name, Array(value.utf8), into: &writer, after: start) }
  }

  private static func append(_ name: StaticString, _ value: [UInt8], into writer: inout ByteWriter, after start: Int) {
    let bytes = name.utf8CodeUnitCount + value.count + 2
    guard writer.count - start + bytes <= MessageProperties.maximumBytes else { return }
    MessageProperties.append(name, value.rawSpan, into: &writer, after: start)
  }
}
