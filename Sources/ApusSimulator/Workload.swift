import ApusBase
import ApusModel

/// Makes messages from a seed: a few topics and queues, bodies from nothing to the size of a file, tags, keys and
/// unique keys.
struct Workload {
  /// One message to be sent.
  struct Draft {
    var id: Int
    var flag: Int32
    var body: [UInt8]
    var properties: [UInt8]

    /// An item of a batch body: size, magic, CRC, flag, body, properties.
    var batchItem: [UInt8] {
      var writer = ByteWriter()
      writer.write(Int32(22 + body.count + properties.count))
      writer.write(Int32(0))
      writer.write(Int32(0))
      writer.write(flag)
      writer.write(Int32(body.count))
      writer.write(body)
      writer.write(Int16(properties.count))
      writer.write(properties)
      return writer.array
    }
  }

  /// Messages for one queue, sent at once.
  struct Send {
    var queue: SentMessages.Queue
    var messages: [Draft]
    var isBatch: Bool
  }

  /// The topics that messages go to.
  static let topics = ["Orders", "T", "Payments_with_a_longer_name"]

  /// Bodies are at most this long; longer ones come when a file has room for few of them.
  let largestBody: Int
  private var nextID = 1

  init(logFileBytes: Int) { largestBody = logFileBytes / 3 }

  mutating func next(using random: inout SeededGenerator) -> Send {
    let queue = SentMessages.Queue(
      topic: Self.topics.randomElement(using: &random) ?? "T",
      id: Int32.random(in: 0..<3, using: &random))
    let isBatch = random.chance(1, in: 8)
    let count = isBatch ? Int.random(in: 1...5, using: &random) : 1
    return Send(queue: queue, messages: (0..<count).map { _ in draft(using: &random) }, isBatch: isBatch)
  }

  private mutating func draft(using random: inout SeededGenerator) -> Draft {
    defer { nextID += 1 }
    var size = Int.random(in: 0...200, using: &random)
    if random.chance(1, in: 20) { size = Int.random(in: 0...largestBody, using: &random) }
    var body = withBytes(of: Int64(nextID))
    while body.count < size { body.append(UInt8.random(in: 0...255, using: &random)) }
    var properties: [(name: String, value: String)] = []
    if random.chance(3, in: 4) { properties.append(("UNIQ_KEY", "7F000001\(nextID)")) }
    if random.chance(1, in: 2) { properties.append(("TAGS", "Tag\(Int.random(in: 0...3, using: &random))")) }
    if random.chance(1, in: 2) {
      let words = (0..<Int.random(in: 1...4, using: &random)).map { _ in "k\(Int.random(in: 0..<40, using: &random))" }
      properties.append(("KEYS", words.joined(separator: " ")))
    }
    return Draft(
      id: nextID, flag: Int32(truncatingIfNeeded: nextID), body: body, properties: MessageProperties.encode(properties))
  }

  private func withBytes(of value: Int64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
  }
}
