package import ApusBase
import ApusModel
package import ApusStoreCore

/// Reads a part of the log's old files and looks for records that are not what was stored, so that damage is known
/// before somebody needs the message. Small steps, so that the caller decides how fast it goes.
package struct ScrubPlan: Sendable {
  let path: String
  let start: PhysicalOffset
  let capacity: Int
  let position: Int
  let limit: Int

  /// What came of it.
  package struct Outcome: Sendable {
    /// How many bytes were read.
    package internal(set) var bytesRead = 0
    /// What is damaged, in the order of the log.
    package internal(set) var damaged: [Range<PhysicalOffset>] = []
    /// Why it did not succeed; nil when it did.
    package internal(set) var error: DiskError?
    /// Where the next step goes on.
    var next: PhysicalOffset
  }

  /// Does it. Blocks.
  package func run(on disk: any Disk) -> Outcome {
    var outcome = Outcome(next: start + capacity)
    do throws(DiskError) {
      try read(disk, into: &outcome)
    } catch  where error.code == .notFound {
      // Retention was faster.
    } catch {
      outcome.error = error
    }
    return outcome
  }

  private func read(_ disk: any Disk, into outcome: inout Outcome) throws(DiskError) {
    let file = try OpenFile(disk: disk, path: path, create: false)
    let bytes = try disk.bytes(of: file.file, at: Int64(position), count: min(limit, capacity - position))
    outcome.bytesRead = bytes.count
    var at = 0
    while at < bytes.count {
      let rest = bytes.rawSpan.extracting(at..<bytes.count)
      switch StoredRecord.prefix(of: rest) {
      case .record(let size) where size > rest.byteCount && size <= capacity - position - at && at == 0:
        return try readLong(size, file, disk, into: &outcome)
      case .record(let size) where size > rest.byteCount && size <= capacity - position - at:
        outcome.next = start + position + at
        return
      case .record(let size) where Self.isWhole(rest, size, at: start + position + at):
        at += size
      case .blank(let size) where size == capacity - position - at: return
      case .unwritten where rest.byteCount < 8 && position + bytes.count < capacity:
        outcome.next = start + position + at
        return
      case .record, .blank, .unwritten, .unknown:
        return try pass(position + at, disk, into: &outcome)
      }
    }
    outcome.next = start + position + at
  }

  /// Looks at a record that is longer than a step.
  private func readLong(
    _ size: Int, _ file: OpenFile, _ disk: any Disk, into outcome: inout Outcome
  ) throws(DiskError) {
    let bytes = try disk.bytes(of: file.file, at: Int64(position), count: size)
    outcome.bytesRead += bytes.count
    guard Self.isWhole(bytes.rawSpan, size, at: start + position) else {
      return try pass(position, disk, into: &outcome)
    }
    outcome.next = start + position + size
  }

  /// Whether `bytes` begin with a record of this size that belongs at `offset` and whose body is what was stored.
  static func isWhole(_ bytes: RawSpan, _ size: Int, at offset: PhysicalOffset) -> Bool {
    size <= bytes.byteCount && whole(bytes, at: offset) != nil
  }

  /// The record that `bytes` begin with, if it belongs at `offset` and its body is what was stored.
  @_lifetime(copy bytes)
  static func whole(_ bytes: RawSpan, at offset: PhysicalOffset) -> StoredRecord? {
    guard let record = StoredRecord.whole(at: bytes), record.physicalOffset == offset, record.bodyMatchesCRC else {
      return nil
    }
    return record
  }

  /// Something is damaged at a position: looks for the next record as recovery does.
  private func pass(_ bad: Int, _ disk: any Disk, into outcome: inout Outcome) throws(DiskError) {
    let mapping = try Mapping(disk: disk, path: path, length: capacity, writable: false)
    let scanner = LogScanner(
      mapping.bytes(0..<capacity), start: start, checksBodies: true,
      written: try WrittenRanges(of: path, length: capacity, on: disk))
    let next = scanner.resume(after: bad) ?? capacity
    outcome.bytesRead += next - bad
    outcome.damaged.append(start + bad..<start + next)
    outcome.next = start + next
  }
}

extension MessageStore {
  /// The next step of about `limit` bytes through the files that nobody writes to any more; nil when there is none or
  /// one is under way. After the last such file it begins anew.
  package func planScrub(limit: Int) -> ScrubPlan? {
    guard !isClosed, !scrubbing, limit > 0, let first = log.segments.files.first, isCold(first) else { return nil }
    scrubbed = max(scrubbed, log.minOffset)
    var file = log.segments.file(at: scrubbed) ?? log.segments.file(from: scrubbed)
    if let found = file, !isCold(found) { file = nil }
    if file == nil {
      file = first
      scrubbed = first.start
      scrubRounds += 1
    }
    guard let file else { return nil }
    scrubbing = true
    let position = max(scrubbed, file.start) - file.start
    return ScrubPlan(
      path: file.path, start: file.start, capacity: file.capacity, position: position, limit: max(limit, 4096))
  }

  private func isCold(_ file: MappedFile) -> Bool {
    file !== log.tail && file.end <= log.marks.flushed && file.end <= (log.tail?.start ?? .zero)
  }

  /// Takes in what a step found.
  package func finish(_ plan: ScrubPlan, _ outcome: ScrubPlan.Outcome) {
    scrubbing = false
    scrubbed = outcome.next
    if let error = outcome.error { report(.fileUnreadable(path: plan.path, reason: error.description)) }
    for range in outcome.damaged where range.lowerBound >= log.minOffset { noteDamage(range) }
  }

  /// What is known to be damaged.
  package var damage: DamageTable {
    damageFound.remove(before: log.minOffset)
    return damageFound
  }

  /// A range of the log turned out to be damaged: it is reported once, and never served.
  package func noteDamage(_ range: Range<PhysicalOffset>) {
    guard damageFound.note(range) else { return }
    report(.recordDamaged(path: log.segments.file(at: range.lowerBound)?.path ?? log.directory, range))
  }
}
