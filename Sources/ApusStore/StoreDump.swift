package import ApusBase
import ApusModel
package import ApusStoreCore

/// Shows what lies in the files of a closed store, as it is, whether it makes sense or not.
package struct StoreDump {
  private let disk: any Disk
  private let settings: StoreSettings

  /// One thing shown, for people and for programs.
  package struct Line: Hashable, Sendable {
    /// Names and values in order.
    package var fields: [(name: String, value: JSONValue)] = []

    mutating func add(_ name: String, _ value: Int64) { fields.append((name, .integer(value))) }
    mutating func add(_ name: String, _ value: String) { fields.append((name, .string(value))) }

    /// One line of `name=value`.
    package var text: String {
      fields.map { field in
        if case .string(let text) = field.value { return "\(field.name)=\(text)" }
        return "\(field.name)=\(field.value.text())"
      }.joined(separator: " ")
    }

    /// One object.
    package var json: JSONValue { .object(fields.map { JSONMember($0.name, $0.value) }) }

    /// Whether both show the same.
    package static func == (left: Line, right: Line) -> Bool { left.json == right.json }

    /// Feeds what is shown.
    package func hash(into hasher: inout Hasher) { hasher.combine(json) }
  }

  /// Prepares for a store that nobody has open.
  package init(disk: any Disk, settings: StoreSettings) {
    self.disk = disk
    self.settings = settings
  }

  // MARK: The log

  /// Shows at most `count` records and blanks from a log offset on; what is no record is shown as damage.
  package func log(
    from offset: PhysicalOffset, count: Int, withBodies: Bool, _ show: (Line) -> Void
  ) throws(DiskError) {
    var shown = 0
    var offset = offset
    for entry in try disk.list(settings.logDirectory) where !entry.isDirectory && entry.length > 0 {
      guard let start = SegmentName.start(entry.name) else { continue }
      let first = PhysicalOffset(start)
      guard first + Int(entry.length) > offset else { continue }
      let path = settings.logDirectory + "/" + entry.name
      let mapping = try Mapping(disk: disk, path: path, length: Int(entry.length), writable: false)
      let scanner = LogScanner(
        mapping.bytes(0..<Int(entry.length)), start: first, checksBodies: false,
        written: try WrittenRanges(of: path, length: Int(entry.length), on: disk))
      offset = max(offset, first)
      while shown < count, offset < first + Int(entry.length) {
        guard let size = Self.show(scanner, offset - first, withBodies, show) else { break }
        shown += 1
        offset = offset + size
      }
      if shown >= count { return }
      offset = first + Int(entry.length)
    }
  }

  /// Shows what stands at a position and returns how many bytes it has; nil for zeroes to the end.
  private static func show(
    _ scanner: borrowing LogScanner, _ position: Int, _ withBodies: Bool, _ show: (Line) -> Void
  ) -> Int? {
    let offset = (scanner.start + position).rawValue
    switch scanner.item(at: position) {
    case .record(let size):
      if let record = StoredRecord.whole(at: scanner.bytes.extracting(position..<position + size)) {
        show(line(of: record, at: scanner.start + position, withBody: withBodies))
      }
      return size
    case .blank:
      let size = scanner.bytes.byteCount - position
      var line = Line()
      line.add("offset", offset)
      line.add("blank", Int64(size))
      show(line)
      return size
    case .unwritten, .end: return nil
    case .bad(let reason):
      let next = scanner.resume(after: position) ?? scanner.bytes.byteCount
      var line = Line()
      line.add("offset", offset)
      line.add("damaged", Int64(next - position))
      line.add("reason", "\(reason)")
      show(line)
      return next - position
    }
  }

  private static func line(of record: borrowing StoredRecord, at offset: PhysicalOffset, withBody: Bool) -> Line {
    var line = Line()
    line.add("offset", offset.rawValue)
    line.add("size", Int64(record.size))
    line.add("topic", record.topic.text)
    line.add("queue", Int64(record.queueID))
    line.add("queueOffset", record.queueOffset.rawValue)
    line.add("flag", Int64(record.flag))
    line.add("sysFlag", Int64(record.sysFlag.rawValue))
    line.add("bornTime", record.bornTime.milliseconds)
    line.add("storeTime", record.storeTime.milliseconds)
    line.add("bornHost", "\(record.bornHost)")
    line.add("storeHost", "\(record.storeHost)")
    line.add("reconsumeTimes", Int64(record.reconsumeTimes))
    line.add("preparedOffset", record.preparedTransactionOffset)
    line.add("bodyBytes", Int64(record.body.byteCount))
    line.add("bodyCRC", Int64(record.bodyCRC))
    line.fields.append(("bodyIsWhole", .bool(record.bodyMatchesCRC)))
    let properties = record.properties.dictionary.sorted { $0.key < $1.key }
    line.fields.append(("properties", .object(properties.map { JSONMember($0.key, .string($0.value)) })))
    if withBody { line.add("body", record.body.text) }
    return line
  }

  // MARK: Queues

  /// The numbers of a topic's queues, sorted; none when the store has no files of the topic's.
  package func queues(of topic: String) throws(DiskError) -> [Int32] {
    try disk.list(settings.queueDirectory + "/" + topic).compactMap { $0.isDirectory ? Int32($0.name) : nil }.sorted()
  }

  /// Shows at most `count` entries of a queue from a queue offset on, with `withRecords` the messages they point to.
  package func queue(
    _ topic: String, _ id: Int32, from offset: QueueOffset, count: Int, withRecords: Bool, withBodies: Bool,
    _ show: (Line) -> Void
  ) throws(DiskError) {
    let queue = ConsumeQueue(topic: topic, id: id, number: 1, settings: settings)
    try queue.load(on: disk, logStart: .zero, hasExtensions: false) { _ in }
    var reader = EntryReader(queue, on: disk)
    var place = max(offset, queue.minOffset).rawValue
    var shown = 0
    while shown < count, place < queue.maxOffset.rawValue {
      guard let entry = try reader.fileEntry(at: place) else { return }
      var line = Line()
      line.add("queueOffset", place)
      if entry.isBlank {
        line.fields.append(("blank", .bool(true)))
      } else {
        line.add("offset", entry.offset.rawValue)
        line.add("size", Int64(entry.size))
        line.add("tagsCode", entry.tagsCode)
      }
      show(line)
      if withRecords, !entry.isBlank { try log(from: entry.offset, count: 1, withBodies: withBodies, show) }
      place += 1
      shown += 1
    }
  }

  // MARK: Index and marks

  /// Shows the header of every index file and at most `count` entries of all of them, from an entry on that is counted
  /// over all files.
  package func index(_ layout: IndexLayout, from first: Int64, count: Int, _ show: (Line) -> Void) throws(DiskError) {
    var number: Int64 = 0
    var shown = 0
    let directory = settings.root + "/index"
    for found in try disk.list(directory) where found.length == Int64(layout.fileBytes) {
      let mapping = try Mapping(
        disk: disk, path: directory + "/" + found.name, length: layout.fileBytes, writable: false)
      let bytes = mapping.bytes(0..<layout.fileBytes)
      guard let header = IndexHeader(bytes, layout: layout) else { continue }
      var line = Line()
      line.add("file", found.name)
      line.add("beginTime", header.beginTime.milliseconds)
      line.add("endTime", header.endTime.milliseconds)
      line.add("beginOffset", header.beginOffset.rawValue)
      line.add("endOffset", header.endOffset.rawValue)
      line.add("usedSlots", Int64(header.usedSlots))
      line.add("nextEntry", Int64(header.nextEntry))
      show(line)
      for entry in 1..<max(1, Int(header.nextEntry)) {
        defer { number += 1 }
        guard number >= first, shown < count else { continue }
        let value = IndexEntry(bytes, at: layout.entryOffset(entry))
        var line = Line()
        line.add("entry", number)
        line.add("hash", Int64(value.keyHash))
        line.add("offset", value.offset.rawValue)
        line.add("secondsFromBegin", Int64(value.secondsFromBegin))
        line.add("previous", Int64(value.previous))
        show(line)
        shown += 1
      }
    }
  }

  /// Shows `checkpoint`, the durable mark and whether the store was closed in order.
  package func marks(_ show: (Line) -> Void) throws(DiskError) {
    if let bytes = try disk.contents(of: settings.checkpointPath, limit: Checkpoint.bytes),
      let checkpoint = Checkpoint(bytes.rawSpan)
    {
      var line = Line()
      line.add("file", "checkpoint")
      line.add("log", checkpoint.log.milliseconds)
      line.add("queues", checkpoint.queues.milliseconds)
      line.add("index", checkpoint.index.milliseconds)
      show(line)
    }
    if let bytes = try disk.contents(of: settings.markPath, limit: DurableMark.bytes),
      let mark = DurableMark.newest(in: bytes.rawSpan)
    {
      var line = Line()
      line.add("file", DurableMark.fileName)
      line.add("sequence", mark.sequence)
      line.add("offset", mark.offset.rawValue)
      line.add("queues", mark.queues.rawValue)
      line.fields.append(("isClean", .bool(mark.isClean)))
      if let record = mark.lastRecord {
        line.add("lastRecord", record.offset.rawValue)
        line.add("lastStoreTime", record.storeTime.milliseconds)
      }
      show(line)
    }
    var line = Line()
    line.fields.append(("closedInOrder", .bool(try !disk.list(settings.root).contains { $0.name == "abort" })))
    show(line)
  }
}
