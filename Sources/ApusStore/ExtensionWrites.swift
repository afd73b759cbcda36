package import ApusBase
import ApusModel
import ApusStoreCore

/// Works out the bit maps of extension units.
package protocol BitMapSource: AnyObject, Sendable {
  /// What works out the bit maps of a topic's records that were stored up to `time`; nil when nobody wants a part of
  /// the topic by conditions. It is given whole records.
  func bitMaps(ofTopic topic: String, storedUpTo time: WallTime) -> (@Sendable (RawSpan) -> [UInt8])?
}

/// Appends extension units for queue entries on their way to the queue's file, and turns the entries' tags codes into
/// the units' addresses.
///
/// It runs with the thread that writes queue files, outside of the store's lock, so that sends know nothing of it. The
/// units lie before the entries that name them on the way to the device: the checkpoint syncs both. Units of entries
/// that are written again, as after a stop, stay behind unused until their file goes.
struct ExtensionWrite: Sendable {
  let topic: String
  let queue: Int
  let directory: String
  let fileBytes: Int64
  /// Where the next unit went when this was planned.
  let end: Int64
  /// Log files that hold the entries' records.
  let log: [LogFile]

  struct LogFile: Sendable {
    let start: PhysicalOffset
    let path: String
    let capacity: Int
    let mapping: Mapping?
  }

  /// What was written.
  struct Written: Sendable {
    /// Where the next unit goes.
    var end: Int64
    /// The files that were written to, by the offset they begin at.
    var files: [Int64] = []
  }

  /// Units for one file, side by side.
  private struct Run: ~Copyable {
    var start: Int64
    var units = ByteWriter()
  }

  /// Appends a unit from `end` on for each of `entries`, which are encoded, that stands for a message, and puts its
  /// address in place. Blocks.
  func run(
    _ entries: inout [UInt8], from end: Int64, on disk: any Disk, bitMaps: (any BitMapSource)?
  ) throws(DiskError) -> Written {
    var records = LogRecords(files: log, disk: disk)
    let bitMap = try source(entries, &records, bitMaps)
    var written = Written(end: end)
    var run = Run(start: end)
    var position = 0
    while position < entries.count {
      defer { position += ConsumeQueueEntry.bytes }
      let entry = ConsumeQueueEntry(entries.rawSpan, at: position)
      guard !entry.isBlank, !ConsumeQueueExtension.isAddress(entry.tagsCode), let mapping = try records.find(entry)
      else { continue }
      let bytes = mapping.mapping.bytes(mapping.range)
      guard let record = StoredRecord.whole(at: bytes) else { continue }
      let map = bitMap.map { $0(bytes) } ?? []
      let most = min(ConsumeQueueExtension.maximumBytes, Int(fileBytes) - ConsumeQueueExtension.reservedBytes)
      guard map.count <= most - ConsumeQueueExtension.minimumBytes else { continue }
      let unit = ConsumeQueueExtension(tagsCode: entry.tagsCode, storeTime: record.storeTime, bitMap: map)
      let left = fileBytes - written.end % fileBytes - Int64(ConsumeQueueExtension.reservedBytes)
      if Int64(unit.bytes) > left {
        run.units.write(ConsumeQueueExtension.fileEnd)
        try write(run, &written, on: disk)
        written.end += fileBytes - written.end % fileBytes
        run = Run(start: written.end)
      }
      guard let address = ConsumeQueueExtension.address(of: written.end) else { break }
      unit.write(into: &run.units)
      written.end += Int64(unit.bytes)
      Self.put(address, into: &entries, at: position + 12)
    }
    try write(run, &written, on: disk)
    return written
  }

  private func source(
    _ entries: [UInt8], _ records: inout LogRecords, _ bitMaps: (any BitMapSource)?
  ) throws(DiskError) -> (@Sendable (RawSpan) -> [UInt8])? {
    guard let bitMaps else { return nil }
    var position = entries.count - ConsumeQueueEntry.bytes
    while position >= 0 {
      let entry = ConsumeQueueEntry(entries.rawSpan, at: position)
      if !entry.isBlank, let found = try records.find(entry),
        let record = StoredRecord.whole(at: found.mapping.bytes(found.range))
      {
        return bitMaps.bitMaps(ofTopic: topic, storedUpTo: record.storeTime)
      }
      position -= ConsumeQueueEntry.bytes
    }
    return nil
  }

  private func write(_ run: borrowing Run, _ written: inout Written, on disk: any Disk) throws(DiskError) {
    guard run.units.count > 0 else { return }
    let start = run.start - run.start % fileBytes
    try disk.createDirectory(directory)
    let file = try OpenFile(disk: disk, path: directory + "/" + SegmentName.text(start), create: true)
    if try disk.length(of: file.file) != fileBytes { try disk.setLength(of: file.file, to: fileBytes) }
    try disk.write(file.file, at: run.start - start, bytes: run.units.bytes)
    written.files.append(start)
  }

  private static func put(_ number: Int64, into bytes: inout [UInt8], at position: Int) {
    for index in 0..<8 { bytes[position + index] = UInt8(truncatingIfNeeded: number >> Int64(8 * (7 - index))) }
  }
}

/// The records of queue entries, read where they lie, waiting for the device.
private struct LogRecords {
  let files: [ExtensionWrite.LogFile]
  let disk: any Disk
  private var mapped: [Int: Mapping] = [:]

  init(files: [ExtensionWrite.LogFile], disk: any Disk) {
    self.files = files
    self.disk = disk
  }

  /// Where the record of an entry lies; nil when its file is gone.
  mutating func find(_ entry: ConsumeQueueEntry) throws(DiskError) -> (mapping: Mapping, range: Range<Int>)? {
    guard let index = files.lastIndex(where: { $0.start <= entry.offset }) else { return nil }
    let file = files[index]
    let position = entry.offset - file.start
    guard position + Int(entry.size) <= file.capacity else { return nil }
    let range = position..<position + Int(entry.size)
    if let known = file.mapping ?? mapped[index] { return (known, range) }
    do throws(DiskError) {
      let mapping = try Mapping(disk: disk, path: file.path, length: file.capacity, writable: false)
      mapped[index] = mapping
      return (mapping, range)
    } catch  where error.code == .notFound {
      return nil
    }
  }
}

extension MessageStore {
  /// How the units of entries come into their files; nil when the queue's entries get none. Entries of the delay queue
  /// keep their tags codes, which are the times of delivery.
  func extensionWrite(of queue: ConsumeQueue, entries: RawSpan) -> ExtensionWrite? {
    guard settings.extendsQueues, queue.topic != SystemTopics.schedule else { return nil }
    var low = PhysicalOffset(.max)
    var high = PhysicalOffset.zero
    var position = 0
    while position < entries.byteCount {
      let entry = ConsumeQueueEntry(entries, at: position)
      if !entry.isBlank {
        low = min(low, entry.offset)
        high = max(high, entry.end)
      }
      position += ConsumeQueueEntry.bytes
    }
    let files = log.segments.files.filter { $0.end > low && $0.start < high }.map {
      ExtensionWrite.LogFile(start: $0.start, path: $0.path, capacity: $0.capacity, mapping: $0.mapping)
    }
    return ExtensionWrite(
      topic: queue.topic, queue: queue.number, directory: queue.extensionDirectory,
      fileBytes: queue.extensionFileBytes, end: queue.extensionEnd, log: files)
  }

  /// Takes in that units of a queue were written.
  func finish(_ written: ExtensionWrite.Written, of queue: ConsumeQueue) {
    queue.extensionEnd = written.end
    for start in written.files {
      let key = QueueFileCache.Key(queue: queue.number, start: start, isExtension: true)
      unsyncedQueueFiles.insert(key, path: queue.path(ofExtensionFileAt: start))
    }
    guard !written.files.isEmpty else { return }
    unsyncedQueueFiles.insert(
      directory: queue.extensionDirectory, topic: queue.topic, root: settings.extensionDirectory)
  }
}
