import ApusBase

/// Reads a binary header into a header and a field table. Texts stay in the frame.
///
/// | Bytes | Type | Meaning |
/// |---|---|---|
/// | 2 | i16 | code |
/// | 1 | u8 | ``Language`` |
/// | 2 | i16 | version |
/// | 4 | i32 | ``RequestID`` |
/// | 4 | i32 | flag |
/// | 4 + n | i32, bytes | remark; none when empty |
/// | 4 | i32 | how many bytes the fields take |
/// | 2 + n, 4 + n, … | i16, bytes, i32, bytes | name and value of each field |
///
/// All big-endian. Source:
/// apache/rocketmq@rocketmq-all-4.9.8:remoting/src/main/java/org/apache/rocketmq/remoting/protocol/RocketMQSerializable.java
struct BinaryHeaderScanner: ~Escapable {
  private var reader: ByteReader
  private let start: Int
  /// What was read so far; after an error the part before it.
  private(set) var header = CommandHeader(code: 0, language: .java, version: 0, id: RequestID(0), type: .binary)
  /// Whether the request's id has been read.
  private(set) var hasID = false
  private(set) var remark: TextPlace?

  /// Will read the header that stands in `range` of the frame.
  @_lifetime(copy frame)
  init(_ frame: RawSpan, _ range: Range<Int>) {
    reader = ByteReader(frame.extracting(range))
    start = range.lowerBound
  }

  /// Reads the whole header.
  @_lifetime(self: copy self)
  mutating func scan(fields: inout FieldTable) throws(DecodeError) {
    do throws(DecodeError) {
      try read(fields: &fields)
    } catch {
      throw DecodeError(field: error.field, offset: error.offset + start, reason: error.reason)
    }
  }

  @_lifetime(self: copy self)
  private mutating func read(fields: inout FieldTable) throws(DecodeError) {
    header.code = Int32(try reader.read(Int16.self, "code"))
    header.language = Language(rawValue: try reader.read(UInt8.self, "language"))
    header.version = Int32(try reader.read(Int16.self, "version"))
    header.id = RequestID(try reader.read(Int32.self, "opaque"))
    hasID = true
    header.flag = try reader.read(Int32.self, "flag")
    let text = try place(count: Int(try reader.read(Int32.self, "remark length")), "remark")
    if text.count > 0 { remark = text }
    // A header may end here; what follows the fields is ignored, as Java ignores it.
    guard reader.remaining > 0 else { return }
    let length = Int(try reader.read(Int32.self, "fields length"))
    guard length >= 0, length <= reader.remaining else {
      throw DecodeError(
        field: "fields length", offset: reader.offset - 4, reason: "\(length) is not in 0...\(reader.remaining)")
    }
    fields.isPresent = length > 0
    let end = reader.offset + length
    while reader.offset < end {
      let name = try place(count: Int(try reader.read(Int16.self, "name length")), "field name")
      let value = try place(count: Int(try reader.read(Int32.self, "value length")), "field value")
      let letter = name.count == 1 ? reader.bytes.byte(at: Int(name.start) - start) : nil
      guard fields.append(FieldPlace(name: name, value: value), letter: letter) else {
        throw DecodeError(field: "fields", offset: reader.offset, reason: "more than \(FieldTable.limit)")
      }
    }
  }

  @_lifetime(self: copy self)
  private mutating func place(count: Int, _ field: StaticString) throws(DecodeError) -> TextPlace {
    let first = reader.offset + start
    try reader.skip(count, field)
    return TextPlace(inFrame: first..<first + count)
  }
}
