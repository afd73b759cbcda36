public import ApusBase

/// An answer made by the cold side: built whole, then encoded in the header type of the request.
public struct Reply: Hashable, Sendable {
  /// How the request ended.
  public var code: ResponseCode
  /// A sentence for people; nil leaves the field out.
  public var remark: String?
  /// The custom header fields, in the order they are written.
  public var fields: [ReplyField]
  /// The body; empty for none.
  public var body: [UInt8]

  /// Builds an answer; a plain success unless told otherwise.
  public init(_ code: ResponseCode = .success, remark: String? = nil, fields: [ReplyField] = [], body: [UInt8] = []) {
    self.code = code
    self.remark = remark
    self.fields = fields
    self.body = body
  }
}

/// One custom header field of an answer.
public struct ReplyField: Hashable, Sendable {
  /// The name on the wire.
  public var name: String
  /// The value as Java's `toString` prints it.
  public var value: String

  /// Pairs a name with a value.
  public init(_ name: String, _ value: some CustomStringConvertible) {
    self.name = name
    self.value = value.description
  }
}

/// A request that is refused: an outcome of the protocol, thrown so that handlers read straight on.
public struct Refusal: Error, Hashable, Sendable {
  /// How the request ended.
  public var code: ResponseCode
  /// What is wrong and what to do about it.
  public var remark: String
  /// After how long trying again makes sense, where that is known. Answers carry it as `retryAfterMillis`.
  public var retryAfter: Duration?

  /// Refuses with a code and a sentence.
  public init(_ code: ResponseCode, _ remark: String, retryAfter: Duration? = nil) {
    self.code = code
    self.remark = remark
    self.retryAfter = retryAfter
  }
}

extension Reply {
  /// The answer to a request that is refused.
  public init(_ refusal: Refusal) {
    self.init(refusal.code, remark: refusal.remark)
    if let wait = refusal.retryAfter { fields = [ReplyField("retryAfterMillis", wait.milliseconds)] }
  }

  /// Appends the answer to the request of that header, in its header type.
  public func encode(answering request: CommandHeader, into output: inout ByteWriter) {
    var writer = ResponseWriter.begin(request, code: code, remark: remark, into: &output)
    for field in fields { writer.field(named: field.name, field.value, into: &output) }
    writer.finish(body: body, into: &output)
  }
}
