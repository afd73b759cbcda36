import ApusBase
import ApusModel
import ApusStoreCore

/// Holds the index of a store against its log while that is scanned: entries lie in the order of the log, so that one
/// walk over both compares them. Within each file it follows the lists that a lookup follows. Of a store that was not
/// closed in order, faults of the files that the next start makes anew are notes.
final class IndexInspection {
  private let disk: any Disk
  private let directory: String
  private let layout: IndexLayout
  private let report: (StoreFinding) -> Void
  private var files: [IndexFile] = []
  private var logStart = PhysicalOffset.zero
  /// How many of the files, the oldest ones, the next start keeps.
  private var keptCount = 0
  private var file = 0
  private var entry: Int32 = 1
  private var missing: [StoreFinding.Severity: Int] = [:]
  /// So many keys that are missing are told one by one.
  private static let missingLimit = 100
  /// How many keys there are.
  private(set) var entryCount = 0

  init(disk: any Disk, directory: String, layout: IndexLayout, report: @escaping (StoreFinding) -> Void) {
    self.disk = disk
    self.directory = directory
    self.layout = layout
    self.report = report
  }

  deinit { for file in files { disk.unmap(file.segment) } }

  /// How many files there are.
  var fileCount: Int { files.count }

  /// Maps the files and checks their lists. After a stop that was not in order those count that are older than the
  /// newest and end before `durable`, the checkpoint's time of the index.
  func open(logStart: PhysicalOffset, wasClosed: Bool, durable: WallTime) throws(DiskError) {
    self.logStart = logStart
    let names = try disk.list(directory).filter { !$0.isDirectory }
    for found in names {
      let path = directory + "/" + found.name
      let mayCount = wasClosed || (keptCount == files.count && found != names.last)
      let unusable = mayCount ? StoreFinding.Severity.problem : .note
      guard found.length == Int64(layout.fileBytes) else {
        report(
          StoreFinding(unusable, .indexFile, path: path, "has \(found.length) bytes, others \(layout.fileBytes)"))
        continue
      }
      let descriptor = try disk.open(path, create: false)
      defer { disk.close(descriptor) }
      let segment = try disk.map(descriptor, length: layout.fileBytes, writable: false)
      let bytes = unsafe RawSpan(_unsafeBytes: segment.bytes(0..<IndexLayout.headerBytes))
      guard let header = IndexHeader(bytes, layout: layout) else {
        disk.unmap(segment)
        report(StoreFinding(unusable, .indexFile, path: path, "its header makes no sense"))
        continue
      }
      let file = IndexFile(name: found.name, layout: layout, segment: segment, header: header, isFlushed: true)
      if mayCount, wasClosed || header.endTime <= durable { keptCount += 1 }
      files.append(file)
      entryCount += Int(header.nextEntry) - 1
      checkLists(of: file, path, severity(of: files.count - 1))
    }
  }

  /// How bad a fault is of a file, by its place among all.
  private func severity(of file: Int) -> StoreFinding.Severity { file < keptCount ? .problem : .note }

  /// How bad it is when keys of the record at an offset are wrong.
  private func severity(at offset: PhysicalOffset) -> StoreFinding.Severity {
    files.prefix(keptCount).contains { offset <= $0.header.endOffset } ? .problem : .note
  }

  private func checkLists(of file: IndexFile, _ path: String, _ severity: StoreFinding.Severity) {
    let bytes = unsafe RawSpan(_unsafeBytes: file.segment.bytes(0..<file.segment.capacity))
    var newest = [Int32](repeating: 0, count: layout.slotCount)
    for number in 1..<max(1, file.header.nextEntry) {
      let entry = IndexEntry(bytes, at: layout.entryOffset(Int(number)))
      guard entry.keyHash >= 0 else {
        report(StoreFinding(severity, .indexFile, path: path, at: Int64(number), "an entry's hash is negative"))
        return
      }
      let slot = layout.slot(of: entry.keyHash)
      guard entry.previous == newest[slot] else {
        report(
          StoreFinding(severity, .indexFile, path: path, at: Int64(number), "the list of its slot is broken here"))
        return
      }
      newest[slot] = number
    }
    for slot in 0..<layout.slotCount
    where bytes.loadBigEndian(at: layout.slotOffset(slot), as: Int32.self) != newest[slot] {
      report(StoreFinding(severity, .indexFile, path: path, "slot \(slot) does not point to its newest entry"))
      return
    }
  }

  // MARK: The walk

  private var current: IndexEntry? {
    while file < files.count, entry >= files[file].header.nextEntry {
      file += 1
      entry = 1
    }
    guard file < files.count else { return nil }
    let bytes = unsafe RawSpan(_unsafeBytes: files[file].segment.bytes(0..<files[file].segment.capacity))
    return IndexEntry(bytes, at: layout.entryOffset(Int(entry)))
  }

  /// Compares the keys of a record with the entries for it.
  func check(_ record: borrowing StoredRecord, at offset: PhysicalOffset) {
    passOver(before: offset)
    var found: [Int32] = []
    while let next = current, next.offset == offset {
      found.append(next.keyHash)
      entry += 1
    }
    guard let first = files.first?.header.beginOffset, let last = files.last?.header.endOffset, offset >= first,
      offset <= last
    else { return }
    let expected = Self.hashes(of: record)
    let fault = severity(at: offset)
    for hash in expected where !found.contains(hash) {
      missing[fault, default: 0] += 1
      guard missing[fault, default: 0] <= Self.missingLimit else { continue }
      report(
        StoreFinding(
          fault, .keyMissing, path: directory, at: offset.rawValue, "the index lacks a key of the message there"))
    }
    for hash in found where !expected.contains(hash) {
      report(
        StoreFinding(
          fault, .keyDangling, path: directory, at: offset.rawValue, "the message there has no such key"))
    }
  }

  private func passOver(before offset: PhysicalOffset?) {
    while let next = current, offset.map({ next.offset < $0 }) ?? true {
      if next.offset >= logStart {
        report(
          StoreFinding(
            severity(of: file), .keyDangling, path: directory + "/" + files[file].name, at: Int64(entry),
            "points to \(next.offset), where no message begins"))
      }
      entry += 1
    }
  }

  /// Says what is left when the log has ended.
  func finish() {
    passOver(before: nil)
    for severity in [StoreFinding.Severity.problem, .note] {
      guard let count = missing[severity], count > Self.missingLimit else { continue }
      report(StoreFinding(severity, .keyMissing, path: directory, "the index lacks \(count) keys in all"))
    }
  }

  /// The hashes of a record's keys, as the index puts them in.
  private static func hashes(of record: borrowing StoredRecord) -> [Int32] {
    guard record.sysFlag.transaction != .rolledBack else { return [] }
    let known = KnownProperties(record.properties)
    let bytes = record.properties.bytes
    let uniqueKey = bytes.extracting(known.uniqueKey ?? 0..<0)
    let keys = bytes.extracting(known.keys ?? 0..<0)
    var hashes: [Int32] = []
    IndexKeyHash(topic: record.topic).forEachKey(uniqueKey: uniqueKey, keys: keys) { hash in
      hashes.append(hash)
      return true
    }
    return hashes
  }
}
