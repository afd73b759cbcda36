package import ApusBase

/// Which messages of the log belong to topics that were deleted: a file of our own beside `checkpoint`,
/// `apus.deletions`, which Java ignores. RocketMQ's format says nothing of a deletion, so that queues which are built
/// anew from the log would bring the topics' messages back.
///
/// | Bytes | Type | Field |
/// |---|---|---|
/// | 8 | bytes | `APUSDELS` |
/// | 4 | i32 | version, 1 |
/// | 4 | i32 | how many topics follow |
/// | 8 | i64 | each: the log's end when it was deleted last: what lies before is deleted |
/// | 1 | i8 | each: 1 when its directories may still be there |
/// | 2 | i16 | each: length of the name |
/// | n | bytes | each: the name |
/// | 4 | u32 | CRC-32 of everything before |
///
/// Big-endian. There is no backup: an older state could name places that the log has used again since, and hide
/// messages, whereas none at all brings back what was deleted.
package struct DeletedTopics: Hashable, Sendable {
  /// The name of the file in the store's root.
  package static let fileName = "apus.deletions"
  /// The longest file that is read, in bytes.
  package static let byteLimit = 64 << 20

  /// One topic's last deletion.
  private struct Deletion: Hashable {
    var end: PhysicalOffset
    var isUnfinished: Bool
  }

  private var deletions: [String: Deletion] = [:]
  /// No message at or behind it is deleted: spares most records the look into the table.
  package private(set) var end = PhysicalOffset.zero

  /// Nothing was deleted.
  package init() {}

  /// Whether nothing was deleted.
  package var isEmpty: Bool { deletions.isEmpty }

  /// The topics whose directories may still be there, sorted.
  package var unfinished: [String] { deletions.filter { $0.value.isUnfinished }.keys.sorted() }

  /// Where the log ended when a topic was deleted; nil when it was not.
  package func end(of topic: String) -> PhysicalOffset? { deletions[topic]?.end }

  /// Whether a message of a topic was deleted with it.
  package func covers(_ offset: PhysicalOffset, of topic: String) -> Bool {
    guard offset < end, let deletion = deletions[topic] else { return false }
    return offset < deletion.end
  }

  /// Whether a message of a topic was deleted with it, the topic as it stands in a record.
  package func covers(_ offset: PhysicalOffset, of topic: RawSpan) -> Bool {
    offset < end && covers(offset, of: topic.text)
  }

  /// A topic is deleted with all its messages before `end`.
  package mutating func insert(_ topic: String, before end: PhysicalOffset) {
    deletions[topic] = Deletion(end: end, isUnfinished: true)
    self.end = max(self.end, end)
  }

  /// A topic's directories are gone.
  package mutating func finish(_ topic: String) { deletions[topic]?.isUnfinished = false }

  /// Fits what is known to a log: forgets the deletions of messages that the log does not have any more, and takes
  /// those back to the log's end that it lost: what comes there next is no deleted message.
  package mutating func fit(_ log: Range<PhysicalOffset>) {
    var fitted = DeletedTopics()
    for (topic, var deletion) in deletions where deletion.end > log.lowerBound {
      deletion.end = min(deletion.end, log.upperBound)
      fitted.deletions[topic] = deletion
      fitted.end = max(fitted.end, deletion.end)
    }
    self = fitted
  }

  // MARK: Bytes

  private static let version: Int32 = 1

  /// Reads a file's content.
  package init(_ file: RawSpan) throws(DecodeError) {
    guard file.byteCount >= 20 else {
      throw DecodeError(field: "deletions", offset: 0, reason: "\(file.byteCount) bytes are too few")
    }
    let length = file.byteCount - 4
    guard CRC32.checksum(file.extracting(0..<length)) == file.loadBigEndian(at: length, as: UInt32.self) else {
      throw DecodeError(field: "checksum", offset: length, reason: "differs from what was read")
    }
    var reader = ByteReader(file.extracting(0..<length))
    let magic = try reader.read(count: 8, "magic")
    let version = try reader.read(Int32.self, "version")
    guard magic.equals("APUSDELS"), version == Self.version else {
      throw DecodeError(field: "version", offset: 8, reason: "\(version), not \(Self.version)")
    }
    let count = try reader.read(Int32.self, "topics")
    while reader.remaining > 0 {
      let end = PhysicalOffset(try reader.read(Int64.self, "end"))
      let isUnfinished = try reader.read(Int8.self, "unfinished") != 0
      let length = Int(try reader.read(Int16.self, "name length"))
      let topic = try reader.read(count: length, "name").text
      deletions[topic] = Deletion(end: end, isUnfinished: isUnfinished)
      self.end = max(self.end, end)
    }
    guard deletions.count == Int(count) else {
      throw DecodeError(field: "topics", offset: 12, reason: "\(count) announced, \(deletions.count) found")
    }
  }

  /// What the file holds, the topics sorted.
  package var encoded: [UInt8] {
    var writer = ByteWriter(capacity: 64 + deletions.count * 48)
    writer.write("APUSDELS")
    writer.write(Self.version)
    writer.write(Int32(truncatingIfNeeded: deletions.count))
    for (topic, deletion) in deletions.sorted(by: { $0.key < $1.key }) {
      let name = Array(topic.utf8)
      writer.write(deletion.end.rawValue)
      writer.write(Int8(deletion.isUnfinished ? 1 : 0))
      writer.write(Int16(truncatingIfNeeded: name.count))
      writer.write(name.rawSpan)
    }
    writer.write(CRC32.checksum(writer.bytes))
    return writer.array
  }
}
