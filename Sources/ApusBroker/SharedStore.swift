package import ApusBase
import ApusModel
package import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// The message store as threads share it: one lock around it, held for short sections without system calls, and the
/// marks that other threads follow without taking the lock.
package final class SharedStore: @unchecked Sendable {
  private let lock = Lock()
  private let store: MessageStore
  /// Where the store's files are.
  package let disk: any Disk
  /// Whether an acknowledgement waits for the device.
  package let isSynchronous: Bool
  private let acknowledgedMark: Atomic<Int64>
  private let wantedMark: Atomic<Int64>

  /// Shares a store that nobody else uses.
  package init(_ store: MessageStore, disk: any Disk, isSynchronous: Bool) {
    acknowledgedMark = Atomic(store.marks.flushed.rawValue)
    wantedMark = Atomic(store.marks.flushed.rawValue)
    self.store = store
    self.disk = disk
    self.isSynchronous = isSynchronous
  }

  /// Uses the store with the lock held. No system call may be made inside, and no other lock be taken.
  @inline(__always)
  package func withLock<Result, Failure: Error>(
    _ body: (MessageStore) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(store)
  }

  /// Everything before it is on the device: sends that wait for that are answered up to here.
  package var acknowledged: PhysicalOffset { PhysicalOffset(acknowledgedMark.load(ordering: .acquiring)) }

  /// Up to where somebody waits for the device.
  package var wanted: PhysicalOffset { PhysicalOffset(wantedMark.load(ordering: .acquiring)) }

  /// Somebody waits until everything before `end` is on the device.
  package func want(_ end: PhysicalOffset) {
    var known = wantedMark.load(ordering: .relaxed)
    while known < end.rawValue {
      let (done, seen) = wantedMark.weakCompareExchange(
        expected: known, desired: end.rawValue, ordering: .acquiringAndReleasing)
      if done { return }
      known = seen
    }
  }

  /// Everything before `end` is on the device now.
  package func acknowledge(upTo end: PhysicalOffset) {
    acknowledgedMark.store(end.rawValue, ordering: .releasing)
  }

  /// Records that begin no further than this before the log's end, in bytes, are taken for resident without asking.
  static let residentBytes = 64 << 20

  /// Whether a record can be read without waiting for the device. Not under the lock, as it may ask the machine.
  func isResident(_ record: Fetch.Range, logEnd: PhysicalOffset) -> Bool {
    logEnd - record.offset < Self.residentBytes || disk.isResident(record.mapping.segment, record.range)
  }

  // MARK: For threads that may wait

  /// Brings everything that was appended to the device, when the threads that do so have ended. A flush that fails ends
  /// the store, which its closing tells.
  package func flushAll() {
    while let plan = withLock({ $0.planFlush() }) {
      let failure = plan.run(on: disk)
      withLock { $0.finish(plan, failure) }
      if failure != nil { return }
    }
  }

  /// The queue of a topic, loaded from its files if need be; nil when there is none. May wait for the device.
  package func queue(topic: String, id: Int32) throws(DiskError) -> ConsumeQueue? {
    while let plan = withLock({ $0.planLoad(topic: topic, id: id) }) {
      let outcome = plan.run(on: disk)
      try withLock { (store) throws(DiskError) in try store.finish(plan, outcome) }
    }
    return try withLock { (store) throws(DiskError) in try store.queue(topic: topic, id: id) }
  }

  /// Loads the files of a queue, if it has any. Returns why they cannot be read. Waits for the device.
  func load(topic: String, id: Int32) -> DiskError? {
    do throws(DiskError) {
      _ = try queue(topic: topic, id: id)
      return nil
    } catch {
      return error
    }
  }

  /// The record at an offset, copied; nil when there is none and when it is damaged. May wait for the device.
  package func record(at offset: PhysicalOffset) -> [UInt8]? {
    guard let range = near(offset) else { return nil }
    guard range.isIntact else {
      withLock { $0.noteDamage(range.offset..<range.offset + range.range.count) }
      return nil
    }
    return range.bytes().array
  }

  /// Looks up at most `count` messages of a queue from an offset on, as a pull does, and reads what is cold itself.
  /// Waits for the device.
  func fetch(from queue: ConsumeQueue, at offset: QueueOffset, count: Int, into result: inout Fetch) {
    while true {
      withLock {
        $0.fetch(from: queue, at: offset, limits: FetchLimits(maxMessages: count), filter: .all, into: &result)
      }
      guard let plan = result.cold else { return }
      warm(plan)
    }
  }

  /// Brings records of a queue near, from an offset on: those whose entries have a tags code of at most `limit`, which
  /// for delayed messages is when they are due, and the first whatever it says: by a clock that was set back it is due
  /// at once. At most `count`. False when not even the first can be read. Waits for the device.
  package func bringNear(
    _ queue: ConsumeQueue, from offset: QueueOffset, tagsCodeUpTo limit: Int64, count: Int
  ) -> Bool {
    var position = offset
    while position - offset < count {
      switch withLock({ $0.entry(in: queue, at: position) }) {
      case .entry(let entry):
        guard position == offset || entry.tagsCode <= limit else { return true }
        guard near(entry.offset) != nil else { return position > offset }
        position = position + 1
      case .cold(let plan): warm(plan)
      case .outside, .unreadable: return true
      case .failed: return position > offset
      }
    }
    return true
  }

  /// Where the record at an offset lies, read from the device if need be; nil when there is none.
  private func near(_ offset: PhysicalOffset) -> Fetch.Range? {
    while true {
      switch withLock({ $0.record(at: offset) }) {
      case .found(let range):
        disk.warm(range.mapping.segment, range.range)
        return range
      case .missing: return nil
      case .cold(let plan): warm(plan)
      }
    }
  }

  /// When the message at a queue offset was stored; nil when it is gone. May wait for the device.
  package func storeTime(in queue: ConsumeQueue, at offset: QueueOffset) -> WallTime? {
    while true {
      switch withLock({ $0.storeTime(in: queue, at: offset) }) {
      case .time(let time): return time
      case .missing: return nil
      case .cold(let plan): warm(plan)
      }
    }
  }

  /// The offset of the message stored nearest to a time. May wait for the device.
  package func offset(in queue: ConsumeQueue, storedAt time: WallTime) -> QueueOffset {
    var search = TimeSearch(for: time, in: withLock { _ in queue.minOffset..<queue.maxOffset })
    while true {
      switch search.next {
      case .found(let offset): return offset
      case .probe(let offset): search.learn(storeTime(in: queue, at: offset))
      }
    }
  }

  /// Brings near what a lookup found cold. Waits for the device.
  package func warm(_ plan: WarmPlan) {
    let outcome = plan.run(on: disk)
    withLock { $0.finish(plan, outcome) }
  }
}
