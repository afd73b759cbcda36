import ApusBase
package import ApusModel
import ApusStoreCore

extension StoredRecord {
  /// The record at the start of `bytes`; nil when none is whole there.
  @_lifetime(copy bytes)
  package static func whole(at bytes: RawSpan) -> StoredRecord? {
    do { return try StoredRecord(bytes) } catch { return nil }
  }
}

/// Reads one log file front to back after a stop and finds what is whole in it.
struct LogScanner: ~Escapable {
  let bytes: RawSpan
  let start: PhysicalOffset
  let checksBodies: Bool
  /// Whether zeroes where a record would begin mean that nothing follows, without looking.
  let trustsZeroes: Bool
  /// Where `bytes` may be other than zero.
  let written: WrittenRanges

  /// Without `written` all bytes are looked at.
  @_lifetime(copy bytes)
  init(
    _ bytes: RawSpan, start: PhysicalOffset, checksBodies: Bool, trustsZeroes: Bool = false,
    written: WrittenRanges? = nil
  ) {
    self.bytes = bytes
    self.start = start
    self.checksBodies = checksBodies
    self.trustsZeroes = trustsZeroes
    self.written = written ?? WrittenRanges(all: bytes.byteCount)
  }

  /// Whether the file begins with anything but zeroes.
  var hasData: Bool { !Self.isZero(bytes.extracting(0..<min(4096, bytes.byteCount))) }

  /// When the record at a position was stored; nil when none is whole there.
  func storeTime(at position: Int) -> WallTime? {
    do {
      let record = try StoredRecord(bytes.extracting(position..<bytes.byteCount))
      return record.physicalOffset == start + position ? record.storeTime : nil
    } catch {
      return nil
    }
  }

  /// What stands at a position of the file.
  enum Item {
    /// A whole record of this size.
    case record(size: Int)
    /// The blank that ends the file.
    case blank
    /// Zeroes to the end of the file.
    case unwritten
    /// The file's last byte was reached.
    case end
    /// Something else, with the reason.
    case bad(StaticString)
  }

  func item(at position: Int) -> Item {
    guard position < bytes.byteCount else { return .end }
    let rest = bytes.extracting(position..<bytes.byteCount)
    switch StoredRecord.prefix(of: rest) {
    case .blank(let size): return size == rest.byteCount ? .blank : .bad("a blank that does not end with the file")
    case .unwritten:
      let isEnd = trustsZeroes || written.isZero(bytes, from: position)
      return isEnd ? .unwritten : .bad("zeroes before written bytes")
    case .unknown: return .bad("no record begins here")
    case .record: break
    }
    do {
      let record = try StoredRecord(rest)
      if record.physicalOffset != start + position { return .bad("a record that belongs elsewhere") }
      if checksBodies, !record.bodyMatchesCRC { return .bad("the body's checksum does not match") }
      return .record(size: record.size)
    } catch {
      return .bad("a record whose lengths do not add up")
    }
  }

  /// Whether the topic or the properties of a whole record lack a sector: bytes that a device did not write before the
  /// power went are zero, and no checksum covers these two. A body is covered by its own.
  func isTorn(_ range: Range<Int>) -> Bool {
    guard let record = StoredRecord.whole(at: bytes.extracting(range)) else { return true }
    let properties = range.upperBound - record.properties.bytes.byteCount..<range.upperBound
    let topicEnd = properties.lowerBound - 2
    return lacksSector(properties) || lacksSector(topicEnd - record.topic.byteCount..<topicEnd)
  }

  private func lacksSector(_ range: Range<Int>) -> Bool {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, (start / 512 + 1) * 512)
      if Self.isZero(bytes.extracting(start..<end)) { return true }
      start = end
    }
    return false
  }

  /// How many bytes the first record has, together with those behind it that seem to come from the same batch: one
  /// queue, consecutive queue offsets, the same times.
  func firstBatchBytes() -> Int {
    guard let first = StoredRecord.whole(at: bytes) else { return 0 }
    var position = first.size
    var place = first.queueOffset
    while position < bytes.byteCount, case .record(let size) = item(at: position),
      let next = StoredRecord.whole(at: bytes.extracting(position..<position + size)),
      next.queueID == first.queueID, next.queueOffset == place + 1, next.storeTime == first.storeTime,
      next.bornTime == first.bornTime, next.topic.equals(first.topic)
    {
      position += size
      place = next.queueOffset
    }
    return position
  }

  /// The next position after `position`, where something bad begins, at which a whole record or the ending blank
  /// stands.
  func resume(after position: Int) -> Int? {
    var candidate = damagedEnd(at: position) ?? position + 1
    for range in written.ranges where range.upperBound > candidate {
      // The magic number, the second word, is not zero; the length before it may begin in a hole.
      candidate = max(candidate, range.lowerBound - 7)
      let end = min(range.upperBound, bytes.byteCount - 7)
      while candidate < end {
        let magic = bytes.loadBigEndian(at: candidate + 4, as: Int32.self)
        if magic == StoredRecord.magic || magic == StoredRecord.magicV2 || magic == StoredRecord.blankMagic {
          switch item(at: candidate) {
          case .record, .blank: return candidate
          default: break
          }
        }
        candidate += 1
      }
    }
    return nil
  }

  /// Where a record ends whose lengths add up and that belongs at a position, whatever is wrong with it; nil when none
  /// begins there. Its body is what a client sent, and may hold what looks like a record of the log.
  private func damagedEnd(at position: Int) -> Int? {
    guard position < bytes.byteCount,
      let record = StoredRecord.whole(at: bytes.extracting(position..<bytes.byteCount)),
      record.physicalOffset == start + position
    else { return nil }
    return position + record.size
  }

  static func isZero(_ bytes: RawSpan) -> Bool {
    var position = 0
    let words = bytes.byteCount & ~7
    while position < words {
      if unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self) != 0 { return false }
      position += 8
    }
    while position < bytes.byteCount {
      if bytes.byte(at: position) != 0 { return false }
      position += 1
    }
    return true
  }
}
