package import ApusBase
import ApusModel
package import ApusStoreCore

/// Looks through a closed store without changing it: reads the whole log, and holds queues and index against it, in
/// both directions. Takes as long as reading the store does; memory grows with the number of queues only.
package final class StoreInspection {
  let disk: any Disk
  let settings: StoreSettings
  private let report: (StoreFinding) -> Void
  /// What was found so far.
  package internal(set) var totals = StoreTotals()
  private var files: [File] = []
  private var queues: InspectedQueues
  private var index: IndexInspection?

  private struct File {
    var start: PhysicalOffset
    var path: String
    var mapping: Mapping
    var written: WrittenRanges
    var hasData = true
    var end: PhysicalOffset { start + mapping.segment.capacity }
  }

  /// Prepares for a store that nobody has open. `index` gives the measures of index files; nil when there are none.
  package init(
    disk: any Disk, settings: StoreSettings, index layout: IndexLayout?, report: @escaping (StoreFinding) -> Void
  ) {
    self.disk = disk
    self.settings = settings
    self.report = report
    queues = InspectedQueues(disk: disk, settings: settings, report: report)
    if let layout {
      index = IndexInspection(disk: disk, directory: settings.root + "/index", layout: layout, report: report)
    }
  }

  /// Does it all. Blocks.
  package func run() throws(DiskError) {
    totals.wasClosed = try !disk.list(settings.root).contains { $0.name == "abort" }
    try mapFiles()
    let mark = try disk.contents(of: settings.markPath, limit: DurableMark.bytes)
    try queues.open(
      logStart: totals.logStart, wasClosed: totals.wasClosed, mark: mark.flatMap { DurableMark.newest(in: $0.rawSpan) })
    let checkpoint = try disk.contents(of: settings.checkpointPath, limit: Checkpoint.bytes)
    try index?.open(
      logStart: totals.logStart, wasClosed: totals.wasClosed,
      durable: checkpoint.flatMap { Checkpoint($0.rawSpan) }?.index ?? WallTime(milliseconds: 0))
    try scan()
    try queues.finish(logEnd: totals.logEnd) { [self] offset, queue in
      record(at: offset, in: queue)
    }
    totals.queues = queues.count
    totals.entries = queues.entryCount
    if let index {
      index.finish()
      totals.indexFiles = index.fileCount
      totals.keys = index.entryCount
    }
    try checkMarks()
  }

  // MARK: The log

  private func mapFiles() throws(DiskError) {
    for entry in try disk.list(settings.logDirectory) where !entry.isDirectory {
      let path = settings.logDirectory + "/" + entry.name
      guard let start = SegmentName.start(entry.name) else {
        report(StoreFinding(.problem, .logFile, path: path, "is no log file"))
        continue
      }
      if let last = files.last, start != last.end.rawValue {
        report(
          StoreFinding(
            .problem, .logFile, path: path, at: start, "does not follow the file before, which ends at \(last.end)"))
      }
      if entry.length != Int64(settings.logFileBytes) {
        report(
          StoreFinding(
            .problem, .logFile, path: path, at: start,
            "has \(entry.length) bytes, the others \(settings.logFileBytes)"))
      }
      let length = Int(min(entry.length, Int64(settings.logFileBytes)))
      guard length > 0 else { continue }
      let mapping = try Mapping(disk: disk, path: path, length: length, writable: false)
      var file = File(
        start: PhysicalOffset(start), path: path, mapping: mapping,
        written: try WrittenRanges(of: path, length: length, on: disk))
      file.hasData = !file.written.isZero(mapping.bytes(0..<length), from: 0)
      files.append(file)
    }
    totals.logFiles = files.count
    totals.logStart = files.first?.start ?? .zero
    totals.logEnd = totals.logStart
  }

  private func scan() throws(DiskError) {
    for (number, file) in files.enumerated() {
      guard try scan(file, isLast: !files[(number + 1)...].contains { $0.hasData }) else { return }
    }
  }

  /// Reads one file; false when the log ends in it.
  private func scan(_ file: File, isLast: Bool) throws(DiskError) -> Bool {
    let length = file.mapping.segment.capacity
    let scanner = LogScanner(
      file.mapping.bytes(0..<length), start: file.start, checksBodies: true, written: file.written)
    var position = 0
    while true {
      switch scanner.item(at: position) {
      case .record(let size):
        try take(scanner.bytes.extracting(position..<position + size), at: file.start + position)
        position += size
        totals.logEnd = file.start + position
      case .blank: return !isLast
      case .end: return !isLast
      case .unwritten:
        if isLast { return false }
        damage(file, position..<length, "zeroes, though the log goes on in the next file")
        return true
      case .bad(let reason):
        if let next = scanner.resume(after: position) {
          damage(file, position..<next, "\(reason)")
          position = next
        } else if isLast {
          report(
            StoreFinding(
              totals.wasClosed ? .problem : .note, .tornTail, path: file.path, at: (file.start + position).rawValue,
              "the log ends in what is no record: \(reason)"))
          return false
        } else {
          damage(file, position..<length, "\(reason)")
          return true
        }
      }
    }
  }

  private func damage(_ file: File, _ range: Range<Int>, _ reason: String) {
    let (first, end) = (file.start + range.lowerBound, file.start + range.upperBound)
    queues.damaged.append(first..<end)
    report(
      StoreFinding(
        .problem, .logDamage, path: file.path, at: first.rawValue, "\(range.count) bytes up to \(end): \(reason)"))
  }

  private func take(_ bytes: RawSpan, at offset: PhysicalOffset) throws(DiskError) {
    guard let record = StoredRecord.whole(at: bytes) else { return }
    totals.records += 1
    totals.recordBytes += bytes.byteCount
    if record.sysFlag.takesQueueOffset { try queues.check(record, at: offset) }
    index?.check(record, at: offset)
  }

  /// The size of the whole record at a place and its offset in a queue; nil when none is there.
  private func record(at offset: PhysicalOffset, in queue: ConsumeQueue) -> (size: Int, queueOffset: Int64)? {
    guard let file = files.last(where: { $0.start <= offset }), offset < file.end else { return nil }
    let bytes = file.mapping.bytes(offset - file.start..<file.mapping.segment.capacity)
    guard let record = StoredRecord.whole(at: bytes), record.physicalOffset == offset else { return nil }
    if LightQueues.isLight(queue.topic), record.topic.text != queue.topic {
      let place = LightQueues.places(of: record).first { $0.name == queue.topic }
      return place.map { (record.size, $0.offset.rawValue) }
    }
    return (record.size, record.queueOffset.rawValue)
  }

  // MARK: Marks

  private func checkMarks() throws(DiskError) {
    let path = settings.checkpointPath
    if let bytes = try disk.contents(of: path, limit: Checkpoint.bytes), Checkpoint(bytes.rawSpan) == nil {
      report(StoreFinding(.problem, .marks, path: path, "has \(bytes.count) bytes and is no checkpoint"))
    }
    guard let bytes = try disk.contents(of: settings.markPath, limit: DurableMark.bytes) else { return }
    guard let mark = DurableMark.newest(in: bytes.rawSpan) else {
      report(StoreFinding(.problem, .marks, path: settings.markPath, "neither of its slots is whole"))
      return
    }
    if mark.offset > totals.logEnd {
      report(
        StoreFinding(
          .problem, .marks, path: settings.markPath, at: mark.offset.rawValue,
          "the log was durable up to \(mark.offset), but ends at \(totals.logEnd)"))
    }
  }
}
