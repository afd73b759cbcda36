import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// A message as it was delivered.
public struct ReceivedMessage: Hashable, Sendable {
  /// Where a message came from or is stored.
  enum Host: Hashable, Sendable {
    case address(HostAddress)
    case text(String)

    var text: String {
      switch self {
      case .address(let address): "\(address)"
      case .text(let text): text
      }
    }
  }

  /// All that a message holds.
  struct Contents: Hashable, Sendable {
    var topic: String
    var body: [UInt8]
    var properties: ReceivedProperties
    var flag: Int32
    var queue: MessageQueue
    var queueOffset: Int64
    var commitLogOffset: Int64
    var bornMilliseconds: Int64
    var storeMilliseconds: Int64
    var born: Host
    var store: Host
    var reconsumeTimes: Int32
    var systemFlag: Int32
    var bodyCRC: Int32
    var storeBytes: Int
    var preparedTransactionOffset: Int64
  }

  /// Shared by the copies of a message, so that handing it on costs one reference; nobody changes it while it is.
  private final class Shared: @unchecked Sendable {
    var contents: Contents

    init(_ contents: Contents) { self.contents = contents }
  }

  private var shared: Shared

  init(_ contents: Contents) { shared = Shared(contents) }

  private var contents: Contents {
    _read { yield shared.contents }
    _modify {
      if !isKnownUniquelyReferenced(&shared) { shared = Shared(shared.contents) }
      yield &shared.contents
    }
  }

  /// The topic; of a retried message the one it was first sent to.
  public internal(set) var topic: String {
    get { contents.topic }
    set { contents.topic = newValue }
  }
  /// The content, decompressed.
  public var body: [UInt8] { contents.body }
  /// All properties, those of the protocol included.
  public internal(set) var properties: ReceivedProperties {
    get { contents.properties }
    _modify { yield &contents.properties }
  }
  /// The number of the application's own.
  public var flag: Int32 { contents.flag }
  /// The queue that it was taken from.
  public var queue: MessageQueue { contents.queue }
  /// Its place in the queue, from 0.
  public var queueOffset: Int64 { contents.queueOffset }
  /// The id that its producer gave it, or the broker's where there is none.
  public var messageID: String { contents.properties["UNIQ_KEY"] ?? offsetMessageID }
  /// The id that the broker gave it, which tells where it is stored; empty for one that is not, as a reply.
  public var offsetMessageID: String {
    guard case .address(let host) = contents.store else { return "" }
    return "\(MessageID(host: host, offset: PhysicalOffset(contents.commitLogOffset)))"
  }
  /// Where its record lies in the broker's log, in bytes.
  public internal(set) var commitLogOffset: Int64 {
    get { contents.commitLogOffset }
    set { contents.commitLogOffset = newValue }
  }
  /// When its producer made it, in milliseconds since 1970.
  public var bornMilliseconds: Int64 { contents.bornMilliseconds }
  /// When the broker stored it, in milliseconds since 1970.
  public var storeMilliseconds: Int64 { contents.storeMilliseconds }
  /// The producer's address, `host:port`.
  public var bornHost: String { contents.born.text }
  /// The broker's address, `host:port`.
  public var storeHost: String { contents.store.text }
  /// How often it was consumed without success before: 0 the first time.
  public internal(set) var reconsumeTimes: Int32 {
    get { contents.reconsumeTimes }
    set { contents.reconsumeTimes = newValue }
  }
  /// RocketMQ's `sysFlag` as stored: compression, transaction, kinds of addresses.
  public var systemFlag: Int32 { contents.systemFlag }
  /// The CRC-32 of the body as stored.
  public var bodyCRC: Int32 { contents.bodyCRC }
  /// How many bytes its record takes in the log.
  public var storeBytes: Int { contents.storeBytes }
  /// Where the half message of its transaction lies; 0 for none.
  public var preparedTransactionOffset: Int64 { contents.preparedTransactionOffset }

  /// Whether both are the same message with the same content.
  public static func == (left: ReceivedMessage, right: ReceivedMessage) -> Bool {
    left.shared === right.shared || left.contents == right.contents
  }

  /// Hashes the content.
  public func hash(into hasher: inout Hasher) { hasher.combine(contents) }

  /// What subscriptions select by (TAGS); nil for none.
  public var tag: String? { properties["TAGS"] }
  /// The words by which it can be found (KEYS).
  public var keys: [String] {
    // By bytes: a character that combines with the space before it is the word's first one.
    let words = properties["KEYS"]?.utf8.split(separator: UInt8(ascii: " ")) ?? []
    return words.map { String(decoding: $0, as: UTF8.self) }
  }
  /// The content read as UTF-8; what is not is replaced by U+FFFD.
  public var text: String { String(decoding: body, as: UTF8.self) }
  /// The id of its transaction; of other messages the one that their producer gave them, nil without one.
  public var transactionID: String? { properties["__transactionId__"] ?? properties["UNIQ_KEY"] }

  /// The largest body that a compressed one may become.
  static let inflationLimit = 64 << 20
  /// How many bytes the bodies of one answer become before the compressed ones that follow are left for the next: an
  /// answer of a few KiB could otherwise fill the memory. At most ``inflationLimit`` is added to it.
  static let inflationBudget = 64 << 20

  /// Reads a stored record that was pulled from a queue of a broker group. `queue` is that of the message before it,
  /// which most often is this one's too.
  init(
    _ record: borrowing StoredRecord, broker: String, like queue: MessageQueue? = nil
  ) throws(DecodeError) {
    guard record.bodyMatchesCRC else {
      throw DecodeError(field: "body", offset: 84, reason: "does not match its CRC")
    }
    let own: MessageQueue
    if let queue, queue.queueID == record.queueID, record.topic.equals(utf8: queue.topic) {
      own = queue
    } else {
      own = MessageQueue(topic: record.topic.text, brokerName: broker, queueID: record.queueID)
    }
    self.init(
      Contents(
        topic: own.topic, body: try Compression.inflate(record.body, record.sysFlag, limit: Self.inflationLimit),
        properties: ReceivedProperties(record.properties.bytes.array), flag: record.flag, queue: own,
        queueOffset: record.queueOffset.rawValue, commitLogOffset: record.physicalOffset.rawValue,
        bornMilliseconds: record.bornTime.milliseconds, storeMilliseconds: record.storeTime.milliseconds,
        born: .address(record.bornHost), store: .address(record.storeHost), reconsumeTimes: record.reconsumeTimes,
        systemFlag: record.sysFlag.rawValue, bodyCRC: record.bodyCRC, storeBytes: record.size,
        preparedTransactionOffset: record.preparedTransactionOffset))
  }

  /// How often it was consumed without success once this try is one of those. A broker may have stored any number.
  var triesWithThis: Int32 { reconsumeTimes < .max ? reconsumeTimes + 1 : .max }

  /// The message under the name that the application knows: of a retried one that of its first topic.
  mutating func takeOriginalTopic(namespace: String) {
    let stored = topic.hasPrefix("%RETRY%") ? properties["RETRY_TOPIC"] ?? topic : topic
    topic = Namespace.unwrap(stored, from: namespace)
  }

  /// Reads the records of a pull's answer. One that cannot be read is left out and named. Once the compressed ones have
  /// become `budget` bytes, the next of them and what follows it is left for another answer: `next` is its offset.
  static func read(
    _ bytes: RawSpan, broker: String, budget: Int = Self.inflationBudget, _ damaged: (DecodeError) -> Void
  ) -> (messages: [ReceivedMessage], next: Int64?) {
    var messages: [ReceivedMessage] = []
    var rest = bytes
    var inflatedBytes = 0
    while rest.byteCount > 0 {
      do throws(DecodeError) {
        let record = try StoredRecord(rest)
        let isCompressed = record.sysFlag.contains(.compressed)
        if isCompressed, inflatedBytes >= budget { return (messages, record.queueOffset.rawValue) }
        rest = rest.extracting(record.size..<rest.byteCount)
        do throws(DecodeError) {
          let message = try ReceivedMessage(record, broker: broker, like: messages.last?.queue)
          if isCompressed { inflatedBytes += message.body.count }
          messages.append(message)
        } catch {
          // It may have cost as much before it was given up.
          if isCompressed { inflatedBytes += inflationLimit }
          damaged(error)
        }
      } catch {
        damaged(error)
        return (messages, nil)
      }
    }
    return (messages, nil)
  }
}
