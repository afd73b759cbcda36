package import ApusBase
package import ApusModel

extension MessageIndex {
  /// How far a run of records was put in.
  package struct Progress: Hashable, Sendable {
    /// Where to read on.
    package var next: PhysicalOffset
    /// There was no room for the record at `next`: do the steps first.
    package var needsStep: Bool
  }

  /// Puts in the records of a slice of the log, one after another. A slice may end within a record, which then is the
  /// first of the next one; bytes that are no record are passed over.
  package func put(_ slice: LogSlice) -> Progress {
    let (next, stopped) = slice.visit { record, offset in put(record, at: offset) == .done }
    return Progress(next: next, needsStep: stopped)
  }
}

extension LogSlice {
  /// Shows the whole records to `body`, one after another, until it returns false. Returns where to read on: behind the
  /// last record, or at the one that was refused. Records that are damaged are passed over.
  package func visit(
    _ body: (_ record: borrowing StoredRecord, _ offset: PhysicalOffset) -> Bool
  ) -> (next: PhysicalOffset, stopped: Bool) {
    let bytes = range.bytes()
    var position = 0
    while position < bytes.byteCount {
      let rest = bytes.extracting(position..<bytes.byteCount)
      switch StoredRecord.prefix(of: rest) {
      case .record(let size) where size <= rest.byteCount:
        // Of a record whose lengths do not add up the size cannot be believed, either.
        guard let record = StoredRecord.whole(at: rest) else {
          position = resume(bytes, after: position)
          continue
        }
        if !body(record, start + position) { return (start + position, true) }
        position += size
      case .blank: return (next, false)
      case .record, .unwritten, .unknown:
        if position > 0 { return (start + position, false) }
        position = resume(bytes, after: 0)
      }
    }
    return (start + position, false)
  }

  /// Where the next whole record begins behind a position, or the end.
  private func resume(_ bytes: RawSpan, after position: Int) -> Int {
    LogScanner(bytes, start: start, checksBodies: false).resume(after: position) ?? bytes.byteCount
  }
}
