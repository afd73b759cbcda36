package import ApusBase
import ApusModel

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
    let bytes = slice.range.bytes()
    var position = 0
    while position < bytes.byteCount {
      let rest = bytes.extracting(position..<bytes.byteCount)
      switch StoredRecord.prefix(of: rest) {
      case .record(let size) where size <= rest.byteCount:
        guard put(rest, at: slice.start + position) == .done else {
          return Progress(next: slice.start + position, needsStep: true)
        }
        position += size
      case .blank: return Progress(next: slice.next, needsStep: false)
      case .record, .unwritten, .unknown:
        if position > 0 { return Progress(next: slice.start + position, needsStep: false) }
        let scanner = LogScanner(bytes, start: slice.start, checksBodies: false)
        position = scanner.resume(after: 0) ?? bytes.byteCount
      }
    }
    return Progress(next: slice.start + position, needsStep: false)
  }

  private func put(_ bytes: RawSpan, at offset: PhysicalOffset) -> Outcome {
    do {
      return put(try StoredRecord(bytes), at: offset)
    } catch {
      // A damaged record has no keys that could be trusted.
      return .done
    }
  }
}
