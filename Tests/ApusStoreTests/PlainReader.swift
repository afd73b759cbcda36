import Foundation

/// Reads a store's files with nothing of the store's own code: what Java's layouts say, in the plainest way. Every read
/// traps outside of the file, and `check` says what is wrong.
struct PlainReader {
  struct Message: Equatable {
    var offset: Int
    var size: Int
    var topic: String
    var queue: Int
    var queueOffset: Int
    var storeTime: Int
    var tagsCode: Int
    var body: [UInt8]
  }

  struct Unit: Equatable {
    var offset: Int
    var size: Int
    var tagsCode: Int
  }

  let root: String

  static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    var value: UInt64 = bytes.first.map { $0 >= 0x80 ? UInt64.max : 0 } ?? 0
    for byte in bytes { value = value << 8 | UInt64(byte) }
    return Int(Int64(bitPattern: value))
  }

  static func javaHash(_ text: String) -> Int {
    var hash: Int32 = 0
    for unit in text.utf16 { hash = hash &* 31 &+ Int32(unit) }
    return Int(hash)
  }

  func files(_ directory: String) throws -> [(start: Int, bytes: [UInt8])] {
    try FileManager.default.contentsOfDirectory(atPath: root + "/" + directory).sorted().compactMap { name in
      guard let start = Int(name), name.count == 20 else { return nil }
      return (start, Array(try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(directory)/\(name)"))))
    }
  }

  /// All messages of the log in order, up to the first zeroes of the last file.
  func messages() throws -> [Message] {
    var all: [Message] = []
    for (start, bytes) in try files("commitlog") {
      var position = 0
      while position + 8 <= bytes.count {
        let size = Self.number(bytes[position..<position + 4])
        let magic = Self.number(bytes[position + 4..<position + 8])
        if magic == -875_286_124 {
          guard position + size == bytes.count else { throw CocoaError(.fileReadCorruptFile) }
          break
        }
        if size == 0, magic == 0 { break }
        guard magic == -626_843_481 else { throw CocoaError(.fileReadCorruptFile) }
        all.append(try message(Array(bytes[position..<position + size]), at: start + position))
        position += size
      }
    }
    return all
  }

  func message(_ record: [UInt8], at offset: Int) throws -> Message {
    func int(_ at: Int, _ width: Int) -> Int { Self.number(record[at..<at + width]) }
    let flags = int(36, 4)
    let born = flags & 0x10 == 0 ? 8 : 20
    let store = flags & 0x20 == 0 ? 8 : 20
    var at = 68 + born + store
    let bodyBytes = int(at, 4)
    let body = Array(record[at + 4..<at + 4 + bodyBytes])
    at += 4 + bodyBytes
    let topicBytes = int(at, 1)
    let topic = String(decoding: record[at + 1..<at + 1 + topicBytes], as: UTF8.self)
    at += 1 + topicBytes
    let propertiesBytes = int(at, 2)
    at += 2
    guard at + propertiesBytes == record.count, int(28, 8) == offset, int(0, 4) == record.count else {
      throw CocoaError(.fileReadCorruptFile)
    }
    var properties: [String: String] = [:]
    for pair in record[at...].split(separator: 2) {
      let parts = pair.split(separator: 1, maxSplits: 1)
      if parts.count == 2 {
        properties[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
      }
    }
    return Message(
      offset: offset, size: record.count, topic: topic, queue: int(12, 4), queueOffset: int(20, 8),
      storeTime: int(48 + born, 8), tagsCode: properties["TAGS"].map(Self.javaHash) ?? 0, body: body)
  }

  /// All written units of a queue by queue offset.
  func units(_ topic: String, _ queue: Int) throws -> [Int: Unit] {
    var units: [Int: Unit] = [:]
    for (start, bytes) in try files("consumequeue/\(topic)/\(queue)") {
      for position in stride(from: 0, to: bytes.count, by: 20) {
        let unit = Unit(
          offset: Self.number(bytes[position..<position + 8]), size: Self.number(bytes[position + 8..<position + 12]),
          tagsCode: Self.number(bytes[position + 12..<position + 20]))
        if unit.size > 0 { units[(start + position) / 20] = unit }
      }
    }
    return units
  }
}

/// SHA-256 as FIPS 180-4 describes it, for comparing with recorded digests.
func sha256(_ message: [UInt8]) -> String {
  func root(_ n: Double, _ power: Double) -> UInt32 {
    let value = pow(n, power)
    return UInt32((value - floor(value)) * 4_294_967_296)
  }
  let primes = (2...311).filter { n in !(2..<n).contains { $0 * $0 <= n && n % $0 == 0 } }
  let k = primes.prefix(64).map { root(Double($0), 1.0 / 3.0) }
  var h = primes.prefix(8).map { root(Double($0), 0.5) }
  var bytes = message + [0x80]
  while bytes.count % 64 != 56 { bytes.append(0) }
  let bits = UInt64(message.count * 8)
  for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
  func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
  for start in stride(from: 0, to: bytes.count, by: 64) {
    var w = (0..<16).map { word in
      bytes[start + word * 4..<start + word * 4 + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    for i in 16..<64 {
      let a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3
      let b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10
      w.append(w[i - 16] &+ a &+ w[i - 7] &+ b)
    }
    var v = h
    for i in 0..<64 {
      let s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
      let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
      let t1 = v[7] &+ s1 &+ choice &+ k[i] &+ w[i]
      let s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
      let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
      v = [t1 &+ s0 &+ majority, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
    }
    for i in 0..<8 { h[i] = h[i] &+ v[i] }
  }
  return h.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}
