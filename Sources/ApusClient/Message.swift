import ApusModel

/// A message to be sent.
public struct Message: Hashable, Sendable {
  /// When a message becomes visible to consumers.
  public enum Delivery: Hashable, Sendable {
    /// At once.
    case now
    /// After the time of one of the broker's delay levels, 1…18 unless configured otherwise.
    case level(Int)
    /// After a time, in milliseconds precision; brokers that know exact delays only.
    case after(Duration)
    /// At a moment, in milliseconds since 1970; brokers that know exact delays only.
    case at(milliseconds: Int64)
  }

  /// The topic: 1…127 letters, digits, `_`, `-`, `%` and `|`.
  public var topic: String
  /// The content, up to `maxMessageSize` bytes.
  public var body: [UInt8]
  /// What subscriptions select by (TAGS); one word without spaces or `|`.
  public var tag: String?
  /// Words by which the message can be found (KEYS), without spaces.
  public var keys: [String]
  /// Further properties. Names that the protocol uses are refused when the message is sent.
  public var properties: [String: String]
  /// A number of the application's own.
  public var flag: Int32
  /// When consumers see it.
  public var delivery: Delivery
  /// Whether the broker answers only when the message is as safe as its mode promises (WAIT).
  public var waitsForStore: Bool

  /// Describes a message.
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
