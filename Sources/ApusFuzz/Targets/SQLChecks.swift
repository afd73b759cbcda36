import ApusBase
import ApusFilter
import ApusModel

/// Conditions: what they are compiled to comes to what their text says.
enum SQLChecks {
  /// A condition, a zero byte, and the encoded properties of a message.
  static func check(_ input: [UInt8]) throws(FuzzFinding) {
    let text = String(decoding: input.prefix { $0 != 0 }, as: UTF8.self)
    let properties = Array(input.drop { $0 != 0 }.dropFirst())
    guard let expression = readable({ try SQLExpression(text) }) else { return }
    let outcome = expression.evaluate(MessageProperties(properties.rawSpan))
    let expected = SQLInterpreter.outcome(of: text, properties)
    try require(outcome == expected, "\(text) comes to \(outcome) for \(properties), not \(expected as Any)")
  }
}

/// A condition read into a tree that is worked out as it stands: slow, and without the compiler's steps and jumps. Only
/// for conditions that the compiler takes.
struct SQLInterpreter {
  private indirect enum Node {
    case constant(Value)
    case property([UInt8])
    case and(Node, Node)
    case or(Node, Node)
    case not(Node)
    case negative(Node)
    case isNull(Node)
    case equal(Node, Node)
    case relation(Node, Relation, Node)
    case between(Node, Node, Node)
    case notBetween(Node, Node, Node)
    case member([UInt8], [[UInt8]])
  }

  private enum Value {
    case null
    case boolean(Bool)
    case int32(Int32)
    case int64(Int64)
    case double(Double)
    case text([UInt8])
  }

  private enum Relation { case less, lessOrEqual, greater, greaterOrEqual }

  /// The evaluation fails.
  private struct Failure: Error {}

  /// What a condition comes to; nil when its text cannot be read.
  static func outcome(of text: String, _ properties: [UInt8]) -> SQLExpression.Outcome? {
    var reader = SQLInterpreter(text)
    guard let node = readable({ () throws(SQLFault) in try reader.whole() }), let node else { return nil }
    var values: [[UInt8]: [UInt8]] = [:]
    for piece in properties.split(separator: 2) {
      guard let separator = piece.firstIndex(of: 1), separator > piece.startIndex, separator + 1 < piece.endIndex
      else { continue }
      values[Array(piece[..<separator])] = Array(piece[(separator + 1)...])
    }
    return readable { () throws(Failure) in .truth(try truth(node, values)) } ?? .failed
  }

  // MARK: Reading

  private var lexer: SQLLexer
  private var tokens: [SQLToken] = []

  private init(_ text: String) { lexer = SQLLexer(Array(text.utf8)) }

  private mutating func token(_ distance: Int = 0) throws(SQLFault) -> SQLToken {
    while tokens.count <= distance { tokens.append(try lexer.next()) }
    return tokens[distance]
  }

  private mutating func take(_ wanted: SQLToken) throws(SQLFault) -> Bool {
    guard try token() == wanted else { return false }
    tokens.removeFirst()
    return true
  }

  /// The condition; what follows it is not looked at. Nil when there is none.
  private mutating func whole() throws(SQLFault) -> Node? { try or() }

  private mutating func or() throws(SQLFault) -> Node? {
    guard var left = try and() else { return nil }
    while try take(.or) {
      guard let right = try and() else { return nil }
      left = .or(left, right)
    }
    return left
  }

  private mutating func and() throws(SQLFault) -> Node? {
    guard var left = try equality() else { return nil }
    while try take(.and) {
      guard let right = try equality() else { return nil }
      left = .and(left, right)
    }
    return left
  }

  private mutating func equality() throws(SQLFault) -> Node? {
    guard var left = try comparison() else { return nil }
    while true {
      let isEqual = try take(.equal)
      let isNotEqual = try take(.notEqual)
      if isEqual || isNotEqual {
        guard let right = try comparison() else { return nil }
        left = isNotEqual ? .not(.equal(left, right)) : .equal(left, right)
      } else if try take(.is) {
        let isNegated = try take(.not)
        guard try take(.null) else { return nil }
        left = isNegated ? .not(.isNull(left)) : .isNull(left)
      } else {
        return left
      }
    }
  }

  private mutating func comparison() throws(SQLFault) -> Node? {
    guard var left = try unary() else { return nil }
    while true {
      let isNegated = try token() == .not
      let relation: Relation
      switch try token(isNegated ? 1 : 0) {
      case .between:
        if isNegated { tokens.removeFirst() }
        guard try take(.between), let low = try unary(), try take(.and), let high = try unary() else { return nil }
        left = isNegated ? .notBetween(left, low, high) : .between(left, low, high)
        continue
      case .in:
        if isNegated { tokens.removeFirst() }
        guard try take(.in), let elements = try elements(), case .property(let name) = left else { return nil }
        left = isNegated ? .not(.member(name, elements)) : .member(name, elements)
        continue
      case .less where !isNegated: relation = .less
      case .lessOrEqual where !isNegated: relation = .lessOrEqual
      case .greater where !isNegated: relation = .greater
      case .greaterOrEqual where !isNegated: relation = .greaterOrEqual
      default: return isNegated ? nil : left
      }
      tokens.removeFirst()
      guard let right = try unary() else { return nil }
      left = .relation(left, relation, right)
    }
  }

  private mutating func elements() throws(SQLFault) -> [[UInt8]]? {
    guard try take(.open) else { return nil }
    var elements: [[UInt8]] = []
    repeat {
      guard case .text(let range) = try token() else { return nil }
      elements.append(unquoted(range))
      tokens.removeFirst()
    } while try take(.comma)
    return try take(.close) ? elements : nil
  }

  private mutating func unary() throws(SQLFault) -> Node? {
    if try take(.plus) { return try unary() }
    if try take(.minus) { return try unary().map { .negative($0) } }
    if try take(.not) { return try unary().map { .not($0) } }
    if try take(.open) {
      let inner = try or()
      return try take(.close) ? inner : nil
    }
    let node: Node?
    switch try token() {
    case .yes: node = .constant(.boolean(true))
    case .no: node = .constant(.boolean(false))
    case .null: node = .constant(.null)
    case .text(let range): node = .constant(.text(unquoted(range)))
    case .name(let range): node = .property(Array(lexer.bytes[range]))
    case .decimal(let range):
      let number = Int64(String(decoding: lexer.bytes[range], as: UTF8.self))
      node = number.map { .constant(Int32(exactly: $0).map { .int32($0) } ?? .int64($0)) }
    case .float(let range):
      node = Double(String(decoding: lexer.bytes[range], as: UTF8.self)).map { .constant(.double($0)) }
    default: node = nil
    }
    if node != nil { tokens.removeFirst() }
    return node
  }

  private func unquoted(_ range: Range<Int>) -> [UInt8] {
    var text: [UInt8] = []
    var isSecond = false
    for byte in lexer.bytes[range] {
      isSecond = byte == UInt8(ascii: "'") && !isSecond
      if byte != UInt8(ascii: "'") || isSecond { text.append(byte) }
    }
    return text
  }

  // MARK: Working out

  private typealias Values = [[UInt8]: [UInt8]]

  /// What a node comes to where a condition stands: a property is no truth, so that it is false when it is there.
  private static func truth(_ node: Node, _ values: Values) throws(Failure) -> SQLTruth {
    if case .property(let name) = node { return values[name] == nil ? .unknown : .no }
    switch try value(node, values) {
    case .boolean(let flag): return flag ? .yes : .no
    case .null: return .unknown
    case .int32, .int64, .double, .text: throw Failure()
    }
  }

  private static func value(_ truth: SQLTruth) -> Value {
    switch truth {
    case .yes: .boolean(true)
    case .no: .boolean(false)
    case .unknown: .null
    }
  }

  private static func negated(_ truth: SQLTruth) -> SQLTruth {
    switch truth {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }

  private static func value(_ node: Node, _ values: Values) throws(Failure) -> Value {
    switch node {
    case .constant(let value): return value
    case .property(let name): return values[name].map { .text($0) } ?? .null
    case .and(let left, let right): return value(try join(left, right, values, deciding: .no))
    case .or(let left, let right): return value(try join(left, right, values, deciding: .yes))
    case .not(let inner): return value(negated(try truth(inner, values)))
    case .negative(let inner): return try negative(inner, values)
    case .isNull(let inner):
      if case .null = try value(inner, values) { return .boolean(true) }
      return .boolean(false)
    case .equal(let left, let right):
      let one = try value(left, values)
      return value(try equal(one, try value(right, values)))
    case .relation(let left, let relation, let right):
      return value(try compare(try value(left, values), relation, right, values))
    case .between(let middle, let low, let high):
      let middle = try value(middle, values)
      let above = try compare(middle, .greaterOrEqual, low, values)
      return value(above == .no ? .no : both(above, try compare(middle, .lessOrEqual, high, values), deciding: .no))
    case .notBetween(let middle, let low, let high):
      let middle = try value(middle, values)
      let below = try compare(middle, .less, low, values)
      return value(below == .yes ? .yes : both(below, try compare(middle, .greater, high, values), deciding: .yes))
    case .member(let name, let elements):
      return values[name].map { .boolean(elements.contains($0)) } ?? .null
    }
  }

  private static func join(
    _ left: Node, _ right: Node, _ values: Values, deciding: SQLTruth
  ) throws(Failure) -> SQLTruth {
    let one = try truth(left, values)
    return one == deciding ? one : both(one, try truth(right, values), deciding: deciding)
  }

  private static func both(_ one: SQLTruth, _ other: SQLTruth, deciding: SQLTruth) -> SQLTruth {
    if one == deciding || other == deciding { return deciding }
    return one == .unknown || other == .unknown ? .unknown : negated(deciding)
  }

  private static func negative(_ inner: Node, _ values: Values) throws(Failure) -> Value {
    switch try value(inner, values) {
    case .int32(let number): .int32(0 &- number)
    case .int64(let number): .int64(0 &- number)
    case .double(let number): .double(-number)
    case .null, .boolean, .text: .null
    }
  }

  private static func equal(_ left: Value, _ right: Value) throws(Failure) -> SQLTruth {
    switch (left, right) {
    case (.null, .null): return .yes
    case (.null, _): return .unknown
    case (_, .null): return .no
    case (.boolean(let one), .boolean(let other)): return one == other ? .yes : .no
    case (.boolean, .text): throw Failure()
    case (.text(let text), .boolean(let other)):
      return (String(decoding: text, as: UTF8.self).lowercased() == "true") == other ? .yes : .no
    case (.boolean, _), (_, .boolean): return .no
    case (.text(let one), .text(let other)): return one == other ? .yes : .no
    default: return try order(left, right) == 0 ? .yes : .no
    }
  }

  /// The right side is left alone when the left one is null.
  private static func compare(
    _ left: Value, _ relation: Relation, _ right: Node, _ values: Values
  ) throws(Failure) -> SQLTruth {
    if case .null = left { return .unknown }
    let right = try value(right, values)
    if case .null = right { return .unknown }
    var sides = (left, right)
    if case .text(let one) = left, case .text(let other) = right {
      sides = (.double(try double(one)), .double(try double(other)))
    }
    let order = try order(sides.0, sides.1)
    let holds =
      switch relation {
      case .less: order < 0
      case .lessOrEqual: order <= 0
      case .greater: order > 0
      case .greaterOrEqual: order >= 0
      }
    return holds ? .yes : .no
  }

  /// How two values lie to each other of which one is a number: a text becomes a number of the other's type.
  private static func order(_ left: Value, _ right: Value) throws(Failure) -> Int {
    switch (left, right) {
    case (.text(let text), _): return try order(number(text, like: right), right)
    case (_, .text(let text)): return try order(left, number(text, like: left))
    case (.double(let one), _): return order(one, try double(right))
    case (_, .double(let other)): return order(try double(left), other)
    default:
      let (one, other) = (try integer(left), try integer(right))
      return one < other ? -1 : one > other ? 1 : 0
    }
  }

  /// Java's order of doubles.
  private static func order(_ one: Double, _ other: Double) -> Int {
    if one.isNaN || other.isNaN { return one.isNaN == other.isNaN ? 0 : one.isNaN ? 1 : -1 }
    if one == 0, other == 0, one.sign != other.sign { return one.sign == .minus ? -1 : 1 }
    return one < other ? -1 : one > other ? 1 : 0
  }

  private static func number(_ text: [UInt8], like other: Value) throws(Failure) -> Value {
    let number: Value? =
      switch other {
      case .int32: JavaNumber.int32(text.rawSpan).map { .int32($0) }
      case .int64: JavaNumber.int64(text.rawSpan).map { .int64($0) }
      case .double: .double(try double(text))
      case .null, .boolean, .text: nil
      }
    guard let number else { throw Failure() }
    return number
  }

  private static func double(_ text: [UInt8]) throws(Failure) -> Double {
    guard let number = JavaNumber.double(text.rawSpan) else { throw Failure() }
    return number
  }

  private static func double(_ value: Value) throws(Failure) -> Double {
    if case .double(let number) = value { return number }
    return Double(try integer(value))
  }

  private static func integer(_ value: Value) throws(Failure) -> Int64 {
    switch value {
    case .int32(let number): return Int64(number)
    case .int64(let number): return number
    case .null, .boolean, .double, .text: throw Failure()
    }
  }
}
