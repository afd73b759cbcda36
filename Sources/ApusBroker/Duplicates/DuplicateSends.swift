import ApusBase
import ApusBrokerCore
import ApusModel
import ApusStore
import ApusStoreCore
import ApusSystem
import Synchronization

/// The messages stored last, for recognising a client's repetition of a send; kept over restarts.
///
/// What is looked up and remembered with an append is used with the store's lock held, so that of two equal sends on
/// two loops one comes first. The file is written by one thread at a time, outside of that lock.
package final class DuplicateSends: @unchecked Sendable {
  /// How far back the log is read at most when the file does not cover it, in bytes.
  static let readLimit = 1 << 30
  /// How many blocks are copied with the store's lock held, at most.
  private static let blocksAtOnce = 32
  private static let name = "recentSends"

  private let store: SharedStore
  private let path: String
  private let log: Logger
  private let key: (UInt64, UInt64)
  /// How many repetitions were answered.
  let answered = Atomic<Int64>(0)
  /// Used with the store's lock held.
  private var sends: RecentSends
  private let file: Locked<Writing?>

  /// The file being written, and how far it is.
  private struct Writing: Sendable {
    var layout: RecentSendsFile
    var file: OpenFile
    /// Everything before this number is in the file.
    var saved: Int
    var covered: PhysicalOffset
  }

  /// Where the first copy of a message lies.
  struct First {
    var queueID: Int32
    var queueOffset: QueueOffset
    var offset: PhysicalOffset
    var end: PhysicalOffset
    /// The ids of a batch, separated by commas; empty for a single message.
    var batchIDs: [UInt8] = []
  }

  /// A window of `capacity` sends over a store, filled with what an earlier run left when `rules` say that sends are
  /// looked at. Waits for the device.
  init(
    capacity: Int, rules: DuplicateRules, store: SharedStore, root: String, key: (UInt64, UInt64), log: Logger
  ) throws(DiskError) {
    self.store = store
    self.log = log
    path = root + "/" + Self.name
    sends = RecentSends(capacity: capacity)
    file = Locked(nil)
    guard rules.isOn else {
      self.key = key
      return
    }
    let bounds = store.withLock { $0.minOffset..<max($0.marks.appended, $0.minOffset) }
    if let stored = try Self.load(path, capacity: capacity, log: bounds, from: store.disk) {
      self.key = stored.key
      sends = stored.sends
      let start = max(stored.covered, PhysicalOffset(bounds.upperBound.rawValue - Int64(Self.readLimit)))
      let unread = readLog(from: start, rules, since: rules.begin(SystemClock.wall()))
      log.info("broker", "recent sends loaded", ["sends": sends.count, "read": bounds.upperBound - start - unread])
      let left = unread + (start - min(start, max(stored.covered, bounds.lowerBound)))
      if left > 0 {
        log.warning(
          "broker", "a part of the log was not read: a repetition of a send that lies there is stored again",
          ["bytes": left])
      }
    } else {
      self.key = key
    }
    try update(rules)
  }

  private static func load(
    _ path: String, capacity: Int, log: Range<PhysicalOffset>, from disk: any Disk
  ) throws(DiskError) -> (key: (UInt64, UInt64), sends: RecentSends, covered: PhysicalOffset)? {
    let file: OpenFile
    do throws(DiskError) {
      file = try OpenFile(disk: disk, path: path, create: false)
    } catch  where error.code == .notFound {
      return nil
    }
    let header = try disk.bytes(of: file.file, at: 0, count: RecentSendsFile.blockBytes)
    guard let layout = RecentSendsFile(header: header.rawSpan) else { return nil }
    let start = Int64(RecentSendsFile.blockBytes)
    let length = min(try disk.length(of: file.file), layout.byteCount)
    guard length > start else { return nil }
    let data = try disk.bytes(of: file.file, at: start, count: Int(length - start))
    guard let content = layout.content(of: data.rawSpan, capacity: capacity, log: log) else { return nil }
    return (layout.key, content.sends, content.covered)
  }

  /// Remembers what clients sent from an offset of the log on. Returns how many bytes could not be read.
  private func readLog(from start: PhysicalOffset, _ rules: DuplicateRules, since: WallTime) -> Int {
    var position = start
    var unread = 0
    while true {
      switch store.withLock({ $0.read(from: position, limit: LogSlice.sufficientBytes) }) {
      case .end: return unread
      case .cold(let plan): store.warm(plan)
      // What cannot be read is not remembered.
      case .failed(let next):
        unread += next - position
        position = next
      case .slice(let slice):
        position =
          slice.visit { record, offset in
            if record.storeTime >= since, let topic = record.topicOfSend, rules.covers(topic.text),
              let key = record.properties.value(of: PropertyName.uniqueKey)
            {
              sends.remember(hash(topic: topic, key: key), at: offset)
            }
            return true
          }.next
      }
    }
  }

  // MARK: With the store's lock held

  /// Where a message with this hash was stored last.
  func newest(_ hash: UInt64) -> PhysicalOffset? { sends.newest(hash) }

  /// Remembers that a message was stored.
  func remember(_ hash: UInt64, at offset: PhysicalOffset) { sends.remember(hash, at: offset) }

  // MARK: On any thread

  /// The hash of a topic's name and a unique key.
  func hash(topic: RawSpan, key unique: RawSpan) -> UInt64 {
    var hash = SipHash(key: key)
    hash.feed(topic)
    // No topic's name has this byte, so that name and key cannot run into one another.
    hash.feed(UInt8(0))
    hash.feed(unique)
    return hash.finish()
  }

  /// How many sends are remembered.
  var count: Int { store.withLock { _ in sends.count } }

  // MARK: The file

  /// Whether the window is kept over restarts, which it is while sends are looked at.
  var isKept: Bool { file.withLock { $0 != nil } }

  /// Begins to keep the window over restarts, or stops, as the rules say. Waits for the device.
  func update(_ rules: DuplicateRules) throws(DiskError) {
    try file.withLock { file throws(DiskError) in
      if rules.isOn, file == nil {
        file = try begin()
      } else if !rules.isOn, file != nil {
        // What is stored from now on is not in the file, which must not be believed later.
        file = nil
        try store.disk.removeFile(path)
      }
    }
  }

  /// Writes what is new to the file, if there is one. A restart reads the file and the log from here on. Waits for
  /// the device.
  func save() throws(DiskError) {
    try file.withLock { file throws(DiskError) in
      guard var writing = file else { return }
      try write(&writing)
      file = writing
    }
  }

  /// Saves for the last time and closes the file.
  func close() throws(DiskError) {
    try save()
    file.withLock { $0 = nil }
  }

  /// Makes a new file in place of what is there, with everything that is remembered.
  private func begin() throws(DiskError) -> Writing {
    let disk = store.disk
    let temporary = path + ".tmp"
    try disk.removeFile(temporary)
    let layout = RecentSendsFile(key: key, capacity: store.withLock { _ in sends.capacity })
    let file = try OpenFile(disk: disk, path: temporary, create: true)
    try disk.write(file.file, at: 0, bytes: layout.header.rawSpan)
    var writing = Writing(layout: layout, file: file, saved: 0, covered: PhysicalOffset(-1))
    try write(&writing)
    try disk.sync(file.file)
    try disk.rename(temporary, to: path)
    return writing
  }

  /// Not made durable: what a power cut takes is missing at the end, or leaves a gap, and is found in the log.
  private func write(_ writing: inout Writing) throws(DiskError) {
    while true {
      let saved = writing.saved
      let (blocks, end, next) = store.withLock { store in
        let all = RecentSendsFile.blocksToWrite(of: sends, saved: saved)
        let last = min(all.upperBound, all.lowerBound + Self.blocksAtOnce - 1)
        let isAll = last == all.upperBound
        let end = store.marks.appended
        let bytes = (all.lowerBound...last).map { ($0, RecentSendsFile.block($0, of: sends, end: end)) }
        return (bytes, end, isAll ? sends.next : (last + 1) * RecentSendsFile.entriesPerBlock)
      }
      guard next != saved || end != writing.covered else { return }
      for (block, bytes) in blocks {
        try store.disk.write(writing.file.file, at: writing.layout.place(of: block), bytes: bytes.rawSpan)
      }
      writing.saved = next
      writing.covered = end
      if blocks.count < Self.blocksAtOnce { return }
    }
  }
}
