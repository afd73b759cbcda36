import ApusBase
import ApusSimulator

/// What starts of the broker found in the log, files that have expired since included: none of it may change or go any
/// more, but for files whose time has come.
struct FoundRecords {
  private var records: [Int64: ScannedLog.Record] = [:]
  /// How long files are kept at least, in milliseconds; nil for ever.
  private let retention: Int64?

  init(retention: Int64?) { self.retention = retention }

  /// What the log on the disk holds now, with what it held before its present first file. Throws when something is gone
  /// or has changed that may not.
  func read(_ disk: SimulatedDisk, now: Int64) throws(SimulationFailure) -> AuditedLog {
    let scanned = ScannedLog(of: disk)
    let inLog = Dictionary(uniqueKeysWithValues: scanned.records.map { ($0.offset, $0) })
    var expired: [ScannedLog.Record] = []
    for (offset, record) in records {
      if offset >= scanned.start {
        guard inLog[offset] == record else {
          throw SimulationFailure("the record of \(record.topic) at \(offset), which a start had found, is not there")
        }
      } else {
        guard isExpired(record.storeTime, now: now) else {
          throw SimulationFailure("the record of \(record.topic) at \(offset) was removed before its time")
        }
        expired.append(record)
      }
    }
    return AuditedLog(expired.sorted { $0.offset < $1.offset } + scanned.records, start: scanned.start)
  }

  /// Whether a record that was stored at a time may have left the log.
  func isExpired(_ storeTime: Int64, now: Int64) -> Bool { retention.map { storeTime + $0 <= now } ?? false }

  /// A start found these, all before `end`.
  mutating func found(_ audited: AuditedLog, upTo end: Int64) { records = audited.byOffset.filter { $0.key < end } }
}

extension ScannedLog {
  /// The log of a broker: its files from the last one on that follows a gap, as removals that a power loss undid leave
  /// one.
  init(of disk: SimulatedDisk) {
    let files = disk.contents(of: "store/commitlog")
    var (start, end) = (0 as Int64, 0 as Int64)
    for (name, bytes) in files {
      guard name.utf8.count == 20, let first = Int64(name) else { continue }
      if first != end { start = first }
      end = first + Int64(bytes.count)
    }
    self.init(files: files, from: start)
  }
}
