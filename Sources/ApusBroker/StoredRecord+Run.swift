import ApusBase
import ApusModel

extension StoredRecord {
  /// Calls `body` with the whole records that `bytes` begin with, one behind the other. Returns how many bytes they
  /// have.
  @discardableResult
  static func forEach(in bytes: RawSpan, _ body: (borrowing StoredRecord) -> Void) -> Int {
    var position = 0
    while position < bytes.byteCount {
      do throws(DecodeError) {
        let record = try StoredRecord(bytes.extracting(position..<bytes.byteCount))
        body(record)
        position += record.size
      } catch {
        return position
      }
    }
    return position
  }
}
