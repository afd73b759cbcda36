public import ApusBase

/// Writes one command into a ``ByteWriter``, its lengths patched in afterwards: header fields, then the body.
///
///     var writer = ResponseWriter.begin(request.header, code: .success, into: &output)
///     writer.field("offset", 42, into: &output)
///     writer.finishHeader(into: &output)
///     output.write(body)
///     writer.end(into: &output)
///
/// A JSON header is written as fastjson writes Java's, members in alphabetical order.
@frozen
public struct CommandWriter {
  /// The longest remark written, in bytes: it is for people.
  public static let maxRemarkBytes = 8 << 10

  /// The header as begun.
  public let header: CommandHeader
  @usableFromInline let start: Int
  @usableFromInline let remark: String?
  @usableFromInline var fieldsStart = -1
  @usableFromInline var hasFields = false
  /// Whether a field was left out because this type of header cannot tell its name.
  private var lacksField = false

  /// Starts a command at the end of `output`.
  init(_ header: CommandHeader, remark: String?, into output: inout ByteWriter) {
    self.header = header
    self.remark = remark.map { $0.utf8.count > Self.maxRemarkBytes ? Self.shortened($0) : $0 }
    start = output.count
    output.reserve(256)
    output.write(0 as Int32)
    output.write(0 as Int32)
    switch header.type {
    case .json:
      output.write("{\"code\":")
      output.write(decimal: header.code)
      output.write(UInt8(ascii: ","))
    case .binary:
      output.write(Int16(truncatingIfNeeded: header.code))
      output.write(header.language.rawValue)
      output.write(Int16(truncatingIfNeeded: header.version))
      output.write(header.id.rawValue)
      output.write(header.flag)
      output.writeCounted32(self.remark ?? "")
      fieldsStart = output.count
      output.write(0 as Int32)
    }
  }

  private static func shortened(_ text: String) -> String {
    String(decoding: text.utf8.prefix(maxRemarkBytes), as: UTF8.self)
  }

  /// Writes the list of fields even if none follows; JSON only, where an empty list and none differ.
  public mutating func beginFields(into output: inout ByteWriter) {
    guard header.type == .json, !hasFields else { return }
    output.write("\"extFields\":{")
    hasFields = true
    fieldsStart = output.count
  }

  /// Adds a field with a text given as bytes of UTF-8.
  public mutating func field(_ name: StaticString, _ value: RawSpan, into output: inout ByteWriter) {
    begin(name, into: &output)
    write(value: value, into: &output)
  }

  /// Adds a field with a text.
  public mutating func field(_ name: StaticString, _ value: String, into output: inout ByteWriter) {
    begin(name, into: &output)
    write(value: value, into: &output)
  }

  /// Adds a field with a constant text, which must need no escapes.
  public mutating func field(_ name: StaticString, _ value: StaticString, into output: inout ByteWriter) {
    begin(name, into: &output)
    if header.type == .binary {
      output.write(Int32(truncatingIfNeeded: value.utf8CodeUnitCount))
      output.write(value)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(value)
      output.write(UInt8(ascii: "\""))
    }
  }

  /// Adds a field with a number.
  public mutating func field(_ name: StaticString, _ value: Int64, into output: inout ByteWriter) {
    begin(name, into: &output)
    if header.type == .binary {
      let length = output.count
      output.write(0 as Int32)
      output.write(decimal: value)
      output.patch(Int32(truncatingIfNeeded: output.count - length - 4), at: length)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(decimal: value)
      output.write(UInt8(ascii: "\""))
    }
  }

  /// Adds a field with a number.
  public mutating func field(_ name: StaticString, _ value: Int32, into output: inout ByteWriter) {
    field(name, Int64(value), into: &output)
  }

  /// Adds a field with a truth value.
  public mutating func field(_ name: StaticString, _ value: Bool, into output: inout ByteWriter) {
    field(name, value ? "true" as StaticString : "false", into: &output)
  }

  /// Adds a field whose name is not a constant. With a name of more than 32,767 bytes, which a binary header cannot
  /// tell, the command becomes an error that says so.
  public mutating func field(named name: String, _ value: String, into output: inout ByteWriter) {
    if header.type == .binary, name.utf8.count > Int(Int16.max) {
      lacksField = true
      return
    }
    separate(into: &output)
    if header.type == .binary {
      output.writeCounted16(name)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(jsonEscaped: name)
      output.write("\":")
    }
    write(value: value, into: &output)
  }

  /// Ends the header. The body, if any, is written to the output afterwards.
  public mutating func finishHeader(into output: inout ByteWriter) {
    switch header.type {
    case .json: finishJSON(into: &output)
    case .binary: output.patch(Int32(truncatingIfNeeded: output.count - fieldsStart - 4), at: fieldsStart)
    }
    let length = output.count - start - Frame.prefixBytes
    if length > Frame.maxHeaderBytes {
      return replace(by: "the answer's header would exceed \(Frame.maxHeaderBytes) bytes", into: &output)
    }
    if lacksField {
      return replace(by: "the answer has a field whose name exceeds \(Int16.max) bytes", into: &output)
    }
    output.patch(Int32(header.type.rawValue) << 24 | Int32(length), at: start + 4)
  }

  /// Ends the command; `elsewhere` counts bytes of the body that go to the peer by another way than this output.
  public func end(elsewhere: Int = 0, into output: inout ByteWriter) {
    let length = output.count - start - 4 + elsewhere
    precondition(length <= Int32.max, "a command of more than 2 GiB")
    output.patch(Int32(length), at: start)
  }

  /// Ends a command without a body.
  public mutating func finish(into output: inout ByteWriter) {
    finishHeader(into: &output)
    end(into: &output)
  }

  /// Ends a command with a body.
  public mutating func finish(body: [UInt8], into output: inout ByteWriter) {
    finishHeader(into: &output)
    output.write(body)
    end(into: &output)
  }

  // MARK: Pieces

  private mutating func separate(into output: inout ByteWriter) {
    guard header.type == .json else { return }
    beginFields(into: &output)
    if output.count > fieldsStart { output.write(UInt8(ascii: ",")) }
  }

  private mutating func begin(_ name: StaticString, into output: inout ByteWriter) {
    separate(into: &output)
    if header.type == .binary {
      output.write(Int16(truncatingIfNeeded: name.utf8CodeUnitCount))
      output.write(name)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(name)
      output.write("\":")
    }
  }

  private func write(value: RawSpan, into output: inout ByteWriter) {
    if header.type == .binary {
      output.write(Int32(truncatingIfNeeded: value.byteCount))
      output.write(value)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(jsonEscaped: value)
      output.write(UInt8(ascii: "\""))
    }
  }

  private func write(value: String, into output: inout ByteWriter) {
    if header.type == .binary {
      output.writeCounted32(value)
    } else {
      output.write(UInt8(ascii: "\""))
      output.write(jsonEscaped: value)
      output.write(UInt8(ascii: "\""))
    }
  }

  private mutating func finishJSON(into output: inout ByteWriter) {
    if hasFields { output.write("},") }
    output.write("\"flag\":")
    output.write(decimal: header.flag)
    output.write(",\"language\":\"")
    output.write(header.language.name)
    output.write("\",\"opaque\":")
    output.write(decimal: header.id.rawValue)
    if let remark {
      output.write(",\"remark\":\"")
      output.write(jsonEscaped: remark)
      output.write(UInt8(ascii: "\""))
    }
    output.write(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")
    output.write(decimal: header.version)
    output.write(UInt8(ascii: "}"))
  }

  /// What the header's type cannot hold (a header may take 24 bits of length, and grows by escapes; a name 15) becomes
  /// an error that says so.
  private mutating func replace(by remark: String, into output: inout ByteWriter) {
    output.truncate(to: start)
    var failed = header
    failed.code = ResponseCode.systemError.rawValue
    self = CommandWriter(failed, remark: remark, into: &output)
    finishHeader(into: &output)
  }
}

/// Begins answers.
public enum ResponseWriter {
  /// Begins the answer to the request of that header, in its header type.
  public static func begin(
    _ request: CommandHeader, code: ResponseCode, remark: String? = nil, into output: inout ByteWriter
  ) -> CommandWriter {
    CommandWriter(request.answer(code), remark: remark, into: &output)
  }
}

/// Begins requests.
public enum RequestWriter {
  /// Begins a request of this implementation.
  public static func begin(
    _ code: RequestCode, id: RequestID, oneway: Bool = false, type: HeaderType = .json, into output: inout ByteWriter
  ) -> CommandWriter {
    let header = CommandHeader(
      code: code.rawValue, id: id, flag: oneway ? CommandHeader.onewayFlag : 0, type: type)
    return CommandWriter(header, remark: nil, into: &output)
  }

  /// Begins a request, or any command, with a header given whole.
  public static func begin(
    _ header: CommandHeader, remark: String? = nil, into output: inout ByteWriter
  ) -> CommandWriter {
    CommandWriter(header, remark: remark, into: &output)
  }
}
