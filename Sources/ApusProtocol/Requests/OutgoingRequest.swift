public import ApusBase

/// A request that this implementation can send: to another broker, to a name server, to a client, or for a tool.
public protocol OutgoingRequest: Hashable, Sendable {
  /// What it asks for.
  static var code: RequestCode { get }
  /// The custom header fields.
  var fields: [ReplyField] { get }
  /// The body; empty for none.
  var body: [UInt8] { get }
}

extension OutgoingRequest {
  /// No custom fields.
  public var fields: [ReplyField] { [] }

  /// No body.
  public var body: [UInt8] { [] }

  /// Appends the request's frame.
  public func encode(
    id: RequestID, oneway: Bool = false, type: HeaderType = .json, into output: inout ByteWriter
  ) {
    var writer = RequestWriter.begin(Self.code, id: id, oneway: oneway, type: type, into: &output)
    for field in fields { writer.field(named: field.name, field.value, into: &output) }
    writer.finish(body: body, into: &output)
  }
}

/// Collects fields, leaving out those that are nil.
struct FieldList {
  var fields: [ReplyField] = []

  mutating func add(_ name: String, _ value: (some CustomStringConvertible)?) {
    if let value { fields.append(ReplyField(name, value)) }
  }
}

extension Command {
  /// A field that an answer must have.
  func required(_ name: String) throws(DecodeError) -> String {
    guard let value = self[name] else { throw DecodeError(field: name, offset: 0, reason: "missing") }
    return value
  }

  /// A number that an answer must have.
  func number<Value: FixedWidthInteger>(_ name: String, _ type: Value.Type = Value.self) throws(DecodeError) -> Value {
    let text = try required(name)
    guard let value = Value(text) else { throw DecodeError(field: name, offset: 0, reason: "not a number: \(text)") }
    return value
  }
}

extension Response {
  /// A number that an answer must have.
  func number<Value: FixedWidthInteger>(
    _ name: StaticString, _ type: Value.Type = Value.self
  ) throws(DecodeError) -> Value {
    guard let text = command.field(name), let value = text.decimal(Value.self) else {
      throw DecodeError(field: "\(name)", offset: 0, reason: "missing or not a number")
    }
    return value
  }
}

extension Request {
  /// The body read as JSON; a body that cannot be read is refused with the place of the error.
  func json<Body: JSONBody>(_ type: Body.Type) throws(Refusal) -> Body {
    do throws(DecodeError) {
      return try Body(bytes: body)
    } catch {
      throw Refusal(.systemError, "the body cannot be read: \(error)")
    }
  }
}
