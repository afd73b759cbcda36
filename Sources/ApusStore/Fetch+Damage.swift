package import ApusBase
import ApusModel
import ApusStoreCore

extension Fetch.Range {
  /// Whether this one record is what was stored: its lengths add up and its body has its checksum.
  package var isIntact: Bool { ScrubPlan.isWhole(bytes(), range.count, at: offset) }
}

extension Fetch {
  /// Leaves out the records that are not what was stored in this queue and returns where they lie: none as a rule. A
  /// pull that has nothing left is told to go on behind them. Outside of the lock, after the bytes were brought near.
  package mutating func dropDamaged(of topic: String, _ id: Int32) -> [Swift.Range<PhysicalOffset>] {
    // What lies in a light queue was stored in another one too, which it names.
    let name = LightQueues.isLight(topic) ? [] : Array(topic.utf8)
    var damaged: [Swift.Range<PhysicalOffset>] = []
    for index in ranges.indices { Self.check(ranges[index], of: name.rawSpan, id, into: &damaged) }
    guard !damaged.isEmpty else { return [] }
    var kept: [Range] = []
    for range in ranges {
      let end = range.offset + range.range.count
      var start = range.offset
      for bad in damaged where bad.lowerBound >= range.offset && bad.lowerBound < end {
        kept += Self.part(of: range, from: start, to: bad.lowerBound)
        start = bad.upperBound
      }
      kept += Self.part(of: range, from: start, to: end)
    }
    ranges = kept
    messageCount -= damaged.count
    byteCount -= damaged.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    if messageCount == 0 { status = .messageWasRemoving }
    return damaged
  }

  private static func part(of range: Range, from start: PhysicalOffset, to end: PhysicalOffset) -> [Range] {
    guard start < end else { return [] }
    let first = range.range.lowerBound + (start - range.offset)
    return [
      Range(mapping: range.mapping, range: first..<first + (end - start), offset: start, position: range.position)
    ]
  }

  /// Goes through the records of a range, which lie side by side; their sizes and places were looked at when they were
  /// found.
  private static func check(
    _ range: Range, of topic: RawSpan, _ id: Int32, into damaged: inout [Swift.Range<PhysicalOffset>]
  ) {
    let bytes = range.bytes()
    var position = 0
    while position < bytes.byteCount {
      let rest = bytes.extracting(position..<bytes.byteCount)
      guard case .record(let size) = StoredRecord.prefix(of: rest), size <= rest.byteCount else {
        // The size has changed under us: what follows cannot be told apart.
        damaged.append(range.offset + position..<range.offset + bytes.byteCount)
        return
      }
      if !isWhole(rest.extracting(0..<size), of: topic, id, at: range.offset + position) {
        damaged.append(range.offset + position..<range.offset + position + size)
      }
      position += size
    }
  }

  /// Whether a record is what was stored there. Its body has a checksum; the name and the number of its queue have not,
  /// and are compared, unless the topic is empty.
  private static func isWhole(_ bytes: RawSpan, of topic: RawSpan, _ id: Int32, at offset: PhysicalOffset) -> Bool {
    guard let record = ScrubPlan.whole(bytes, at: offset) else { return false }
    return topic.byteCount == 0 || record.queueID == id && record.topic.equals(topic)
  }
}
