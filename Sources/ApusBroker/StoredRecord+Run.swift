import ApusBase
import ApusModel
import ApusStore

extension StoredRecord {
  /// Calls `body` with the whole records among those that `bytes` are, one behind the other, as a fetch brings them.
  /// One whose lengths do not add up is passed over alone: its size was looked at when it was found.
  static func forEach(in bytes: RawSpan, _ body: (borrowing StoredRecord) -> Void) {
    var position = 0
    while position < bytes.byteCount {
      let rest = bytes.extracting(position..<bytes.byteCount)
      guard case .record(let size) = StoredRecord.prefix(of: rest) else { return }
      if let record = StoredRecord.whole(at: rest) { body(record) }
      position += size
    }
  }
}
