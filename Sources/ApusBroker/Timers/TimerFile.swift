import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem

/// Keeps `apus-timers/pending` of a store and finds out at the start what waits. RocketMQ does not know the directory;
/// when the file is lost or damaged, it is made anew from the log.
final class TimerFile: Sendable {
  /// What was found out.
  struct Found {
    /// What waits.
    var wheel: TimerWheel
    /// The next entry of the timers' queue.
    var position = QueueOffset.zero
    /// Why the file was not used; nil when it was, or when there is none.
    var damage: String?
  }

  private let store: SharedStore
  private let file: Locked<ConfigFile>

  init(store: SharedStore, root: String) {
    self.store = store
    file = Locked(ConfigFile(path: root + "/apus-timers/pending"))
  }

  /// Replaces the file. Waits for the device.
  func save(mark: PhysicalOffset, position: QueueOffset, timers: TimerWheel.Snapshot) throws(DiskError) {
    let content = TimerSnapshot.encode(mark: mark, position: position, timers: timers)
    let bytes = content.array
    try file.withLock { file throws(DiskError) in try file.store(bytes.rawSpan, to: store.disk) }
  }

  /// Finds out what waits. Waits for the device.
  func find(now: WallTime) throws(DiskError) -> Found {
    guard let queue = try store.queue(topic: SystemTopics.timer, id: 0) else {
      return Found(wheel: TimerWheel(now: now))
    }
    let (first, end, logStart, logEnd) = store.withLock {
      (queue.minOffset, queue.maxOffset, $0.minOffset, $0.marks.appended)
    }
    var (snapshot, damage) = load()
    if let loaded = snapshot, loaded.position > end || loaded.mark > logEnd {
      // The log lost its end: what was taken out may have to be delivered again.
      damage = "it is ahead of the log"
      snapshot = nil
    }
    let position = max(snapshot?.position ?? first, first)
    let queueStart = place(in: queue, from: position, to: end) ?? logEnd
    var replay = TimerReplay(now: now, queueStart: queueStart)
    forEachRecord(from: max(snapshot?.mark ?? queueStart, logStart), to: logEnd) { record in
      guard let source = TimerRecord.source(of: record) else { return }
      let isTimer = record.topic.equals("rmq_sys_wheel_timer")
      replay.sawCopy(of: source, at: isTimer ? record.physicalOffset : nil)
    }
    for timer in snapshot?.timers ?? [] { replay.restore(timer, logStart: logStart) }
    snapshot = nil
    take(queue, position..<end, into: &replay)
    return Found(wheel: replay.wheel, position: end, damage: damage)
  }

  private func load() -> (TimerSnapshot?, String?) {
    file.withLock { file in
      do throws(ConfigFileError) {
        let loaded = try file.load(from: store.disk) { bytes throws(DecodeError) in try TimerSnapshot(bytes) }
        return (loaded?.value, nil)
      } catch {
        return (nil, "\(error)")
      }
    }
  }

  /// Where the first record of a part of the queue lies; nil when there is none.
  private func place(in queue: ConsumeQueue, from start: QueueOffset, to end: QueueOffset) -> PhysicalOffset? {
    var position = start
    while position < end {
      switch entry(in: queue, at: position) {
      case .entry(let entry): return entry.offset
      case .unreadable(let next): position = max(next, position + 1)
      case .outside, .failed, .cold: position = position + 1
      }
    }
    return nil
  }

  private func entry(in queue: ConsumeQueue, at offset: QueueOffset) -> MessageStore.EntryLookup {
    while true {
      let found = store.withLock { $0.entry(in: queue, at: offset) }
      guard case .cold(let plan) = found else { return found }
      store.warm(plan)
    }
  }

  /// How often what the device does not give is asked for, before it counts as lost.
  private static let tryLimit = 5

  private func take(_ queue: ConsumeQueue, _ part: Range<QueueOffset>, into replay: inout TimerReplay) {
    var position = part.lowerBound
    var tries = 0
    var fetch = Fetch()
    while position < part.upperBound {
      store.fetch(from: queue, at: position, count: 32, into: &fetch)
      if fetch.status == .offsetFoundNull, fetch.nextOffset == position, tries < Self.tryLimit {
        tries += 1
        continue
      }
      tries = 0
      fetch.warm(on: store.disk)
      for range in fetch.ranges {
        StoredRecord.forEach(in: range.bytes()) { record in
          guard record.queueOffset < part.upperBound, let read = TimerRecord.read(record) else { return }
          replay.take(read, at: record.physicalOffset)
        }
      }
      position = max(fetch.nextOffset, position + 1)
    }
  }

  // MARK: The log

  /// How much of the log is read at once.
  private static let sliceBytes = 32 << 20

  private func forEachRecord(
    from start: PhysicalOffset, to end: PhysicalOffset, _ body: (borrowing StoredRecord) -> Void
  ) {
    var position = start
    var tries = 0
    while position < end {
      switch store.withLock({ $0.read(from: position, limit: Self.sliceBytes) }) {
      case .end: return
      case .cold(let plan): store.warm(plan)
      case .failed(let next):
        tries += 1
        guard tries >= Self.tryLimit else { continue }
        // As with a damaged file: the timers whose copies lie there are delivered again rather than not at all.
        tries = 0
        position = next
      case .slice(let slice):
        tries = 0
        store.disk.warm(slice.range.mapping.segment, slice.range.range)
        position =
          slice.visit { record, _ in
            body(record)
            return true
          }.next
      }
    }
  }
}
