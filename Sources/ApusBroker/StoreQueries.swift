package import ApusBase
import ApusModel
package import ApusProtocol
import ApusStore
package import ApusStoreCore
import ApusSystem

/// What administering requests ask of the store and the index. Every call may wait for the device.
package final class StoreQueries: StoredMessages {
  /// So many bytes of records are given for a key, the newest ones; the first is given whatever its size. Clients take
  /// no frame of more than 16 MiB.
  private static let answerBytes = 15 << 20

  private let store: SharedStore
  private let index: SharedIndex?
  private let root: String
  private let removals: TopicRemovals

  /// Answers from a store and, where there is one, its index.
  package init(store: SharedStore, index: SharedIndex?, root: String, removals: TopicRemovals) {
    self.store = store
    self.index = index
    self.root = root
    self.removals = removals
  }

  package func bounds(topic: String, queue: Int32) throws(DiskError) -> QueueBounds? {
    guard let queue = try store.queue(topic: topic, id: queue) else { return nil }
    return store.withLock { _ in QueueBounds(min: queue.minOffset, max: queue.maxOffset) }
  }

  package func offset(topic: String, queue: Int32, closestTo moment: WallTime) throws(DiskError) -> QueueOffset {
    guard let queue = try store.queue(topic: topic, id: queue) else { return .zero }
    return store.offset(in: queue, storedAt: moment)
  }

  package func storeTime(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> WallTime? {
    guard let queue = try store.queue(topic: topic, id: queue) else { return nil }
    return store.storeTime(in: queue, at: offset)
  }

  package func isInMemory(topic: String, queue: Int32, at offset: QueueOffset) throws(DiskError) -> Bool {
    guard let queue = try store.queue(topic: topic, id: queue) else { return true }
    var fetch = Fetch()
    store.fetch(from: queue, at: offset, count: 1, into: &fetch)
    guard let behind = fetch.bytesBehind else { return true }
    return behind <= store.withLock { $0.settings.memoryBytes }
  }

  package func record(at offset: PhysicalOffset) throws(DiskError) -> [UInt8]? { store.record(at: offset) }

  package func query(_ query: IndexQuery) throws(DiskError) -> IndexAnswer {
    var answer = IndexAnswer()
    guard let index else { return answer }
    let found = index.query(topic: query.topic, key: query.key, limit: query.limit, from: query.from, to: query.to)
    answer.indexedUntil = found.last.time
    answer.indexedUpTo = found.last.offset
    var records: [[UInt8]] = []
    var bytes = 0
    for offset in found.offsets.reversed() {
      guard let record = store.record(at: offset), Self.isOf(query.topic, record) else { continue }
      guard records.isEmpty || bytes + record.count <= Self.answerBytes else { break }
      bytes += record.count
      records.append(record)
    }
    for record in records.reversed() { answer.records.append(contentsOf: record) }
    answer.count = records.count
    return answer
  }

  /// Whether a record is of a topic. The index keeps 32 bits of topic and key together: others' may be the same, and
  /// whoever may read one topic could ask for those of another.
  private static func isOf(_ topic: String, _ record: [UInt8]) -> Bool {
    do throws(DecodeError) {
      return try StoredRecord(record.rawSpan).topic.equals(utf8: topic)
    } catch {
      return false
    }
  }

  package func removeQueues(of topic: String) throws(DiskError) { try removals.remove(topic) }

  package func topicsWithQueues() -> [String] { store.withLock { $0.topicsWithQueues } }

  package func removeExpiredQueueFiles() throws(DiskError) {
    guard let removal = store.withLock({ $0.planQueueRemoval() }) else { return }
    let outcome = removal.run(on: store.disk)
    store.withLock { $0.finish(removal, outcome) }
    if let error = outcome.error { throw error }
  }

  package func entries(
    topic: String, queue: Int32, from offset: QueueOffset, count: Int, filter: EntryFilter?
  ) throws(DiskError) -> [ConsumeQueueDump.Entry] {
    var found: [ConsumeQueueDump.Entry] = []
    guard let queue = try store.queue(topic: topic, id: queue) else { return found }
    while found.count < count {
      let next = QueueOffset(offset.rawValue &+ Int64(found.count))
      switch store.withLock({ $0.dump(queue, from: next, count: count - found.count) }) {
      case .entries(let entries):
        for entry in entries {
          found.append(described(entry, of: queue, filter))
        }
      case .cold(let plan): store.warm(plan)
      case .missing: return found
      }
    }
    return found
  }

  private func described(
    _ entry: ConsumeQueueEntry, of queue: ConsumeQueue, _ filter: EntryFilter?
  ) -> ConsumeQueueDump.Entry {
    var described = ConsumeQueueDump.Entry(
      offset: entry.offset.rawValue, size: entry.size, tagsCode: entry.tagsCode)
    guard ConsumeQueueExtension.isAddress(entry.tagsCode) else { return described }
    while true {
      switch store.withLock({ $0.unit(at: entry.tagsCode, of: queue) }) {
      case .cold(let plan): store.warm(plan)
      case .missing:
        described.fault = "Cq extend not exist!addr: \(entry.tagsCode)"
        return described
      case .found(let unit):
        described.unit = unit.text
        if !unit.bitMap.isEmpty { described.bitMap = unit.bitMapText }
        described.isWanted = filter?.matches(unit) ?? false
        return described
      }
    }
  }

  package func summary() -> StoreSummary {
    var summary = StoreSummary()
    let (marks, minimum, pending, damage, settings) = store.withLock {
      ($0.marks, $0.minOffset, $0.undispatchedBytes, $0.damage, $0.settings)
    }
    summary.damage = damage
    summary.minOffset = minimum.rawValue
    summary.maxOffset = marks.appended.rawValue
    summary.unflushedBytes = Int64(marks.appended - marks.flushed)
    summary.undispatchedBytes = pending
    summary.earliest = earliest(from: minimum)
    summary.space = space(of: root)
    summary.logSpace = space(of: settings.logDirectory)
    summary.queueSpace = space(of: settings.queueDirectory)
    return summary
  }

  private func space(of directory: String) -> DiskSpace? {
    do throws(DiskError) { return try store.disk.space(of: directory) } catch { return nil }
  }

  private func earliest(from minimum: PhysicalOffset) -> WallTime? {
    guard let record = store.record(at: minimum) else { return nil }
    do throws(DecodeError) {
      return try StoredRecord(record.rawSpan).storeTime
    } catch {
      return nil
    }
  }
}

extension ConsumeQueueExtension {
  /// The unit as Java's JSON of it.
  fileprivate var text: String {
    var members = bitMap.isEmpty ? [] : [JSONMember("filterBitMap", .string(Base64.text(bitMap)))]
    members.append(JSONMember("msgStoreTime", JSONValue(storeTime.milliseconds)))
    members.append(JSONMember("size", JSONValue(Int64(bytes))))
    members.append(JSONMember("tagsCode", JSONValue(tagsCode)))
    return String(decoding: JSONValue.object(members).bytes(.fastjson), as: UTF8.self)
  }

  /// The bits, the last one first, with a line's end behind the lowest byte of every eight, as Java shows them.
  fileprivate var bitMapText: String {
    var text = ""
    for (index, byte) in bitMap.enumerated().reversed() {
      let digits = String(byte, radix: 2)
      text += String(repeating: "0", count: 8 - digits.utf8.count) + digits
      if index % 8 == 0 { text += "\n" }
    }
    return text
  }
}
