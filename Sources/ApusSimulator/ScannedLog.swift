/// The records of a commit log as its bytes say, read without any code of the store: what the checkers hold the store
/// against.
///
/// The layout is that of
/// apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/CommitLog.java, spelled out once
/// more so that a mistake in the store's own codec does not hide itself.
package struct ScannedLog {
  /// One record.
  package struct Record: Hashable, Sendable {
    /// Where it begins in the log.
    package var offset: Int64
    /// How many bytes it has.
    package var size: Int
    /// The queue.
    package var queueID: Int32
    /// The user's flag.
    package var flag: Int32
    /// The place in the queue.
    package var queueOffset: Int64
    /// The system flag.
    package var sysFlag: Int32
    /// When it was stored, in ms.
    package var storeTime: Int64
    /// How often it was given back.
    package var reconsumeTimes: Int32
    /// The place of the half message, or the complement of a timer's.
    package var preparedTransactionOffset: Int64
    /// The body.
    package var body: [UInt8]
    /// The topic.
    package var topic: String
    /// The encoded properties.
    package var properties: [UInt8]

    /// Behind its last byte.
    package var end: Int64 { offset + Int64(size) }

    /// UNIQ_KEY and the words of KEYS.
    var keys: [String] { ScannedLog.keys(inProperties: properties) }

    /// What the consume queue carries for the tags: Java's hash of TAGS.
    var tagsCode: Int64 {
      for pair in properties.split(separator: 2) where pair.starts(with: Array("TAGS".utf8) + [1]) {
        return Int64(ScannedLog.javaHash(String(decoding: pair.dropFirst(5), as: UTF8.self)))
      }
      return 0
    }
  }

  /// What follows the length of a record.
  private static let recordMagic: UInt32 = 0xDAA3_20A7
  /// What follows the length of the blank that fills a file.
  private static let blankMagic: UInt32 = 0xCBD4_3194
  /// How many bytes a record has besides its body, its topic and its properties, with hosts of IPv4.
  static let leastBytes = 91

  /// The records from the start on, in order.
  package private(set) var records: [Record] = []
  /// Where the first file begins.
  package private(set) var start: Int64 = 0
  /// Behind the last record, or behind the blank that follows it.
  package private(set) var end: Int64 = 0

  /// Reads the files of a log from `minimum` on: up to the first bytes that are neither record nor blank.
  package init(files: [(name: String, bytes: [UInt8])], from minimum: Int64) {
    start = minimum
    end = minimum
    for (name, bytes) in files {
      guard let fileStart = Int64(name), name.utf8.count == 20 else { continue }
      if fileStart + Int64(bytes.count) <= minimum { continue }
      guard fileStart == end || fileStart <= minimum else { return }
      if !scan(bytes, startingAt: fileStart, from: Int(max(0, minimum - fileStart))) { return }
    }
  }

  /// Reads one file; false when the log ends in it.
  private mutating func scan(_ bytes: [UInt8], startingAt fileStart: Int64, from first: Int) -> Bool {
    var position = first
    while position < bytes.count {
      guard bytes.count - position >= 8 else { return false }
      if Self.isBlank(bytes[position...]) {
        end = fileStart + Int64(bytes.count)
        return true
      }
      let size = Int(Self.int32(bytes, position))
      guard UInt32(bitPattern: Self.int32(bytes, position + 4)) == Self.recordMagic, size <= bytes.count - position,
        let record = Self.record(bytes, position, size, fileStart)
      else { return false }
      records.append(record)
      position += size
      end = fileStart + Int64(position)
    }
    return true
  }

  /// Whether the rest of a file begins with the blank that fills it.
  static func isBlank(_ rest: ArraySlice<UInt8>) -> Bool {
    let head = Array(rest.prefix(8))
    return head.count == 8 && int32(head, 0) == rest.count && UInt32(bitPattern: int32(head, 4)) == blankMagic
  }

  /// The record that `bytes` are, all of them; nil when they are none that lies at `offset`.
  package static func record(_ bytes: [UInt8], at offset: Int64) -> Record? {
    guard bytes.count >= leastBytes, Int(int32(bytes, 0)) == bytes.count else { return nil }
    return record(bytes, 0, bytes.count, offset)
  }

  /// The records that bytes are one after the other, each at the offset that it names; nil when they are anything else.
  package static func records(in bytes: [UInt8]) -> [Record]? {
    var records: [Record] = []
    var position = 0
    while position < bytes.count {
      guard bytes.count - position >= leastBytes else { return nil }
      let size = Int(int32(bytes, position))
      guard size <= bytes.count - position,
        let record = record(bytes, position, size, int64(bytes, position + 28) - Int64(position))
      else { return nil }
      records.append(record)
      position += size
    }
    return records
  }

  private static func record(_ bytes: [UInt8], _ start: Int, _ size: Int, _ fileStart: Int64) -> Record? {
    guard size >= leastBytes else { return nil }
    let sysFlag = int32(bytes, start + 36)
    let bornHost = sysFlag & 0x10 == 0 ? 8 : 20
    let storeHost = sysFlag & 0x20 == 0 ? 8 : 20
    var position = start + 68 + bornHost + storeHost
    let limit = start + size
    func take(_ count: Int) -> [UInt8]? {
      guard count >= 0, position + count <= limit else { return nil }
      defer { position += count }
      return Array(bytes[position..<position + count])
    }
    guard let bodyLength = take(4), let body = take(Int(int32(bodyLength, 0))), let topicLength = take(1),
      let topic = take(Int(topicLength[0])), let propertiesLength = take(2),
      let properties = take(Int(propertiesLength[0]) << 8 | Int(propertiesLength[1])), position == limit,
      int64(bytes, start + 28) == fileStart + Int64(start), body.isEmpty || crc(body) == int32(bytes, start + 8)
    else { return nil }
    return Record(
      offset: fileStart + Int64(start), size: size, queueID: int32(bytes, start + 12), flag: int32(bytes, start + 16),
      queueOffset: int64(bytes, start + 20), sysFlag: sysFlag, storeTime: int64(bytes, start + 48 + bornHost),
      reconsumeTimes: int32(bytes, start + 56 + bornHost + storeHost),
      preparedTransactionOffset: int64(bytes, start + 60 + bornHost + storeHost),
      body: body, topic: String(decoding: topic, as: UTF8.self), properties: properties)
  }

  /// UNIQ_KEY and the words of KEYS in encoded properties.
  static func keys(inProperties properties: [UInt8]) -> [String] {
    var keys: [String] = []
    for pair in properties.split(separator: 2) {
      let parts = pair.split(separator: 1, maxSplits: 1)
      guard parts.count == 2 else { continue }
      let value = String(decoding: parts[1], as: UTF8.self)
      switch String(decoding: parts[0], as: UTF8.self) {
      case "UNIQ_KEY": keys.append(value)
      case "KEYS": keys += value.split(separator: " ").map(String.init)
      default: break
      }
    }
    return keys
  }

  private static func int32(_ bytes: [UInt8], _ position: Int) -> Int32 {
    Int32(bitPattern: bytes[position..<position + 4].reduce(0) { $0 << 8 | UInt32($1) })
  }

  private static func int64(_ bytes: [UInt8], _ position: Int) -> Int64 {
    Int64(bitPattern: bytes[position..<position + 8].reduce(0) { $0 << 8 | UInt64($1) })
  }

  private static let crcTable: [UInt32] = (0..<256 as Range<UInt32>).map { byte in
    (0..<8).reduce(byte) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
  }

  /// CRC-32 of a body without its highest bit, as RocketMQ stores it.
  private static func crc(_ bytes: [UInt8]) -> Int32 {
    let value = ~bytes.reduce(UInt32.max) { crcTable[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    return Int32(bitPattern: value & 0x7FFF_FFFF)
  }

  /// Java's hash of an ASCII text.
  static func javaHash(_ text: String) -> Int32 { text.utf8.reduce(0) { $0 &* 31 &+ Int32($1) } }

  /// The hash of a key in the index.
  static func indexHash(topic: String, key: String) -> Int32 {
    let hash = javaHash(topic + "#" + key)
    return hash == .min ? 0 : abs(hash)
  }
}
