package import ApusBase
package import ApusModel
package import ApusStoreCore

/// Finds records by their keys: a list of index files, the newest of which grows.
///
/// One thread puts records in, in the order of the log; others ask. There is no lock in here: the broker keeps one
/// around it. Slow work is planned, run outside of that lock and finished (``IndexStep``).
///
/// **What a crash leaves.** A file is made durable when it is full, before the next one is created; so all files but
/// the newest are durable. After a stop that was not clean the newest is destroyed, and with it each file that ends
/// after the checkpoint's index time (Java creates the next file first); they are built anew from the log, from
/// ``resumeOffset`` on. Java 4.9.8 looks at the checkpoint's time only, and rebuilds only what lies after the log's own
/// checkpoint.
package final class MessageIndex {
  /// Where index files are and how long they are.
  package struct Settings: Hashable, Sendable {
    /// The directory of the files.
    package var directory: String
    /// The measures of every file.
    package var layout: IndexLayout
    /// How many entries are made present ahead of use at a time: 4 MiB by default.
    package var entriesAhead: Int

    /// Describes where index files are.
    package init(
      directory: String, layout: IndexLayout = .standard, entriesAhead: Int = 4 << 20 / IndexLayout.entryBytes
    ) {
      precondition(entriesAhead > 0, "no entries ahead of use")
      self.directory = directory
      self.layout = layout
      self.entriesAhead = entriesAhead
    }
  }

  /// What became of a record that was put in.
  package enum Outcome: Hashable, Sendable {
    /// All its keys are found from now on; there may be none, or they were there before.
    case done
    /// There is no room: run the steps that ``planStep(now:name:)`` gives, then put the same record again.
    case needsStep
  }

  /// The settings it was opened with.
  package let settings: Settings
  /// The files, oldest first.
  package private(set) var files: [IndexFile]
  /// A record that ran out of room: how many of its keys are in.
  private var interrupted: (offset: PhysicalOffset, keys: Int)?

  /// Takes over files that ``open(disk:settings:after:)`` found good.
  init(settings: Settings, files: [IndexFile]) {
    self.settings = settings
    self.files = files
  }

  /// Where indexing goes on: at this record, whose keys may be in already, or at the start of the log if that lies
  /// later.
  package var resumeOffset: PhysicalOffset { files.last?.header.endOffset ?? .zero }

  /// The store time and the offset of the last record that has a key.
  package var lastUpdate: (time: WallTime, offset: PhysicalOffset) {
    guard let header = files.last?.header else { return (WallTime(milliseconds: 0), .zero) }
    return (header.endTime, header.endOffset)
  }

  /// Up to which store time index entries are durable: what the checkpoint says about the index.
  package var durableTime: WallTime {
    files.prefix { $0.isFlushed }.last { !$0.isEmpty }?.header.endTime ?? WallTime(milliseconds: 0)
  }

  // MARK: Putting in

  /// Adds the keys of a record that lies at `offset`: UNIQ_KEY, and each word of KEYS. Records of rolled-back
  /// transactions have none. Records before ``resumeOffset`` are passed over.
  package func put(_ record: borrowing StoredRecord, at offset: PhysicalOffset) -> Outcome {
    guard record.sysFlag.transaction != .rolledBack else { return .done }
    let properties = record.properties
    let known = KnownProperties(properties)
    if known.uniqueKey == nil && known.keys == nil { return .done }
    let uniqueKey = properties.bytes.extracting(known.uniqueKey ?? 0..<0)
    let keys = properties.bytes.extracting(known.keys ?? 0..<0)
    return put(topic: record.topic, uniqueKey: uniqueKey, keys: keys, offset: offset, time: record.storeTime)
  }

  /// Adds keys; an empty `uniqueKey` or `keys` is none.
  func put(
    topic: RawSpan, uniqueKey: RawSpan, keys: RawSpan, offset: PhysicalOffset, time: WallTime
  ) -> Outcome {
    guard offset >= resumeOffset else { return .done }
    var position = KeyPosition(interrupted: interrupted, offset: offset)
    // Only the last record of before the start, or of before a file was given up, can be in already.
    let mayBeIn = position.alreadyIn == 0 && offset == resumeOffset
    let areIn = IndexKeyHash(topic: topic).forEachKey(uniqueKey: uniqueKey, keys: keys) { hash in
      put(hash, offset, time, &position, mayBeIn)
    }
    guard areIn else { return .needsStep }
    interrupted = nil
    files.last?.storeHeader()
    return .done
  }

  /// How far the keys of one record are in.
  private struct KeyPosition {
    /// Keys that an earlier attempt put in.
    let alreadyIn: Int
    /// Keys seen in this attempt.
    var seen = 0

    init(interrupted: (offset: PhysicalOffset, keys: Int)?, offset: PhysicalOffset) {
      alreadyIn = interrupted?.offset == offset ? interrupted?.keys ?? 0 : 0
    }
  }

  /// Adds one key; false when there is no room for it.
  private func put(
    _ keyHash: Int32, _ offset: PhysicalOffset, _ time: WallTime, _ position: inout KeyPosition, _ mayBeIn: Bool
  ) -> Bool {
    if position.seen >= position.alreadyIn && !(mayBeIn && files.suffix(2).contains { $0.has(keyHash, offset) }) {
      guard let active = files.last, active.room > 0 else {
        interrupted = (offset, position.seen)
        files.last?.storeHeader()
        return false
      }
      active.put(keyHash, offset, time)
    }
    position.seen += 1
    return true
  }

  // MARK: Asking

  /// The records that may have a key, in the order of the log, each once: at most `limit`, the newest if there are
  /// more. Keys with the same hash are not told apart, so the caller compares keys.
  package func query(
    topic: RawSpan, key: RawSpan, in interval: ClosedRange<WallTime>, limit: Int
  ) -> [PhysicalOffset] {
    let keyHash = IndexKeyHash(topic: topic).hash(of: key)
    var found: [PhysicalOffset] = []
    for file in files.reversed() where found.count < limit {
      if file.overlaps(interval) { file.find(keyHash, in: interval, limit: limit, into: &found) }
      if !file.isEmpty && file.header.beginTime < interval.lowerBound { break }
    }
    return Set(found).sorted()
  }

  // MARK: Steps

  /// What has to be done so that the next keys find room: nil when there is room ahead. `name` makes a file name of the
  /// local time, yyyyMMddHHmmssSSS, as RocketMQ does.
  package func planStep(now: WallTime, name: (WallTime) -> String) -> IndexStep? {
    guard let active = files.last else { return step(.create(name: nextName(name(now)), firstEntries: firstEntries)) }
    if active.isFull { return planFlush() ?? step(.create(name: nextName(name(now)), firstEntries: firstEntries)) }
    guard active.room <= settings.entriesAhead / 2 else { return nil }
    let layout = settings.layout
    let from = max(active.preparedEntries, Int(active.header.nextEntry))
    let to = min(layout.entryCount, from + settings.entriesAhead)
    guard to > active.preparedEntries else { return nil }
    var ranges = [layout.entryOffset(from)..<layout.entryOffset(to)]
    if active.preparedEntries == 0 { ranges.insert(0..<layout.entryOffset(0), at: 0) }
    return step(.populate(active.segment, ranges, entries: to))
  }

  /// What has to be flushed for the newest file to be durable as it is: for a clean stop. nil when there is nothing.
  package func planFlush() -> IndexStep? {
    guard let file = files.first(where: { !$0.isFlushed }) else { return nil }
    file.storeHeader()
    let bytes = settings.layout.entryOffset(Int(file.header.nextEntry))
    return step(.flush(name: file.name, file.segment, bytes: bytes, nextEntry: file.header.nextEntry))
  }

  /// Takes over what a step made.
  package func finish(_ step: IndexStep, _ result: IndexStep.Result) {
    switch (step.work, result) {
    case (.create(let name, let entries), .created(let segment)):
      let last = lastUpdate
      let file = IndexFile(
        name: name, layout: settings.layout, segment: segment, header: IndexHeader(following: last.time, last.offset),
        isFlushed: false)
      file.preparedEntries = entries
      file.storeHeader()
      files.append(file)
    case (.populate(let segment, _, let entries), _):
      files.last { unsafe $0.segment.base == segment.base }?.preparedEntries = entries
    case (.flush(let name, _, _, let nextEntry), _):
      if let file = files.last(where: { $0.name == name }), file.header.nextEntry == nextEntry { file.isFlushed = true }
    case (.create, .done):
      preconditionFailure("a file was created without a mapping")
    }
  }

  /// Gives up the file that a flush failed for, and those after it: what a failed flush left on the device is unknown
  /// for good. They are built anew from ``resumeOffset`` on. nil when the step was no flush: then it can simply be
  /// planned again.
  package func abandon(_ step: IndexStep) -> IndexRemoval? {
    guard case .flush(let name, _, _, _) = step.work, let first = files.firstIndex(where: { $0.name == name }) else {
      return nil
    }
    return remove(first..<files.count)
  }

  private func step(_ work: IndexStep.Work) -> IndexStep {
    IndexStep(work: work, directory: settings.directory, layout: settings.layout)
  }

  private var firstEntries: Int { min(settings.layout.entryCount, 1 + settings.entriesAhead) }

  /// A name after that of the newest file, as files are put in order by name, whatever the clock says.
  private func nextName(_ name: String) -> String {
    guard let last = files.last?.name, name <= last, let number = Int64(last) else { return name }
    return String(number + 1)
  }

  // MARK: Taking away

  /// Lets go of files that hold only records before `minimum`, the start of the log; never of the newest.
  package func takeExpired(before minimum: PhysicalOffset) -> IndexRemoval? {
    let count = files.dropLast().prefix { $0.header.endOffset < minimum }.count
    return count > 0 ? remove(0..<count) : nil
  }

  private func remove(_ range: Range<Int>) -> IndexRemoval {
    let removed = files[range]
    files.removeSubrange(range)
    interrupted = nil
    return IndexRemoval(
      names: removed.map(\.name), segments: removed.map(\.segment), directory: settings.directory)
  }
}
