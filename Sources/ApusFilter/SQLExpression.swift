import ApusBase
package import ApusModel

/// An SQL92 condition over a message's properties, compiled once and evaluated on the properties' bytes without
/// allocating.
///
/// It means what it means to Java, quirks included (apache/rocketmq@rocketmq-all-4.9.8:filter/src/main/java/org/apache/
/// rocketmq/filter/): what follows a complete expression is not looked at; a missing property is null; a property
/// becomes a number of the other side's type, and one that does not convert fails the whole evaluation; AND and OR know
/// three truths and leave out their right side when the left one decides. Deviation: length, number of parts and depth
/// are bounded, where Java runs until its stack ends.
package final class SQLExpression: Sendable {
  /// The longest text, in bytes.
  package static let maximumBytes = 64 << 10
  /// How many steps and how many constants there may be.
  package static let maximumSteps = 8192
  /// How deep parentheses and signs may be nested.
  package static let maximumDepth = 256
  /// How many properties may be named.
  package static let maximumProperties = 256

  /// What an evaluation came to.
  package enum Outcome: Hashable, Sendable {
    /// True, false or unknown.
    case truth(SQLTruth)
    /// A property is no number where one is needed, or two values cannot be compared.
    case failed
  }

  /// The text.
  package let text: String
  private let steps: [SQLInstruction]
  private let constants: [SQLConstant]
  private let texts: [UInt8]
  private let names: [[UInt8]]

  /// Reads a condition, or says where and why it is none.
  package init(_ text: String) throws(SQLFault) {
    guard text.utf8.count <= Self.maximumBytes else { throw SQLFault(.tooLarge, at: Self.maximumBytes) }
    let compiled = try SQLCompiler(Array(text.utf8))
    self.text = text
    steps = compiled.steps
    constants = compiled.constants
    texts = compiled.texts
    names = compiled.names
  }

  /// Whether a message with these properties is wanted: only what is true is.
  package func matches(_ properties: borrowing MessageProperties) -> Bool { evaluate(properties) == .truth(.yes) }

  /// What the condition comes to for these properties. Takes time in proportion to the properties' bytes and the
  /// expression's steps.
  package func evaluate(_ properties: borrowing MessageProperties) -> Outcome {
    let values = SQLValues(names, in: properties)
    let texts = self.texts
    let sources = SQLTexts(literals: texts.rawSpan, properties: properties.bytes)
    var stack = SQLTruthStack()
    var index = 0
    while index < steps.count {
      let step = steps[index]
      index += 1
      switch step {
      case .push(let truth): stack.push(truth)
      case .present(let property): stack.push(values.range(of: property, names, properties) == nil ? .unknown : .no)
      case .not: stack.push(stack.pop().negated)
      case .drop: _ = stack.pop()
      case .skipIfFalse(let count): if stack.top == .no { index += Int(count) }
      case .skipIfTrue(let count): if stack.top == .yes { index += Int(count) }
      case .skipIfNull(let operand, let count):
        if case .null = value(operand, &stack, values, properties) { index += Int(count) }
      case .and:
        let (right, left) = (stack.pop(), stack.pop())
        stack.push(left == .no || right == .no ? .no : left == .yes && right == .yes ? .yes : .unknown)
      case .or:
        let (right, left) = (stack.pop(), stack.pop())
        stack.push(left == .yes || right == .yes ? .yes : left == .no && right == .no ? .no : .unknown)
      case .isNull(let operand):
        if case .null = value(operand, &stack, values, properties) { stack.push(.yes) } else { stack.push(.no) }
      case .equal(let left, let right):
        let other = value(right, &stack, values, properties)
        guard let truth = equal(value(left, &stack, values, properties), other, sources) else { return .failed }
        stack.push(truth)
      case .relation(let relation, let left, let right):
        let one = value(left, &stack, values, properties)
        guard let truth = compare(one, relation, value(right, &stack, values, properties), sources) else {
          return .failed
        }
        stack.push(truth)
      case .member(let property, let first, let count):
        if let range = values.range(of: property, names, properties) {
          stack.push(SQLTruth(isMember(properties.bytes.extracting(range), sources, Int(first), Int(count))))
        } else {
          stack.push(.unknown)
        }
      }
    }
    return .truth(stack.top)
  }

  // MARK: SQLValues

  private func value(
    _ operand: SQLOperand, _ stack: inout SQLTruthStack, _ values: borrowing SQLValues,
    _ properties: borrowing MessageProperties
  ) -> SQLValue {
    switch operand {
    case .stack:
      switch stack.pop() {
      case .yes: .boolean(true)
      case .no: .boolean(false)
      case .unknown: .null
      }
    case .property(let number):
      if let range = values.range(of: number, names, properties) { .property(range) } else { .null }
    case .constant(let number):
      switch constants[Int(number)] {
      case .null: .null
      case .boolean(let value): .boolean(value)
      case .int32(let value): .int32(value)
      case .int64(let value): .int64(value)
      case .double(let value): .double(value)
      case .text(let start, let count): .literal(Int(start)..<Int(start) + Int(count))
      }
    }
  }

  /// Nil when the comparison fails.
  private func equal(_ left: SQLValue, _ right: SQLValue, _ texts: borrowing SQLTexts) -> SQLTruth? {
    switch (left, right) {
    case (.null, .null): return .yes
    case (.null, _): return .unknown
    case (_, .null): return .no
    case (.boolean(let one), .boolean(let other)): return SQLTruth(one == other)
    // Java casts the truth to a text here, which throws.
    case (.boolean, .literal), (.boolean, .property): return nil
    case (_, .boolean(let other)):
      guard let text = texts.bytes(of: left) else { return .no }
      return SQLTruth(MessageProperties.isTrue(text) == other)
    case (.boolean, _): return .no
    default: break
    }
    if let one = texts.bytes(of: left), let other = texts.bytes(of: right) { return SQLTruth(one.equals(other)) }
    return order(left, right, texts).map { SQLTruth($0 == 0) }
  }

  /// Nil when the comparison fails.
  private func compare(
    _ left: SQLValue, _ relation: SQLRelation, _ right: SQLValue, _ texts: borrowing SQLTexts
  ) -> SQLTruth? {
    if case .null = left { return .unknown }
    if case .null = right { return .unknown }
    if let one = texts.bytes(of: left), let other = texts.bytes(of: right) {
      guard let one = JavaNumber.double(one), let other = JavaNumber.double(other) else { return nil }
      return SQLTruth(relation.holds(Self.order(one, other)))
    }
    return order(left, right, texts).map { SQLTruth(relation.holds($0)) }
  }

  /// How two values lie to each other of which one at least is a number; the other one takes its type.
  private func order(_ left: SQLValue, _ right: SQLValue, _ texts: borrowing SQLTexts) -> Int? {
    if let text = texts.bytes(of: left) {
      guard let number = number(text, like: right) else { return nil }
      return Self.order(number, right)
    }
    if let text = texts.bytes(of: right) {
      guard let number = number(text, like: left) else { return nil }
      return Self.order(left, number)
    }
    return Self.order(left, right)
  }

  private func number(_ text: RawSpan, like other: SQLValue) -> SQLValue? {
    switch other {
    case .int32: JavaNumber.int32(text).map { .int32($0) }
    case .int64: JavaNumber.int64(text).map { .int64($0) }
    case .double: JavaNumber.double(text).map { .double($0) }
    case .null, .boolean, .literal, .property: nil
    }
  }

  private static func order(_ left: SQLValue, _ right: SQLValue) -> Int? {
    switch (left, right) {
    case (.double(let one), _): double(right).map { order(one, $0) }
    case (_, .double(let other)): double(left).map { order($0, other) }
    default:
      if let one = integer(left), let other = integer(right) { one < other ? -1 : one > other ? 1 : 0 } else { nil }
    }
  }

  private static func integer(_ value: SQLValue) -> Int64? {
    switch value {
    case .int32(let value): Int64(value)
    case .int64(let value): value
    case .null, .boolean, .double, .literal, .property: nil
    }
  }

  private static func double(_ value: SQLValue) -> Double? {
    if case .double(let value) = value { return value }
    return integer(value).map { Double($0) }
  }

  /// Java's order of doubles: zero is above its negative, and what is no number above everything.
  private static func order(_ one: Double, _ other: Double) -> Int {
    if one < other { return -1 }
    if one > other { return 1 }
    let (left, right) = (bits(one), bits(other))
    return left == right ? 0 : left < right ? -1 : 1
  }

  private static func bits(_ value: Double) -> Int64 {
    Int64(bitPattern: value.isNaN ? Double.nan.bitPattern : value.bitPattern)
  }

  /// How two number constants lie to each other; nil for others.
  static func order(_ left: SQLConstant, _ right: SQLConstant) -> Int? {
    guard let one = number(left), let other = number(right) else { return nil }
    return order(one, other)
  }

  private static func number(_ constant: SQLConstant) -> SQLValue? {
    switch constant {
    case .int32(let value): .int32(value)
    case .int64(let value): .int64(value)
    case .double(let value): .double(value)
    case .null, .boolean, .text: nil
    }
  }

  /// Halves the ascending texts.
  private func isMember(_ text: RawSpan, _ sources: borrowing SQLTexts, _ first: Int, _ count: Int) -> Bool {
    var (low, high) = (first, first + count)
    while low < high {
      let middle = (low + high) / 2
      guard case .text(let start, let length) = constants[middle] else { return false }
      let element = sources.literals.extracting(Int(start)..<Int(start) + Int(length))
      let order = Self.order(text, element)
      if order == 0 { return true }
      if order < 0 { high = middle } else { low = middle + 1 }
    }
    return false
  }

  /// By length, then by bytes.
  private static func order(_ one: RawSpan, _ other: RawSpan) -> Int {
    if one.byteCount != other.byteCount { return one.byteCount < other.byteCount ? -1 : 1 }
    for index in 0..<one.byteCount {
      let (left, right) = (one.byte(at: index), other.byte(at: index))
      if left != right { return left < right ? -1 : 1 }
    }
    return 0
  }
}

/// Where the values of the properties lie that an expression names: the first ones are looked up in one walk over all
/// properties, later ones when they are asked for.
struct SQLValues {
  /// How many properties are looked up at once.
  static let together = 8

  /// Start and end of each value, both in one number; -1 when it is missing.
  private var found = InlineArray<8, Int64>(repeating: -1)

  init(_ names: [[UInt8]], in properties: borrowing MessageProperties) {
    let count = min(names.count, Self.together)
    var position = 0
    while let pair = properties.next(&position) {
      for number in 0..<count where Self.isName(pair.name, names[number], in: properties) {
        found[number] = Int64(pair.value.lowerBound) << 32 | Int64(pair.value.upperBound)
      }
    }
  }

  private static func isName(_ range: Range<Int>, _ name: [UInt8], in properties: borrowing MessageProperties) -> Bool {
    range.count == name.count && properties.bytes.extracting(range).equals(name.rawSpan)
  }

  /// Where the value of a property lies; nil when it is missing.
  func range(of number: UInt16, _ names: [[UInt8]], _ properties: borrowing MessageProperties) -> Range<Int>? {
    if Int(number) < Self.together {
      let place = found[Int(number)]
      return place < 0 ? nil : Int(place >> 32)..<Int(place & 0xFFFF_FFFF)
    }
    var last: Range<Int>?
    var position = 0
    while let pair = properties.next(&position) {
      if Self.isName(pair.name, names[Int(number)], in: properties) { last = pair.value }
    }
    return last
  }
}

/// A value while it is compared.
enum SQLValue {
  case null
  case boolean(Bool)
  case int32(Int32)
  case int64(Int64)
  case double(Double)
  /// A text of the expression.
  case literal(Range<Int>)
  /// A property's value.
  case property(Range<Int>)
}

/// Where the texts of an evaluation lie.
struct SQLTexts: ~Escapable {
  /// The expression's own.
  let literals: RawSpan
  /// The encoded properties.
  let properties: RawSpan

  @_lifetime(copy literals, copy properties)
  init(literals: RawSpan, properties: RawSpan) {
    self.literals = literals
    self.properties = properties
  }

  /// The bytes of a text; nil for every other value.
  @_lifetime(copy self)
  func bytes(of value: SQLValue) -> RawSpan? {
    switch value {
    case .literal(let range): literals.extracting(range)
    case .property(let range): properties.extracting(range)
    case .null, .boolean, .int32, .int64, .double: nil
    }
  }
}
