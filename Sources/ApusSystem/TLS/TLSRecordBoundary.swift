import ApusBase

/// Follows the records in a stream of TLS bytes, to tell whether it stands within one: then memory is held for what has
/// come of it.
///
/// | Offset | Bytes | Type |
/// |---|---|---|
/// | 0 | 1 | kind |
/// | 1 | 2 | version |
/// | 3 | 2 | length of what follows, big-endian |
struct TLSRecordBoundary {
  private static let headerBytes = 5
  /// How many bytes of the header at hand have come.
  private var headerCount = 0
  private var lengthHighByte = 0
  /// How many bytes of the record's content are still to come.
  private var remaining = 0

  /// Whether a record has begun and not ended.
  var isInside: Bool { headerCount > 0 || remaining > 0 }

  /// Goes on by bytes that have been received.
  mutating func advance(over bytes: RawSpan) {
    var position = 0
    while position < bytes.byteCount {
      if remaining > 0 {
        let part = min(remaining, bytes.byteCount - position)
        remaining -= part
        position += part
        continue
      }
      let byte = Int(bytes.byte(at: position))
      position += 1
      if headerCount == 3 { lengthHighByte = byte }
      headerCount += 1
      if headerCount == Self.headerBytes {
        headerCount = 0
        remaining = lengthHighByte << 8 | byte
      }
    }
  }
}
