import ApusBase
import ApusModel
import ApusStore
import ApusStoreCore

/// Holds a store against what was sent: its queues and its index must be those of a scan of the log.
struct StoreCheck {
  let store: MessageStore
  let disk: SimulatedDisk

  /// Every readable message of every queue is where it was put, and there are no others: of all queues, or of those
  /// told.
  func queues(_ queues: [SentMessages.Queue]? = nil, are sent: SentMessages) throws {
    let expected = sent.byQueue.filter { queues?.contains($0.key) ?? true }
    for (queue, messages) in expected.sorted(by: { $0.key < $1.key }) { try check(queue, holds: messages) }
    let known = store.allQueues.map { SentMessages.Queue(topic: $0.topic, id: $0.id) }.sorted()
    for queue in known where expected[queue] == nil && queues?.contains(queue) ?? true {
      guard let consumeQueue = try store.queue(topic: queue.topic, id: queue.id) else { continue }
      guard consumeQueue.minOffset == consumeQueue.maxOffset else {
        throw SimulationFailure(
          "\(queue) has \(consumeQueue.minOffset)..<\(consumeQueue.maxOffset), but there is nothing to read in it")
      }
    }
  }

  private func check(_ queue: SentMessages.Queue, holds messages: [SentMessages.Message]) throws {
    guard let consumeQueue = try store.queue(topic: queue.topic, id: queue.id) else {
      throw SimulationFailure("\(queue) is not there, though \(messages.count) messages of it can be read")
    }
    for (earlier, later) in zip(messages, messages.dropFirst()) where later.queueOffset != earlier.queueOffset + 1 {
      throw SimulationFailure(
        "\(queue): message \(later.id) has queue offset \(later.queueOffset), after \(earlier.queueOffset)")
    }
    let (first, last) = (messages[0].queueOffset, messages[messages.count - 1].queueOffset)
    let (low, high) = (consumeQueue.minOffset.rawValue, consumeQueue.maxOffset.rawValue)
    guard low == first, high == last + 1, consumeQueue.nextOffset.rawValue == high else {
      throw SimulationFailure(
        "\(queue) has \(low)..<\(high) and goes on at \(consumeQueue.nextOffset), the log \(first)..<\(last + 1)")
    }
    var next = first
    for message in messages {
      guard message.queueOffset >= next else { continue }
      next = try check(consumeQueue, at: message.queueOffset, messages)
    }
  }

  /// Pulls once and compares; returns where the next pull goes on.
  @discardableResult
  func check(
    _ queue: ConsumeQueue, at offset: Int64, _ messages: [SentMessages.Message]
  ) throws -> Int64 {
    var fetch = Fetch()
    let limits = FetchLimits(maxMessages: 32)
    for _ in 0..<4 {
      store.fetch(from: queue, at: QueueOffset(offset), limits: limits, filter: .all, into: &fetch)
      guard let cold = fetch.cold else { break }
      store.finish(cold, cold.run(on: disk))
    }
    guard fetch.status == .found else {
      throw SimulationFailure("\(queue.topic)/\(queue.id) answers \(fetch.status) at \(offset)")
    }
    var writer = ByteWriter()
    fetch.copy(into: &writer)
    var position = 0
    for message in messages.drop(while: { $0.queueOffset < offset }).prefix(fetch.messageCount) {
      let size = Int(message.end - message.offset)
      guard position + size <= writer.count else {
        throw SimulationFailure("\(queue.topic)/\(queue.id) brings too few bytes at \(message.queueOffset)")
      }
      let bytes = writer.bytes.extracting(position..<position + size).array
      guard let record = ScannedLog.record(bytes, at: message.offset) else {
        throw SimulationFailure("\(queue.topic)/\(queue.id) brings no record at \(message.queueOffset)")
      }
      try SentMessages.check(record, is: message)
      try checkEntry(of: queue, at: message.queueOffset, tagsCode: record.tagsCode)
      position += size
    }
    guard position == writer.count else {
      throw SimulationFailure("\(queue.topic)/\(queue.id) brings \(writer.count) bytes at \(offset), not \(position)")
    }
    return fetch.nextOffset.rawValue
  }

  /// The entry tells the tags code, by itself or through its extension unit.
  private func checkEntry(of queue: ConsumeQueue, at offset: Int64, tagsCode: Int64) throws {
    for _ in 0..<6 {
      switch store.entry(in: queue, at: QueueOffset(offset)) {
      case .cold(let plan): store.finish(plan, plan.run(on: disk))
      case .entry(let entry) where entry.tagsCode == tagsCode: return
      case .entry(let entry):
        throw SimulationFailure(
          "\(queue.topic)/\(queue.id) has tags code \(entry.tagsCode) at \(offset), not \(tagsCode)")
      default: throw SimulationFailure("\(queue.topic)/\(queue.id) has no entry at \(offset)")
      }
    }
    throw SimulationFailure("\(queue.topic)/\(queue.id): the entry at \(offset) stays cold")
  }

  /// The index finds for every key the records that have it, and those alone whose keys have the same hash.
  func index(_ index: MessageIndex, finds sent: [ScannedLog.Record]) throws {
    var byHash: [Int32: [Int64]] = [:]
    var keys: Set<Key> = []
    for record in sent {
      for key in record.keys {
        keys.insert(Key(topic: record.topic, word: key))
        byHash[ScannedLog.indexHash(topic: record.topic, key: key), default: []].append(record.offset)
      }
    }
    let minimum = sent.first?.offset ?? 0
    let always = WallTime(milliseconds: 0)...WallTime(milliseconds: 1 << 60)
    for key in keys.sorted() {
      let expected = Set(byHash[ScannedLog.indexHash(topic: key.topic, key: key.word)] ?? []).sorted()
      let found = index.query(
        topic: Array(key.topic.utf8).rawSpan, key: Array(key.word.utf8).rawSpan, in: always, limit: .max
      ).map(\.rawValue).filter { $0 >= minimum }
      guard found == expected else {
        throw SimulationFailure("the index finds \(found) for \(key.topic)#\(key.word), not \(expected)")
      }
    }
  }

  private struct Key: Hashable, Comparable {
    var topic: String
    var word: String

    static func < (left: Key, right: Key) -> Bool { (left.topic, left.word) < (right.topic, right.word) }
  }
}
