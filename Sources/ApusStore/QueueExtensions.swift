import ApusBase
import ApusModel
package import ApusStoreCore

/// Extension units that were read last, so that a walk over entries reads them in runs.
struct ExtensionBytes {
  /// How many bytes are read at once.
  static let count = 16 << 10
  /// The queue's number.
  var queue = -1
  /// The offset of the first byte.
  var start: Int64 = 0
  var bytes: [UInt8] = []

  func unit(of number: Int, at offset: Int64) -> ConsumeQueueExtension? {
    guard queue == number, offset >= start, offset - start < Int64(bytes.count) else { return nil }
    return ConsumeQueueExtension(bytes.rawSpan, at: Int(offset - start))
  }
}

extension MessageStore {
  /// What stands at the address that an entry's tags code is.
  package enum UnitLookup: Sendable {
    /// The unit.
    case found(ConsumeQueueExtension)
    /// It must be brought near first; then look again.
    case cold(WarmPlan)
    /// The unit is lost, or the tags code is no address.
    case missing
  }

  /// The extension unit that a tags code is the address of, without waiting for the device.
  package func unit(at tagsCode: Int64, of queue: ConsumeQueue) -> UnitLookup {
    guard let offset = ConsumeQueueExtension.offset(of: tagsCode), offset < queue.extensionEnd else { return .missing }
    if let unit = extensionBytes.unit(of: queue.number, at: offset) { return .found(unit) }
    if let warmed = queue.warmedExtensions, warmed.start <= offset {
      if offset - warmed.start < Int64(warmed.bytes.count),
        let unit = ConsumeQueueExtension(warmed.bytes.rawSpan, at: Int(offset - warmed.start))
      {
        return .found(unit)
      }
      if warmed.start == offset {
        // It could not be read a moment ago, or is no unit; the next pull tries again.
        queue.warmedExtensions = nil
        return .missing
      }
    }
    let start = queue.extensionFileStart(of: offset)
    let end = min(start + queue.extensionFileBytes, queue.extensionEnd)
    let key = QueueFileCache.Key(queue: queue.number, start: start, isExtension: true)
    let plan = WarmPlan(
      queue: queue, extensionsFrom: offset, in: key, count: Int(min(end - offset, 4 * Int64(ExtensionBytes.count))))
    guard let file = queueFiles.file(key) else { return .cold(plan) }
    do throws(DiskError) {
      guard try readUnits(from: file, of: queue, at: offset, in: start..<end) else { return .cold(plan) }
    } catch {
      report(.fileUnreadable(path: queue.path(ofExtensionFileAt: start), reason: error.description))
      return .missing
    }
    return extensionBytes.unit(of: queue.number, at: offset).map { .found($0) } ?? .missing
  }

  /// Reads units from `offset` on into memory; false when that would wait for the device.
  private func readUnits(
    from file: OpenFile, of queue: ConsumeQueue, at offset: Int64, in range: Range<Int64>
  ) throws(DiskError) -> Bool {
    let count = Int(min(range.upperBound - offset, Int64(ExtensionBytes.count)))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { unsafe buffer.deallocate() }
    guard let read = try unsafe disk.readIfCached(file.file, at: offset - range.lowerBound, into: buffer) else {
      return false
    }
    extensionBytes = unsafe ExtensionBytes(queue: queue.number, start: offset, bytes: Array(buffer[..<read]))
    return true
  }

  /// An entry with the tags code of its unit. Where that is lost, the tags code of a delayed message is worked out
  /// anew, as Java does; of others it stays the address.
  func resolved(_ entry: ConsumeQueueEntry, of queue: ConsumeQueue) -> EntryLookup {
    var entry = entry
    switch unit(at: entry.tagsCode, of: queue) {
    case .found(let unit): entry.tagsCode = unit.tagsCode
    case .cold(let plan): return .cold(plan)
    case .missing:
      guard queue.topic == SystemTopics.schedule else { break }
      switch record(at: entry.offset) {
      case .cold(let plan): return .cold(plan)
      case .missing: break
      case .found(let range):
        guard let record = StoredRecord.whole(at: range.bytes()) else { break }
        let due = settings.delayLevels.deliveryTime(level: Int(queue.id) + 1, storedAt: record.storeTime)
        entry.tagsCode = due.milliseconds
      }
    }
    return .entry(entry)
  }
}

extension ConsumeQueue {
  /// Where the extension file begins, in bytes, that holds an offset.
  func extensionFileStart(of offset: Int64) -> Int64 { offset - offset % extensionFileBytes }

  /// The path of the extension file that begins at an offset.
  func path(ofExtensionFileAt start: Int64) -> String { extensionDirectory + "/" + SegmentName.text(start) }

  /// How many of the newest entries are looked at for the end of the extension files.
  private static let entriesLookedAt: Int64 = 64

  /// Finds where the next unit goes: behind the last one of the units that follow one another from the newest that an
  /// entry knows of, or from the start of the last file. Waits for the device.
  func findExtensionEnd(on disk: any Disk) throws(DiskError) {
    let files = try disk.list(extensionDirectory).compactMap { $0.isDirectory ? nil : SegmentName.start($0.name) }
      .filter { $0 % extensionFileBytes == 0 }.sorted()
    guard let last = files.last else { return }
    var offset = tail.end - 1
    let first = max(firstEntry, tail.end - Self.entriesLookedAt)
    while offset >= first, let entry = try entry(at: offset, on: disk) {
      if let known = ConsumeQueueExtension.offset(of: entry.tagsCode) {
        guard extensionFileStart(of: known) == last else { break }
        let end = try endOfUnits(from: known, on: disk)
        if end > known {
          extensionEnd = end
          return
        }
      }
      offset -= 1
    }
    extensionEnd = try endOfUnits(from: last, on: disk)
  }

  /// Where the units end that follow one another from an offset on, within its file.
  private func endOfUnits(from offset: Int64, on disk: any Disk) throws(DiskError) -> Int64 {
    let start = extensionFileStart(of: offset)
    let file = try OpenFile(disk: disk, path: path(ofExtensionFileAt: start), create: false)
    var end = offset
    while true {
      let bytes = try disk.bytes(of: file.file, at: end - start, count: 1 << 16)
      var position = 0
      while let size = ConsumeQueueExtension.size(bytes.rawSpan, at: position), position + size <= bytes.count {
        position += size
      }
      if position == 0 { return end }
      end += Int64(position)
    }
  }
}
