import ApusBase
import ApusModel
import ApusStoreCore

/// Loads the queues that the records of the log need shortly before recovery reads these: each takes opening and
/// reading a file or two, which several threads do in a fraction of the time.
struct LoadAhead {
  /// How far in the log it runs ahead, in bytes.
  private static let stride = 1 << 20
  /// It goes on while one of so many records needs a queue that was not loaded yet. Looking at a record takes about
  /// 0.3 µs, loading a queue more than 10 µs.
  private static let recordsPerQueue = 16

  let store: MessageStore
  let workers: Workers
  /// Where the next stretch begins.
  private var next = PhysicalOffset.zero
  private var isWorthwhile = true

  init(store: MessageStore, workers: Workers) {
    self.store = store
    self.workers = workers
  }

  /// Starts anew, as when the log is read again from further back.
  mutating func begin() {
    next = .zero
    isWorthwhile = true
  }

  /// To be called before the record at a position of a file is read.
  mutating func reach(_ position: Int, of scanner: borrowing LogScanner) {
    guard isWorthwhile, scanner.start + position >= next,
      store.queues.knownCount >= store.settings.queuesLoadedAhead
    else { return }
    store.load(queues(in: scanner, from: position), by: workers)
  }

  /// The queues of a stretch that were not used since the start, each once, in the order of their first records. What
  /// is wrong there is for recovery to find out.
  private mutating func queues(
    in scanner: borrowing LogScanner, from first: Int
  ) -> [(topic: String, id: Int32)] {
    let headers = LogScanner(scanner.bytes, start: scanner.start, checksBodies: false, trustsZeroes: true)
    var found: [(topic: String, id: Int32)] = []
    var seen: [String: Set<Int32>] = [:]
    var position = first
    var records = 0
    while position < first + Self.stride, case .record(let size) = headers.item(at: position) {
      if let record = StoredRecord.whole(at: headers.bytes.extracting(position..<position + size)) {
        let topic = record.topic.text
        if case .known = store.queues.slot(topic, record.queueID),
          seen[topic, default: []].insert(record.queueID).inserted
        {
          found.append((topic, record.queueID))
        }
      }
      position += size
      records += 1
    }
    isWorthwhile = found.count * Self.recordsPerQueue >= records
    next = headers.start + max(position, first + 1)
    return found
  }
}

extension MessageStore {
  /// How many queues one thread loads before it looks for more.
  private static let queuesPerPiece = 32

  /// Loads queues that were not used since the start. Those that cannot be are left to whoever asks for them, who is
  /// told why.
  func load(_ names: [(topic: String, id: Int32)], by workers: Workers) {
    let loads = names.compactMap { planLoad(topic: $0.topic, id: $0.id).map(QueueLoad.init) }
    let (count, size, disk) = (loads.count, Self.queuesPerPiece, disk)
    workers.run((count + size - 1) / size) { piece in
      for load in loads[piece * size..<min((piece + 1) * size, count)] { load.run(on: disk) }
    }
    for load in loads where load.outcome.error == nil {
      for event in load.outcome.events { report(event) }
      queues.insert(load.plan.queue)
    }
  }
}

/// One queue of many that are loaded at once. One worker runs it; the store looks at it when all are done.
private final class QueueLoad: @unchecked Sendable {
  let plan: QueueLoadPlan
  private(set) var outcome = QueueLoadPlan.Outcome()

  init(_ plan: QueueLoadPlan) { self.plan = plan }

  func run(on disk: any Disk) { outcome = plan.run(on: disk) }
}
