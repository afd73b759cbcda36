import ApusBase
import ApusBrokerCore
import ApusModel
import ApusRemoting
import ApusStore
import ApusStoreCore
import ApusSystem

/// What a thread that may wait for the device does for the timers: their file, and room for the log's retention.
extension TimedMessages {
  /// What was kept last, so that nothing is written for nothing.
  struct Kept: Sendable {
    var changes: Int64 = 0
    var mark = PhysicalOffset.zero
    var time = MonotonicTime(nanoseconds: .min / 2)
  }

  /// Snapshots of fewer timers are written whenever something changed.
  private static let smallCount = 20_000
  /// How much the log may grow, and how long it may take, until a larger one is written.
  private static let logBytes: Int64 = 64 << 20
  private static let interval = Duration.seconds(60)

  private struct State {
    var timers: TimerWheel.Snapshot
    var mark: PhysicalOffset
    var position: QueueOffset
    var changes: Int64
  }

  /// The timers at a moment between two steps of the loop.
  private func state() -> State {
    State(
      timers: wheel.snapshot, mark: parts.store.withLock { $0.marks.appended }, position: position, changes: changes)
  }

  /// Writes what waits, once the log is on the device as far as that reflects it: what was delivered must not be taken
  /// out of the file and then be undone by a crash. Waits for the device.
  func save(_ kept: inout Kept, waitingUpTo limit: Duration) throws(DiskError) {
    let now = SystemClock.monotonic()
    let found = Locked<State?>(nil)
    loop.loop.executeAndWait { [self] in
      let state = state()
      found.withLock { $0 = state }
    }
    guard let state = found.withLock({ $0 }) else { return }
    let grown = Int64(state.mark - kept.mark)
    let isDue = state.timers.count < Self.smallCount || grown >= Self.logBytes || now >= kept.time + Self.interval
    // A log that grows without timers moves the mark, so that the next start reads less of it.
    guard state.changes != kept.changes || grown >= Self.logBytes, isDue else { return }
    guard parts.threads.waitUntilFlushed(state.mark, for: limit) else { return }
    try file.save(mark: state.mark, position: state.position, timers: state.timers)
    kept = Kept(changes: state.changes, mark: state.mark, time: now)
  }

  /// As ``save(_:waitingUpTo:)`` when the loop delivers no more, the store's threads have ended and all is flushed.
  func saveAtEnd() throws(DiskError) {
    let state = state()
    guard changes > 0, parts.store.withLock({ $0.marks.flushed }) >= state.mark else { return }
    try file.save(mark: state.mark, position: state.position, timers: state.timers)
  }

  // MARK: Rolling

  /// How many messages are stored anew at a stretch.
  private static let rolledAtOnce = 64

  private struct Resident: Sendable {
    var id: TimerWheel.ID
    var offset: PhysicalOffset
  }

  /// Stores what waits before `boundary` anew at the log's end, so that the files before it can go. Returns how far
  /// they can: the boundary, or the first message that could not be stored anew. Waits for the device.
  func roll(before boundary: PhysicalOffset, waitingUpTo limit: Duration) -> PhysicalOffset {
    let left = Locked<[Resident]>([])
    let end = Locked(PhysicalOffset.zero)
    loop.loop.executeAndWait { [self] in
      var found: [Resident] = []
      wheel.forEach { id, timer in
        if timer.offset < boundary { found.append(Resident(id: id, offset: timer.offset)) }
      }
      found.sort { $0.offset < $1.offset }
      left.withLock { $0 = found }
    }
    let all = left.withLock { $0 }
    guard let first = all.first else { return boundary }
    let deadline = SystemClock.monotonic() + limit
    var position = 0
    while position < all.count {
      guard SystemClock.monotonic() < deadline else { return all[position].offset }
      let part = all[position..<min(position + Self.rolledAtOnce, all.count)]
      for timer in part { _ = parts.store.record(at: timer.offset) }
      let isDone = Locked(true)
      loop.loop.executeAndWait { [self] in
        for timer in part {
          guard let last = roll(timer) else { return isDone.withLock { $0 = false } }
          end.withLock { $0 = max($0, last) }
        }
      }
      guard isDone.withLock({ $0 }) else { return part.first?.offset ?? boundary }
      position += part.count
    }
    // The copies must be on the device before what they are copies of goes.
    guard parts.threads.waitUntilFlushed(end.withLock { $0 }, for: limit) else { return first.offset }
    parts.log.info("timers", "waiting messages were stored anew, so that old files can go", ["count": all.count])
    return boundary
  }

  /// Stores one message anew. Where its copy ends, zero when there is nothing to copy any more; nil when the store
  /// does not take it now.
  private func roll(_ resident: Resident) -> PhysicalOffset? {
    let (id, offset) = (resident.id, resident.offset)
    // One that is being delivered needs no new place: it is gone in a moment.
    guard !isAway(id) else { return nil }
    guard wheel.knows(id, at: offset) else { return .zero }
    let range: Fetch.Range
    switch parts.store.withLock({ $0.record(at: offset) }) {
    case .found(let found): range = found
    case .missing: return .zero
    // Its file is there and could not be mapped a moment ago: nothing is said about the message.
    case .cold: return nil
    }
    guard let queue = parts.messages.queue(0, ofDeleted: SystemTopics.timer) else { return nil }
    do throws(DecodeError) {
      let record = try StoredRecord(range.bytes())
      var properties = ByteWriter(capacity: 1024)
      TimerRecord.writeRolled(record, into: &properties)
      guard properties.count <= MessageProperties.maximumBytes else { return nil }
      var draft = record.draft(topic: record.topic, queueID: 0, properties: properties.bytes)
      draft.preparedTransactionOffset = TimerRecord.mark(of: offset)
      guard
        case .appended(let appended) = parts.messages.append(
          draft, to: queue, now: SystemClock.wall(), on: loop, makingRoom: true)
      else { return nil }
      moved(id, to: appended.offset)
      loop.hasDelayed = true
      return appended.end
    } catch {
      return .zero
    }
  }
}
