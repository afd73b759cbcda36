public import ApusBase

/// One answer, read in place: valid while the frame and the decoder are left alone.
@frozen
public struct Response: ~Escapable {
  /// The command as it stands, for its fields, remark and body.
  public let command: Request

  /// Views a command as an answer.
  @inlinable
  @_lifetime(copy command)
  public init(_ command: Request) { self.command = command }

  /// How the request ended.
  @inlinable public var code: ResponseCode { ResponseCode(command.header.code) }
  /// Which request is answered.
  @inlinable public var id: RequestID { command.header.id }
}

/// Turns frames that a client receives into answers. A peer may also send requests over the same connection: look at
/// ``CommandHeader/isResponse``.
public struct ResponseDecoder: ~Copyable {
  private var decoder = RequestDecoder()

  /// Makes a decoder with memory for headers of usual size.
  public init() {}

  /// Reads one whole frame.
  @_lifetime(&self, copy frame)
  public mutating func decode(frame: RawSpan) throws(DecodeError) -> Response {
    Response(try decoder.decode(frame: frame))
  }
}

/// A command copied out of its frame, for the cold side.
public struct Command: Hashable, Sendable {
  /// What every command carries.
  public var header: CommandHeader
  /// The sentence for people; nil for none.
  public var remark: String?
  /// The custom fields in the order sent; nil when the header has no list of them.
  public var fields: [ReplyField]?
  /// The bytes after the header; empty for none.
  public var body: [UInt8]

  /// Puts a command together.
  public init(header: CommandHeader, remark: String? = nil, fields: [ReplyField]? = nil, body: [UInt8] = []) {
    self.header = header
    self.remark = remark
    self.fields = fields
    self.body = body
  }

  /// Copies a command.
  public init(copying request: borrowing Request) {
    header = request.header
    remark = request.remark?.text
    body = request.body.array
    guard request.hasFields else { return }
    var copied: [ReplyField] = []
    for index in 0..<request.fieldCount {
      copied.append(ReplyField(request.fieldName(at: index).text, request.fieldValue(at: index).text))
    }
    fields = copied
  }

  /// Reads and copies one whole frame.
  public init(frame: RawSpan) throws(DecodeError) {
    var decoder = RequestDecoder()
    self.init(copying: try decoder.decode(frame: frame))
  }

  /// How the request ended, when this is an answer.
  public var responseCode: ResponseCode { ResponseCode(header.code) }

  /// The value of a field; the last one when the name stands twice, nil when it is absent.
  public subscript(name: String) -> String? { fields?.last { $0.name == name }?.value }

  /// How many bytes its remark, its fields and its body take: what it costs to keep it.
  public var contentBytes: Int {
    var bytes = body.count + (remark?.utf8.count ?? 0)
    for field in fields ?? [] { bytes += field.name.utf8.count + field.value.utf8.count }
    return bytes
  }

  /// Appends the command.
  public func encode(into output: inout ByteWriter) {
    var writer = CommandWriter(header, remark: remark, into: &output)
    if let fields {
      writer.beginFields(into: &output)
      for field in fields { writer.field(named: field.name, field.value, into: &output) }
    }
    writer.finish(body: body, into: &output)
  }
}
