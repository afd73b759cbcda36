import ApusBase
import ApusModel

/// What an operation message says.
enum OperationRecord {
  /// The half messages that a record of RMQ_SYS_TRANS_OP_HALF_TOPIC ends: one, or several with commas between them
  /// [5.x]; none when the body is something else.
  static func halves(_ record: borrowing StoredRecord) -> [Int64] {
    guard record.body.byteCount <= 1 << 16 else { return [] }
    return record.body.text.split(separator: ",").compactMap { Int64($0) }
  }
}
