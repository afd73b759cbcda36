import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol

/// A message as it goes out: checked, with its id, its properties encoded.
struct OutgoingMessage: Sendable {
  /// How it is sent.
  enum Kind: Hashable, Sendable {
    case single
    case batch
    case reply

    /// The request's code.
    var code: RequestCode {
      switch self {
      case .single: .sendMessageV2
      case .batch: .sendBatchMessage
      case .reply: .sendReplyMessageV2
      }
    }
  }

  /// How it is sent.
  var kind = Kind.single
  /// The topic, namespace included.
  var topic: [UInt8]
  /// The body as sent.
  var body: [UInt8]
  /// The properties as sent.
  var properties: [UInt8]
  /// Compression and transaction.
  var sysFlag: SysFlag
  /// The user's flag.
  var flag: Int32
  /// The id that the producer gave it.
  var messageID: String
  /// The tag, for traces.
  var tag: String?
  /// The keys, separated by spaces, for traces.
  var keys: String?
  /// How often it was consumed without success.
  var reconsumeTimes: Int32 = 0
  /// How often it may be, for messages to a retry topic.
  var maxReconsumeTimes: Int32?
  /// Whether it is delivered later.
  var isDelayed = false

  /// Names that applications may not set: the protocol gives them a meaning of its own.
  static let reserved: Set<String> = [
    "KEYS", "TAGS", "WAIT", "DELAY", "RETRY_TOPIC", "REAL_TOPIC", "REAL_QID", "TRAN_MSG", "PGROUP", "MIN_OFFSET",
    "MAX_OFFSET", "BUYER_ID", "ORIGIN_MESSAGE_ID", "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", "RECONSUME_TIME",
    "MSG_REGION", "TRACE_ON", "UNIQ_KEY", "MAX_RECONSUME_TIMES", "CONSUME_START_TIME", "TRAN_PREPARED_QUEUE_OFFSET",
    "TRANSACTION_CHECK_TIMES", "CHECK_IMMUNITY_TIME_IN_SECONDS", "INSTANCE_ID", "CORRELATION_ID", "REPLY_TO_CLIENT",
    "TTL", "ARRIVE_TIME", "PUSH_REPLY_TIME", "CLUSTER", "MSG_TYPE", "INNER_MULTI_QUEUE_OFFSET", "TIMER_DELIVER_MS",
    "TIMER_DELAY_SEC", "TIMER_DELAY_MS",
  ]

  /// Checks a message and encodes it. `extra` are properties that the producer itself adds.
  init(
    _ message: Message, topic: String, key: [UInt8], extra: [(name: String, value: String)] = [], maxBodyBytes: Int,
    kind: Kind = .single
  ) throws(ClientError) {
    do throws(NameFault) {
      try TopicName.validate(topic)
    } catch {
      throw ClientError(.invalidArgument, "the topic '\(topic)' cannot be used: \(TopicName.remark(error))")
    }
    guard !message.body.isEmpty else { throw ClientError(.invalidArgument, "the message has no body") }
    guard message.body.count <= maxBodyBytes else {
      throw ClientError(
        .messageTooLarge, "the body has \(message.body.count) bytes, more than the \(maxBodyBytes) of maxMessageSize")
    }
    self.kind = kind
    self.topic = Array(topic.utf8)
    body = message.body
    flag = message.flag
    sysFlag = []
    messageID = String(decoding: key, as: UTF8.self)
    tag = message.tag
    keys = message.keys.isEmpty ? nil : message.keys.joined(separator: " ")
    isDelayed = message.delivery != .now
    if extra.isEmpty, message.properties.isEmpty, message.delivery == .now, kind == .single {
      properties = try Self.plain(message, tag, keys, key)
      return
    }
    var pairs = try Self.pairs(of: message)
    // Nobody waits for a reply to be durable: it is of use only now.
    if kind == .reply { pairs.removeAll { $0.name == "WAIT" } }
    pairs += extra
    pairs.append((name: "UNIQ_KEY", value: messageID))
    properties = try Self.encode(pairs)
  }

  /// Compresses the body when it is large enough and becomes smaller.
  mutating func compress(_ configuration: ProducerConfiguration) {
    guard body.count >= configuration.compressionThreshold,
      let smaller = Compression.deflate(body, configuration.compression, level: configuration.compressionLevel)
    else { return }
    body = smaller.body
    sysFlag.formUnion(smaller.flag)
  }

  /// Beyond any delay that a broker has, and what its milliseconds leave room for.
  private static let longestDelay = Duration.seconds(1 << 40)

  private static func pairs(of message: Message) throws(ClientError) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    if let tag = message.tag { pairs.append(("TAGS", tag)) }
    if !message.keys.isEmpty { pairs.append(("KEYS", message.keys.joined(separator: " "))) }
    pairs.append(("WAIT", message.waitsForStore ? "true" : "false"))
    // Java's constructor sets those above before an application sets its own: that decides the order within a place of
    // the map.
    for (name, value) in message.properties.sorted(by: { $0.key < $1.key }) {
      guard !reserved.contains(name) else {
        throw ClientError(.invalidArgument, "the property name '\(name)' belongs to the protocol")
      }
      pairs.append((name, value))
    }
    switch message.delivery {
    case .now: break
    case .level(let level):
      guard level > 0 else { throw ClientError(.invalidArgument, "delay levels begin at 1, this is \(level)") }
      pairs.append(("DELAY", "\(level)"))
    case .after(let duration):
      guard duration < longestDelay else {
        throw ClientError(.invalidArgument, "a delay of \(duration) is longer than brokers can count")
      }
      pairs.append(("TIMER_DELAY_MS", "\(max(0, duration.milliseconds))"))
    case .at(let milliseconds): pairs.append(("TIMER_DELIVER_MS", "\(milliseconds)"))
    }
    return pairs
  }

  /// The properties that most messages have, and no others; the raw value is the name.
  private enum PlainProperty: String, CaseIterable {
    case tags = "TAGS"
    case keys = "KEYS"
    case wait = "WAIT"
    case key = "UNIQ_KEY"

    /// In the order of Java's map, which does not depend on how many of so few there are.
    static let inMapOrder = JavaMapOrder.sorted(allCases.map { (name: $0.rawValue, value: "") })
      .compactMap { PlainProperty(rawValue: $0.name) }
  }

  /// The properties of most messages, as ``encode(_:)`` makes them, without a list of pairs for each.
  private static func plain(
    _ message: Message, _ tag: String?, _ keys: String?, _ key: [UInt8]
  ) throws(ClientError) -> [UInt8] {
    var bytes = ByteWriter(capacity: 128)
    for property in PlainProperty.inMapOrder {
      switch property {
      case .tags: if let tag { try write(property, tag, into: &bytes) }
      case .keys: if let keys { try write(property, keys, into: &bytes) }
      case .wait: try write(property, message.waitsForStore ? "true" : "false", into: &bytes)
      case .key:
        begin(property, into: &bytes)
        bytes.write(key)
      }
    }
    return try checked(bytes.array)
  }

  private static func write(
    _ property: PlainProperty, _ value: String, into bytes: inout ByteWriter
  ) throws(ClientError) {
    try check(property.rawValue, value)
    begin(property, into: &bytes)
    bytes.write(utf8: value)
  }

  private static func begin(_ property: PlainProperty, into bytes: inout ByteWriter) {
    if bytes.count > 0 { bytes.write(MessageProperties.pairSeparator) }
    bytes.write(utf8: property.rawValue)
    bytes.write(MessageProperties.nameValueSeparator)
  }

  private static func check(_ name: String, _ value: String) throws(ClientError) {
    let isWhole = !name.isEmpty && !value.isEmpty
    guard isWhole, !name.utf8.contains(where: { $0 == 1 || $0 == 2 }),
      !value.utf8.contains(where: { $0 == 1 || $0 == 2 })
    else {
      throw ClientError(.invalidArgument, "the property '\(name)' is empty or holds a byte 1 or 2, which separate")
    }
  }

  private static func checked(_ bytes: [UInt8]) throws(ClientError) -> [UInt8] {
    guard bytes.count <= MessageProperties.maximumBytes else {
      throw ClientError(
        .messageTooLarge, "the properties have \(bytes.count) bytes, more than \(MessageProperties.maximumBytes)")
    }
    return bytes
  }

  static func encode(_ pairs: [(name: String, value: String)]) throws(ClientError) -> [UInt8] {
    for (name, value) in pairs { try check(name, value) }
    return try encode(delivered: pairs)
  }

  /// Encodes properties that were read from a message: a value may hold a byte 1 then, which is read the same again.
  static func encode(delivered pairs: [(name: String, value: String)]) throws(ClientError) -> [UInt8] {
    try checked(MessageProperties.encode(JavaMapOrder.sorted(pairs)))
  }
}
