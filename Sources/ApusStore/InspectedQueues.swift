import ApusBase
import ApusModel
import ApusStoreCore

/// Holds the queues of a store against its log, in both directions: each message has its entry, and each entry its
/// message.
struct InspectedQueues {
  private let disk: any Disk
  private let settings: StoreSettings
  private let report: (StoreFinding) -> Void
  private var queues: [Key: Queue] = [:]
  /// The readers of queues that were read lately: each keeps a file open.
  private var readers: [Key: EntryReader] = [:]
  private var logStart = PhysicalOffset.zero
  private var wasClosed = true
  /// Messages from here on get their entries anew at the next start; nil when it writes none.
  private var rebuiltFrom: PhysicalOffset?
  /// Messages that need no entry.
  private var deleted = DeletedTopics()
  /// What the log's scan found damaged.
  var damaged: [Range<PhysicalOffset>] = []
  /// Entries that stand for a message which is still in the log.
  private(set) var entryCount = 0

  private struct Key: Hashable {
    var topic: String
    var id: Int32
  }

  private struct Queue {
    var queue: ConsumeQueue
    var missing = Run()
    var differing = Run()
    /// Missing or differing, and written anew by the next start.
    var rebuilt = Run()
  }

  /// Queue offsets with the same fault.
  private struct Run {
    var count = 0
    var first: Int64 = 0
    var last: Int64 = 0

    mutating func add(_ offset: Int64) {
      if count == 0 { first = offset }
      count += 1
      last = offset
    }

    var text: String { count == 1 ? "\(first)" : "\(count) from \(first) to \(last)" }
  }

  private static let openReaders = 256

  init(disk: any Disk, settings: StoreSettings, report: @escaping (StoreFinding) -> Void) {
    self.disk = disk
    self.settings = settings
    self.report = report
  }

  /// How many queues there are.
  var count: Int { queues.count }

  /// Finds the queues and their ends. After a stop that was not in order the next start writes entries anew, from
  /// where the durable mark says.
  mutating func open(logStart: PhysicalOffset, wasClosed: Bool, mark: DurableMark?) throws(DiskError) {
    self.logStart = logStart
    self.wasClosed = wasClosed
    rebuiltFrom = wasClosed ? nil : mark?.queues
    deleted = try DeletedTopics.read(for: settings, from: disk) { [report] path, error in
      report(StoreFinding(.problem, .marks, path: path, "\(error)"))
    }
    for (topic, id) in try disk.queues(below: settings.queueDirectory) { try load(Key(topic: topic, id: id)) }
  }

  private mutating func load(_ key: Key) throws(DiskError) {
    let queue = ConsumeQueue(topic: key.topic, id: key.id, number: queues.count + 1, settings: settings)
    for file in try disk.list(queue.directory) where !file.isDirectory && file.length != Int64(settings.queueFileBytes)
    {
      // A power loss takes the length of a file that was just begun; who writes to it next gives it back.
      let isYoung = !wasClosed && file.length < Int64(settings.queueFileBytes)
      report(
        StoreFinding(
          isYoung ? .note : .problem, .queueFile, path: queue.directory + "/" + file.name,
          "has \(file.length) bytes, others \(settings.queueFileBytes)"))
    }
    try queue.load(on: disk, logStart: logStart, hasExtensions: false) { [report] event in
      report(StoreFinding(.problem, .queueFile, path: queue.directory, "\(event)"))
    }
    queues[key] = Queue(queue: queue)
  }

  /// Looks for the entries of a record: in its queue and in its light queues.
  mutating func check(_ record: borrowing StoredRecord, at offset: PhysicalOffset) throws(DiskError) {
    try check(record, at: offset, Key(topic: record.topic.text, id: record.queueID), record.queueOffset.rawValue)
    for place in LightQueues.places(of: record) {
      try check(record, at: offset, Key(topic: place.name, id: LightQueues.queueID), place.offset.rawValue)
    }
  }

  private mutating func check(
    _ record: borrowing StoredRecord, at offset: PhysicalOffset, _ key: Key, _ place: Int64
  ) throws(DiskError) {
    if deleted.covers(offset, of: key.topic) { return }
    if queues[key] == nil { try load(key) }
    guard let queue = queues[key]?.queue, place >= 0 else { return }
    guard place < queue.maxOffset.rawValue, let found = try entry(of: queue, key, at: place), !found.isBlank else {
      if isRebuilt(offset) { queues[key]?.rebuilt.add(place) } else { queues[key]?.missing.add(place) }
      return
    }
    // The tags code may be the address of an extension unit.
    let isExtended = ConsumeQueueExtension.isAddress(found.tagsCode)
    let tagsCode = isExtended ? found.tagsCode : QueueRebuild.tagsCode(of: record, settings.delayLevels)
    let size = Int32(truncatingIfNeeded: record.size)
    if found != ConsumeQueueEntry(offset: offset, size: size, tagsCode: tagsCode) {
      if isRebuilt(offset) { queues[key]?.rebuilt.add(place) } else { queues[key]?.differing.add(place) }
    }
  }

  private func isRebuilt(_ offset: PhysicalOffset) -> Bool { rebuiltFrom.map { offset >= $0 } ?? false }

  private mutating func entry(
    of queue: ConsumeQueue, _ key: Key, at place: Int64
  ) throws(DiskError) -> ConsumeQueueEntry? {
    if readers.count > Self.openReaders { readers = [:] }
    return try readers[key, default: EntryReader(queue, on: disk)].fileEntry(at: place)
  }

  /// Says what is missing, and looks for the message of each entry.
  mutating func finish(
    logEnd: PhysicalOffset, record: (PhysicalOffset, ConsumeQueue) -> (size: Int, queueOffset: Int64)?
  ) throws(DiskError) {
    readers = [:]
    for (_, inspected) in queues.sorted(by: { ($0.key.topic, $0.key.id) < ($1.key.topic, $1.key.id) }) {
      let queue = inspected.queue
      if inspected.missing.count > 0 {
        let isBehind = !wasClosed && inspected.missing.first >= queue.maxOffset.rawValue
        report(
          StoreFinding(
            isBehind ? .note : .problem, .entriesMissing, path: queue.directory, at: inspected.missing.first,
            "messages without an entry: \(inspected.missing.text)"))
      }
      if inspected.rebuilt.count > 0 {
        report(
          StoreFinding(
            .note, .entriesMissing, path: queue.directory, at: inspected.rebuilt.first,
            "messages whose entries the next start writes anew: \(inspected.rebuilt.text)"))
      }
      if inspected.differing.count > 0 {
        report(
          StoreFinding(
            .problem, .entryDiffers, path: queue.directory, at: inspected.differing.first,
            "entries that say something else than the log: \(inspected.differing.text)"))
      }
      try walk(queue, logEnd, record)
    }
  }

  private mutating func walk(
    _ queue: ConsumeQueue, _ logEnd: PhysicalOffset,
    _ record: (PhysicalOffset, ConsumeQueue) -> (size: Int, queueOffset: Int64)?
  ) throws(DiskError) {
    var reader = EntryReader(queue, on: disk)
    var (blank, dangling, behind, rebuilt) = (Run(), Run(), Run(), Run())
    for place in queue.minOffset.rawValue..<max(queue.minOffset.rawValue, queue.maxOffset.rawValue) {
      guard let entry = try reader.fileEntry(at: place), !entry.isBlank else {
        blank.add(place)
        continue
      }
      entryCount += 1
      if entry.offset >= logEnd {
        behind.add(place)
      } else if !points(entry, in: queue, place, record) {
        if isRebuilt(entry.offset) { rebuilt.add(place) } else { dangling.add(place) }
      }
    }
    if rebuilt.count > 0 {
      report(
        StoreFinding(
          .note, .entryDangling, path: queue.directory, at: rebuilt.first,
          "entries that the next start writes anew: \(rebuilt.text)"))
    }
    if behind.count > 0 {
      report(
        StoreFinding(
          wasClosed ? .problem : .note, .entryDangling, path: queue.directory, at: behind.first,
          "entries that point behind the log's end: \(behind.text)"))
    }
    if dangling.count > 0 {
      report(
        StoreFinding(
          .problem, .entryDangling, path: queue.directory, at: dangling.first,
          "entries that point to no message: \(dangling.text)"))
    }
    if blank.count > 0 {
      report(
        StoreFinding(
          .note, .entryBlank, path: queue.directory, at: blank.first, "offsets without a message: \(blank.text)"))
    }
  }

  /// Whether an entry points to its message, or to where the log is damaged, which was said already.
  private func points(
    _ entry: ConsumeQueueEntry, in queue: ConsumeQueue, _ place: Int64,
    _ record: (PhysicalOffset, ConsumeQueue) -> (size: Int, queueOffset: Int64)?
  ) -> Bool {
    if damaged.contains(where: { $0.contains(entry.offset) }) { return true }
    guard let found = record(entry.offset, queue) else { return false }
    return found.size == Int(entry.size) && found.queueOffset == place
  }
}
