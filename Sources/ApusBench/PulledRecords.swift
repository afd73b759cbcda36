import ApusBase

/// The messages in the body of a pull's answer.
enum PulledRecords {
  /// Calls `body` with the stored bytes of each message; stops at what is no whole message. Returns how many there
  /// were.
  static func forEach(in bytes: RawSpan, _ body: (RawSpan) -> Void) -> Int {
    var position = 0
    var count = 0
    while bytes.byteCount - position >= 20 {
      let size = Int(bytes.loadBigEndian(at: position, as: Int32.self))
      guard size >= 20, size <= bytes.byteCount - position else { break }
      body(bytes.extracting(position..<(position + size)))
      position += size
      count += 1
    }
    return count
  }

  /// The body of a stored message; nil when the bytes are too short for what they announce.
  @_lifetime(copy record)
  static func body(of record: RawSpan) -> RawSpan? {
    guard record.byteCount >= 88 else { return nil }
    // Bits 4 and 5 of the system flag: the hosts are IPv6 addresses and 12 bytes longer each.
    let flag = record.loadBigEndian(at: 36, as: Int32.self)
    let at = 84 + (flag & 16 != 0 ? 12 : 0) + (flag & 32 != 0 ? 12 : 0)
    guard record.byteCount >= at + 4 else { return nil }
    let length = Int(record.loadBigEndian(at: at, as: Int32.self))
    guard length >= 0, length <= record.byteCount - at - 4 else { return nil }
    return record.extracting((at + 4)..<(at + 4 + length))
  }
}
