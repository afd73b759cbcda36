/// Every message that a store took, and what of the log was damaged since: the truth that a store on a disk that lies
/// is held against.
struct DamagedMessages {
  /// Where a body begins in a record whose hosts are IPv4.
  private static let bodyStart = 88
  /// Where the time of storing lies in such a record.
  private static let storeTime: Range<Int64> = 56..<64

  private(set) var all: [SentMessages.Message] = []
  /// Offsets of bytes of the log that are not what was written.
  private var damage: Set<Int64> = []
  /// Entries of queue files that are not what was written.
  private var entries: [SentMessages.Queue: Set<Int64>] = [:]
  /// Messages of before a removal of their topic, by their number.
  private var removed: Set<Int> = []
  /// Those of them that may come back, as the record of the removal was damaged.
  private var mayComeBack: Set<Int> = []
  /// Whether damaged messages were forgotten.
  private var hasForgotten = false
  /// Whether an index file was changed or removed, or a time of storing that one was made with: none has a checksum.
  var isIndexDamaged = false

  /// The queues, in order.
  var queues: [SentMessages.Queue] {
    Set(all.map { SentMessages.Queue(topic: $0.topic, id: $0.queueID) }).sorted()
  }

  var touchedCount: Int { all.count(where: isTouched) }

  mutating func add(_ message: SentMessages.Message) {
    all.append(message)
  }

  /// The byte at a log offset is not what was written.
  mutating func touch(_ offset: Int64) {
    damage.insert(offset)
    if let message = all.last(where: { $0.offset <= offset }), Self.storeTime.contains(offset - message.offset) {
      isIndexDamaged = true
    }
  }

  /// A topic was removed: nothing that it has may be read any more.
  mutating func remove(topic: String) {
    let taken = all.filter { $0.topic == topic }.map(\.id)
    removed.formUnion(taken)
    mayComeBack.subtract(taken)
  }

  /// The record of removed topics was damaged: what they had may come back, and goes again only with a removal.
  mutating func forgetRemovals() { mayComeBack.formUnion(removed) }

  /// Whether messages of before a removal may be back in a queue, and damaged ones do not tell where those end and the
  /// later ones begin: who has a place then is anybody's guess. Those of other queues count, too, as a damaged record
  /// may name this one, and so do those that are gone with the log's end.
  func isMixedUp(_ queue: SentMessages.Queue) -> Bool {
    let all = all.filter { $0.topic == queue.topic }
    guard all.contains(where: { $0.queueID == queue.id && mayComeBack.contains($0.id) }) else { return false }
    return hasForgotten || all.contains(where: isTouched)
  }

  mutating func touchEntry(of queue: SentMessages.Queue, at offset: Int64) {
    entries[queue, default: []].insert(offset)
  }

  /// The log ends here since a start: damaged messages that lay at its end are gone, and others will take their place.
  mutating func forgetDamaged(from end: Int64) {
    let before = all.count
    all = all.filter { $0.end <= end || !isTouched($0) }
    hasForgotten = hasForgotten || all.count < before
    damage = damage.filter { $0 < end }
  }

  /// The queues were built anew from the log.
  mutating func forgetEntries() { entries = [:] }

  /// Whether the record itself, or its entry, is not what was written.
  func isTouched(_ message: SentMessages.Message) -> Bool {
    (message.offset..<message.end).contains(where: damage.contains)
      || entries[SentMessages.Queue(topic: message.topic, id: message.queueID)]?.contains(message.queueOffset) == true
  }

  /// The messages of a queue that must be readable.
  func untouched(in queue: SentMessages.Queue) -> [SentMessages.Message] {
    all.filter { $0.topic == queue.topic && $0.queueID == queue.id && !isTouched($0) && !removed.contains($0.id) }
  }

  /// Messages whose body is not what was sent, as the files of a log say now.
  func damagedBodies(in log: [(name: String, bytes: [UInt8])]) -> [SentMessages.Message] {
    all.filter { message in
      guard isTouched(message), let rest = Self.rest(of: log, from: message.offset) else { return false }
      // Zeroes up to the end of a file may be a blank that was lost, and are made one: what becomes of it is no damage.
      if rest.dropFirst(8).allSatisfy({ $0 == 0 }) || ScannedLog.isBlank(rest) { return false }
      return !rest.dropFirst(Self.bodyStart).starts(with: message.body)
    }
  }

  /// Places of a queue that damaged records say are theirs. No checksum covers that, and who has the place then is
  /// anybody's guess.
  func claims(in log: [(name: String, bytes: [UInt8])], of queue: SentMessages.Queue) -> Set<Int64> {
    var claims: Set<Int64> = []
    for message in all where message.topic == queue.topic && isTouched(message) {
      guard let header = Self.rest(of: log, from: message.offset)?.prefix(28), header.count == 28 else { continue }
      let fields = Array(header)
      let id = fields[12..<16].reduce(Int32(0)) { $0 << 8 | Int32($1) }
      if id == queue.id { claims.insert(fields[20..<28].reduce(Int64(0)) { $0 << 8 | Int64($1) }) }
    }
    return claims
  }

  /// The bytes of a log's file from an offset on; nil when no file begins before it.
  private static func rest(of log: [(name: String, bytes: [UInt8])], from offset: Int64) -> ArraySlice<UInt8>? {
    guard let file = log.last(where: { Int64($0.name).map { $0 <= offset } == true }), let start = Int64(file.name)
    else {
      return nil
    }
    return file.bytes.dropFirst(Int(offset - start))
  }

  /// UNIQ_KEY and the words of KEYS.
  func keys(of message: SentMessages.Message) -> [String] {
    ScannedLog.keys(inProperties: message.properties)
  }

  /// Throws when a record that a pull brought is nothing that was sent to this topic, or differs from what was sent in
  /// something that a checksum or a comparison covers.
  func check(_ record: ScannedLog.Record, servedBy queue: SentMessages.Queue) throws(SimulationFailure) {
    guard let message = all.last(where: { $0.offset == record.offset }) else {
      throw SimulationFailure("\(queue) brings a record at \(record.offset), where nothing was sent")
    }
    guard !removed.contains(message.id) || mayComeBack.contains(message.id) else {
      throw SimulationFailure("\(queue) brings message \(message.id) at \(record.offset), whose topic was removed")
    }
    guard isTouched(message) else { return try SentMessages.check(record, is: message) }
    guard record.topic == queue.topic, record.queueID == queue.id, record.topic == message.topic,
      record.body == message.body
    else { throw SimulationFailure("\(queue) brings message \(message.id) at \(record.offset), which is damaged") }
  }
}
