import ApusModel

/// A message to be sent.
public struct Message: Hashable, Sendable {
  /// When a message becomes visible to consumers.
  public enum Delivery: Hashable, Sendable {
    /// At once.
    case now
    /// After the time of one of the broker's delay levels, from 1 on: 18 of 1 s to 2 h unless `messageDelayLevel` says
    /// otherwise. A level above the last counts as the last.
    case level(Int)
    /// After a time, to the millisecond. Apus takes up to 40 days, RocketMQ 5 up to 3; RocketMQ 4 delivers at once.
    case after(Duration)
    /// At a moment, in milliseconds since 1970; as ``after(_:)``. A moment that is past means at once.
    case at(milliseconds: Int64)
  }

  /// The topic: 1…127 letters, digits, `_`, `-`, `%` and `|`.
  public var topic: String
  /// The content: 1 byte to ``ProducerConfiguration/maxMessageBytes``, and no more than the broker's `maxMessageSize`.
  public var body: [UInt8]
  /// What subscriptions select by (TAGS): one word without spaces or `|`; nil for none.
  public var tag: String?
  /// Words by which the message can be found (KEYS), without spaces. Each costs the broker an entry of its index.
  public var keys: [String]
  /// Further properties. Names that the protocol uses are refused with ``ClientError/Code/invalidArgument`` when the
  /// message is sent. All properties, encoded, take at most 32,767 bytes.
  public var properties: [String: String]
  /// A number of the application's own, passed on as it is.
  public var flag: Int32
  /// When consumers see it.
  public var delivery: Delivery
  /// Whether the broker answers only when the message is as safe as its mode promises (WAIT); else as soon as it is in
  /// the log's memory.
  public var waitsForStore: Bool

  /// Describes a message. It is checked when it is sent.
  public init(
    topic: String, body: [UInt8], tag: String? = nil, keys: [String] = [], properties: [String: String] = [:],
    flag: Int32 = 0, delivery: Delivery = .now, waitsForStore: Bool = true
  ) {
    self.topic = topic
    self.body = body
    self.tag = tag
    self.keys = keys
    self.properties = properties
    self.flag = flag
    self.delivery = delivery
    self.waitsForStore = waitsForStore
  }

  /// Describes a message whose content is text, sent as UTF-8.
  public init(
    topic: String, text: String, tag: String? = nil, keys: [String] = [], properties: [String: String] = [:],
    flag: Int32 = 0, delivery: Delivery = .now, waitsForStore: Bool = true
  ) {
    self.init(
      topic: topic, body: Array(text.utf8), tag: tag, keys: keys, properties: properties, flag: flag,
      delivery: delivery, waitsForStore: waitsForStore)
  }
}
