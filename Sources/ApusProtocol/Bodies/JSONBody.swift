public import ApusBase
import ApusModel

/// A body that is a JSON text.
public protocol JSONBody: Hashable, Sendable {
  /// Reads the JSON form; an error names the member.
  init(json: JSONValue) throws(DecodeError)
  /// The JSON form, members in Java's order.
  var json: JSONValue { get }
}

extension JSONBody {
  /// Reads the text.
  public init(bytes: RawSpan) throws(DecodeError) { try self.init(json: try JSONParser.parse(bytes)) }

  /// Reads the text.
  public init(bytes: [UInt8]) throws(DecodeError) { try self.init(bytes: bytes.rawSpan) }

  /// The text; as fastjson writes it unless told.
  public func bytes(_ style: JSONStyle = .fastjson) -> [UInt8] { json.bytes(style) }
}

/// A Java enumeration in JSON: written by name, read by name or, as C++ clients write it, by number. The cases stand in
/// Java's order of declaration.
public protocol JSONName: RawRepresentable<String>, CaseIterable, Hashable, Sendable {}

extension JSONName {
  /// Reads the member of an object; `standard` when it is absent or unknown.
  init(_ json: JSONValue, _ name: String, default standard: Self) {
    guard let member = json[name], let text = member.text else {
      self = standard
      return
    }
    let cases = Array(Self.allCases)
    if let known = Self(rawValue: text) {
      self = known
    } else if let number = member.int32, cases.indices.contains(Int(number)) {
      self = cases[Int(number)]
    } else {
      self = standard
    }
  }

  var json: JSONValue { .string(rawValue) }
}

extension JSONValue {
  /// Each element of a list member read; an absent or null list is empty.
  func list<Element>(
    _ name: String, _ read: (JSONValue) throws(DecodeError) -> Element
  ) throws(DecodeError) -> [Element] {
    guard let member = self[name], !member.isNull else { return [] }
    guard let elements = member.elements else { throw DecodeError(field: name, offset: 0, reason: "not a list") }
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    for element in elements { result.append(try read(element)) }
    return result
  }

  /// Each member of an object member; an absent or null object is empty.
  func table(_ name: String) throws(DecodeError) -> [JSONMember] {
    guard let member = self[name], !member.isNull else { return [] }
    guard let members = member.members else { throw DecodeError(field: name, offset: 0, reason: "not an object") }
    return members
  }

  /// A member that must be an object or list.
  func required(_ name: String) throws(DecodeError) -> JSONValue {
    guard let member = self[name], !member.isNull else { throw DecodeError(field: name, offset: 0, reason: "missing") }
    return member
  }

  /// The value as the key of a table of queues: an object, or a text that holds one.
  func queueKey() throws(DecodeError) -> MessageQueue {
    if case .string(let text) = self { return try MessageQueue(json: try JSONParser.parse(text)) }
    return try MessageQueue(json: self)
  }
}
