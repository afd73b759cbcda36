public import ApusBase

/// Adds header fields to a request that is written already: those that a client puts into every request, whatever it
/// asks for.
///
/// The fields come first, before the request's own; of a JSON header that is alphabetical order of what Java's clients
/// add (`AccessKey`, `ReqT`, `SecurityToken`, `Signature`).
public enum AddedFields {
  /// Adds `fields`, at least one, to the request that begins at `start` and is the last thing in `output`. The request
  /// must have been written by ``CommandWriter``. Returns the offset behind the last one's value, for values that are
  /// known only afterwards.
  @discardableResult
  public static func add(_ fields: [ReplyField], toFrameAt start: Int, in output: inout ByteWriter) -> Int {
    precondition(!fields.isEmpty, "no field to add")
    let word = output.bytes.loadBigEndian(at: start + 4, as: Int32.self)
    let (isBinary, headerBytes) = (word >> 24 == Int32(HeaderType.binary.rawValue), Int(word & 0xFF_FFFF))
    let end =
      isBinary ? addBinary(fields, start, headerBytes, &output) : addJSON(fields, start, headerBytes, &output)
    return end
  }

  private static func addBinary(
    _ fields: [ReplyField], _ start: Int, _ headerBytes: Int, _ output: inout ByteWriter
  ) -> Int {
    var added = ByteWriter(capacity: 256)
    for field in fields {
      added.writeCounted16(field.name)
      added.writeCounted32(field.value)
    }
    // Code, language, version, id and flag take 13 bytes; then comes the remark, then the fields.
    let remark = start + Frame.prefixBytes + 13
    let length = remark + 4 + Int(output.bytes.loadBigEndian(at: remark, as: Int32.self))
    output.patch(output.bytes.loadBigEndian(at: length, as: Int32.self) + Int32(added.count), at: length)
    output.insert(added.bytes, at: length + 4)
    lengthen(start, headerBytes, by: added.count, &output)
    return length + 4 + added.count
  }

  private static func addJSON(
    _ fields: [ReplyField], _ start: Int, _ headerBytes: Int, _ output: inout ByteWriter
  ) -> Int {
    let opening: StaticString = "\"extFields\":{"
    // The header begins with its code.
    var place = start + Frame.prefixBytes
    while output.bytes.byte(at: place) != UInt8(ascii: ",") { place += 1 }
    place += 1
    let hasFields = output.bytes.extracting(place..<place + opening.utf8CodeUnitCount).equals(opening)
    if hasFields { place += opening.utf8CodeUnitCount }
    var added = ByteWriter(capacity: 256)
    if !hasFields { added.write(opening) }
    var end = 0
    for (index, field) in fields.enumerated() {
      if index > 0 { added.write(UInt8(ascii: ",")) }
      added.write(UInt8(ascii: "\""))
      added.write(jsonEscaped: field.name)
      added.write("\":\"")
      added.write(jsonEscaped: field.value)
      end = added.count
      added.write(UInt8(ascii: "\""))
    }
    if !hasFields {
      added.write("},")
    } else if output.bytes.byte(at: place) != UInt8(ascii: "}") {
      added.write(UInt8(ascii: ","))
    }
    output.insert(added.bytes, at: place)
    lengthen(start, headerBytes, by: added.count, &output)
    return place + end
  }

  private static func lengthen(_ start: Int, _ headerBytes: Int, by added: Int, _ output: inout ByteWriter) {
    let type = output.bytes.byte(at: start + 4)
    output.patch(Int32(type) << 24 | Int32(headerBytes + added), at: start + 4)
    output.patch(Int32(output.count - start - 4), at: start)
  }
}
