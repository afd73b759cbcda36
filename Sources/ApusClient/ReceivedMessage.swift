import ApusBase
import ApusClientCore
public import ApusModel
import ApusProtocol
import ApusSystem

/// A message as it was delivered.
public struct ReceivedMessage: Hashable, Sendable {
  /// The topic; of a retried message the one it was first sent to.
  public internal(set) var topic: String
  /// The content, decompressed.
  public internal(set) var body: [UInt8]
  /// All properties, those of the protocol included.
  public internal(set) var properties: [String: String]
  /// The number of the application's own.
  public internal(set) var flag: Int32
  /// The queue that it was taken from.
  public internal(set) var queue: MessageQueue
  /// Its place in the queue.
  public internal(set) var queueOffset: Int64
  /// The id that its producer gave it, or the broker's where there is none.
  public internal(set) var messageID: String
  /// The id that the broker gave it, which tells where it is stored.
  public internal(set) var offsetMessageID: String
  /// Where its record lies in the broker's log.
  public internal(set) var commitLogOffset: Int64
  /// When its producer made it, in milliseconds since 1970.
  public internal(set) var bornMilliseconds: Int64
  /// When the broker stored it, in milliseconds since 1970.
  public internal(set) var storeMilliseconds: Int64
  /// The producer's address.
  public internal(set) var bornHost: String
  /// The broker's address.
  public internal(set) var storeHost: String
  /// How often it was consumed without success before.
  public internal(set) var reconsumeTimes: Int32
  /// The system's flags, as stored.
  public internal(set) var systemFlag: Int32
  /// The CRC-32 of the body as stored.
  public internal(set) var bodyCRC: Int32
  /// How many bytes its record takes.
  public internal(set) var storeBytes: Int
  /// Where the half message of its transaction lies; 0 for none.
  public internal(set) var preparedTransactionOffset: Int64

  /// What subscriptions select by.
  public var tag: String? { properties["TAGS"] }
  /// The words by which it can be found.
  public var keys: [String] { properties["KEYS"]?.split(separator: " ").map(String.init) ?? [] }
  /// The content read as UTF-8.
  public var text: String { String(decoding: body, as: UTF8.self) }
  /// The id of its transaction.
  public var transactionID: String? { properties["__transactionId__"] ?? properties["UNIQ_KEY"] }

  /// The largest body that a compressed one may become.
  static let inflationLimit = 64 << 20

  /// Reads a stored record that was pulled from a queue of a broker group.
  init(_ record: borrowing StoredRecord, broker: String) throws(DecodeError) {
    topic = record.topic.text
    properties = record.properties.dictionary
    flag = record.flag
    queue = MessageQueue(topic: topic, brokerName: broker, queueID: record.queueID)
    queueOffset = record.queueOffset.rawValue
    offsetMessageID = "\(record.id)"
    messageID = properties["UNIQ_KEY"] ?? offsetMessageID
    commitLogOffset = record.physicalOffset.rawValue
    bornMilliseconds = record.bornTime.milliseconds
    storeMilliseconds = record.storeTime.milliseconds
    bornHost = "\(record.bornHost)"
    storeHost = "\(record.storeHost)"
    reconsumeTimes = record.reconsumeTimes
    systemFlag = record.sysFlag.rawValue
    bodyCRC = record.bodyCRC
    storeBytes = record.size
    preparedTransactionOffset = record.preparedTransactionOffset
    guard record.bodyMatchesCRC else {
      throw DecodeError(field: "body", offset: 84, reason: "does not match its CRC")
    }
    body = try Compression.inflate(record.body, record.sysFlag, limit: Self.inflationLimit)
  }

  /// How often it was consumed without success once this try is one of those. A broker may have stored any number.
  var triesWithThis: Int32 { reconsumeTimes < .max ? reconsumeTimes + 1 : .max }

  /// The message under the name that the application knows: of a retried one that of its first topic.
  mutating func takeOriginalTopic(namespace: String) {
    let stored = topic.hasPrefix("%RETRY%") ? properties["RETRY_TOPIC"] ?? topic : topic
    topic = Namespace.unwrap(stored, from: namespace)
  }

  /// Reads the records of a pull's answer. One that cannot be read is left out and named.
  static func read(_ bytes: RawSpan, broker: String, _ damaged: (DecodeError) -> Void) -> [ReceivedMessage] {
    var messages: [ReceivedMessage] = []
    var rest = bytes
    while rest.byteCount > 0 {
      do throws(DecodeError) {
        let record = try StoredRecord(rest)
        rest = rest.extracting(record.size..<rest.byteCount)
        do throws(DecodeError) {
          messages.append(try ReceivedMessage(record, broker: broker))
        } catch {
          damaged(error)
        }
      } catch {
        damaged(error)
        return messages
      }
    }
    return messages
  }
}
