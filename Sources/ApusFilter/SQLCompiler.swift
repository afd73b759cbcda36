import ApusBase

/// Reads an expression by recursive descent and writes its steps as it goes; there is no tree.
///
/// Grammar: `or := and {OR and}`, `and := equality {AND equality}`, `equality := comparison {(= | <>) comparison | IS
/// [NOT] NULL}`, `comparison := unary {(> | >= | < | <=) unary | [NOT] BETWEEN unary AND unary | [NOT] IN ('text'
/// {, 'text'})}`, `unary := {+ | - | NOT} primary`, `primary := literal | property | (or)`. The end of the text is not
/// asked for: the first token that does not fit ends the expression.
struct SQLCompiler {
  /// What a part of the expression is.
  private enum Part {
    /// A constant as written.
    case literal(SQLConstant)
    /// A constant that a minus sign made: Java does not take it for one.
    case computed(SQLConstant)
    case property(UInt16)
    /// A condition; its truth is on the stack.
    case condition
  }

  private(set) var steps: [SQLInstruction] = []
  private(set) var constants: [SQLConstant] = []
  private(set) var texts: [UInt8] = []
  private(set) var names: [[UInt8]] = []
  private var lexer: SQLLexer
  private var token = SQLToken.end
  /// The token behind ``token``, where the grammar had to look at it.
  private var following: (token: SQLToken, start: Int)?
  private var start = 0
  private var depth = 0
  private var held = 0

  init(_ text: [UInt8]) throws(SQLFault) {
    guard text.count <= SQLExpression.maximumBytes else { throw SQLFault(.tooLarge, at: SQLExpression.maximumBytes) }
    lexer = SQLLexer(text)
    try advance()
    let part = try or()
    try makeBoolean(part)
  }

  // MARK: Tokens

  private mutating func advance() throws(SQLFault) {
    if let next = following {
      (token, start) = next
      following = nil
    } else {
      token = try lexer.next()
      start = lexer.start
    }
  }

  private mutating func peek() throws(SQLFault) -> SQLToken {
    if let following { return following.token }
    let next = try lexer.next()
    following = (next, lexer.start)
    return next
  }

  private mutating func expect(_ wanted: SQLToken) throws(SQLFault) {
    guard token == wanted else { throw fault(.unexpected) }
    try advance()
  }

  private func fault(_ reason: SQLFault.Reason) -> SQLFault { SQLFault(reason, at: start) }

  // MARK: Conditions

  private mutating func or() throws(SQLFault) -> Part {
    depth += 1
    defer { depth -= 1 }
    guard depth <= SQLExpression.maximumDepth else { throw fault(.tooLarge) }
    var left = try and()
    while token == .or {
      try makeBoolean(left)
      let jump = try emit(.skipIfTrue(0))
      try advance()
      try makeBoolean(and())
      try join(.or)
      try aim(jump) { .skipIfTrue($0) }
      left = .condition
    }
    return left
  }

  private mutating func and() throws(SQLFault) -> Part {
    var left = try equality()
    while token == .and {
      try makeBoolean(left)
      let jump = try emit(.skipIfFalse(0))
      try advance()
      try makeBoolean(equality())
      try join(.and)
      try aim(jump) { .skipIfFalse($0) }
      left = .condition
    }
    return left
  }

  private mutating func equality() throws(SQLFault) -> Part {
    var left = try comparison()
    while true {
      switch token {
      case .equal, .notEqual:
        let isNegated = token == .notEqual
        try advance()
        let right = try comparison()
        try compareEqual(left, right)
        if isNegated { try emit(.not) }
      case .is:
        try advance()
        let isNegated = token == .not
        if isNegated { try advance() }
        try expect(.null)
        if case .condition = left { held -= 1 }
        try emit(.isNull(operand(left)), holding: 1)
        if isNegated { try emit(.not) }
      default: return left
      }
      left = .condition
    }
  }

  private mutating func comparison() throws(SQLFault) -> Part {
    var left = try unary()
    while true {
      switch token {
      case .less: try relate(left, .less)
      case .lessOrEqual: try relate(left, .lessOrEqual)
      case .greater: try relate(left, .greater)
      case .greaterOrEqual: try relate(left, .greaterOrEqual)
      case .between:
        try advance()
        try between(left, isNegated: false)
      case .in:
        try advance()
        try member(left, isNegated: false)
      case .not:
        switch try peek() {
        case .between:
          try advance()
          try advance()
          try between(left, isNegated: true)
        case .in:
          try advance()
          try advance()
          try member(left, isNegated: true)
        default: throw fault(.unexpected)
        }
      default: return left
      }
      left = .condition
    }
  }

  private mutating func unary() throws(SQLFault) -> Part {
    depth += 1
    defer { depth -= 1 }
    guard depth <= SQLExpression.maximumDepth else { throw fault(.tooLarge) }
    switch token {
    case .plus:
      try advance()
      return try unary()
    case .minus:
      try advance()
      return try negate(unary())
    case .not:
      try advance()
      try makeBoolean(unary())
      try emit(.not)
      return .condition
    case .open:
      try advance()
      let inner = try or()
      try expect(.close)
      return inner
    default: return try literal()
    }
  }

  private mutating func literal() throws(SQLFault) -> Part {
    let part: Part
    switch token {
    case .yes: part = .literal(.boolean(true))
    case .no: part = .literal(.boolean(false))
    case .null: part = .literal(.null)
    case .decimal(let range): part = .literal(try integer(range))
    case .float(let range): part = .literal(try float(range))
    case .text(let range): part = .literal(try text(range))
    case .name(let range): part = .property(try property(range))
    default: throw fault(.unexpected)
    }
    try advance()
    return part
  }

  // MARK: Comparisons

  /// Java knows truths by their class: a literal one left of another literal must meet a truth.
  private mutating func compareEqual(_ left: Part, _ right: Part) throws(SQLFault) {
    if case .literal(.null) = left { throw fault(.null) }
    if case .literal(.null) = right { throw fault(.null) }
    if case .literal(let one) = left, case .literal(let other) = right, one.isBoolean, !other.isBoolean {
      throw fault(.truthAndOther)
    }
    // The right side's truth lies above the left one's.
    if case .condition = left { held -= 1 }
    if case .condition = right { held -= 1 }
    try emit(.equal(operand(left), operand(right)), holding: 1)
  }

  private mutating func relate(_ left: Part, _ relation: SQLRelation) throws(SQLFault) {
    try requireComparable(left)
    try advance()
    let begin = steps.count
    let right = try unary()
    try relate(left, relation, right, from: begin)
  }

  /// Writes a comparison whose right side's steps begin at `begin`: Java leaves them out when the left side is null.
  private mutating func relate(
    _ left: Part, _ relation: SQLRelation, _ right: Part, from begin: Int
  ) throws(SQLFault) {
    try requireComparable(left)
    try requireComparable(right)
    let (one, other) = (try operand(left), try operand(right))
    if steps.count > begin {
      let jump = try insert(.skipIfNull(one, 0), at: begin)
      try aim(jump) { .skipIfNull(one, $0) }
    }
    try emit(.relation(relation, one, other), holding: 1)
  }

  private mutating func between(_ value: Part, isNegated: Bool) throws(SQLFault) {
    let lowStart = steps.count
    let low = try unary()
    try relate(value, isNegated ? .less : .greaterOrEqual, low, from: lowStart)
    try expect(.and)
    let jump = try emit(isNegated ? .skipIfTrue(0) : .skipIfFalse(0))
    let highStart = steps.count
    let high = try unary()
    if !isNegated, case .literal(let least) = low, case .literal(let most) = high {
      guard SQLExpression.order(most, least) ?? 0 >= 0 else { throw fault(.bounds) }
    }
    try relate(value, isNegated ? .greater : .lessOrEqual, high, from: highStart)
    try join(isNegated ? .or : .and)
    try aim(jump) { isNegated ? .skipIfTrue($0) : .skipIfFalse($0) }
  }

  private func requireComparable(_ part: Part) throws(SQLFault) {
    switch part {
    case .condition: throw fault(.notComparable)
    case .literal(let constant):
      guard constant.isNumber else { throw fault(.notComparable) }
    case .computed, .property: return
    }
  }

  private mutating func member(_ value: Part, isNegated: Bool) throws(SQLFault) {
    guard case .property(let property) = value else { throw fault(.notProperty) }
    try expect(.open)
    var elements: [[UInt8]] = []
    while true {
      guard case .text(let range) = token else { throw fault(.unexpected) }
      elements.append(unquoted(range))
      guard elements.count <= SQLExpression.maximumSteps else { throw fault(.tooLarge) }
      try advance()
      guard token == .comma else { break }
      try advance()
    }
    try expect(.close)
    elements.sort { one, other in
      one.count == other.count ? one.lexicographicallyPrecedes(other) : one.count < other.count
    }
    guard let first = UInt16(exactly: constants.count) else { throw fault(.tooLarge) }
    for element in elements { _ = try add(store(element)) }
    try emit(.member(property, first: first, count: UInt16(elements.count)), holding: 1)
    if isNegated { try emit(.not) }
  }

  // MARK: Parts

  /// Only numbers have a negative; of everything else it is null.
  private mutating func negate(_ part: Part) throws(SQLFault) -> Part {
    switch part {
    case .literal(.int32(let value)), .computed(.int32(let value)): return .computed(.int32(0 &- value))
    case .literal(.int64(let value)), .computed(.int64(let value)): return .computed(.int64(0 &- value))
    case .literal(.double(let value)), .computed(.double(let value)): return .computed(.double(-value))
    case .literal, .computed, .property: return .computed(.null)
    case .condition:
      // It is still worked out, as that may fail.
      try emit(.drop)
      held -= 1
      return .computed(.null)
    }
  }

  /// Turns a part into a truth on the stack.
  private mutating func makeBoolean(_ part: Part) throws(SQLFault) {
    switch part {
    case .condition: return
    case .literal(.null): try emit(.push(.unknown), holding: 1)
    case .literal(.boolean(let value)): try emit(.push(SQLTruth(value)), holding: 1)
    case .property(let property): try emit(.present(property), holding: 1)
    case .literal, .computed: throw fault(.notBoolean)
    }
  }

  private mutating func operand(_ part: Part) throws(SQLFault) -> SQLOperand {
    switch part {
    case .condition: .stack
    case .property(let number): .property(number)
    case .literal(let constant), .computed(let constant): .constant(try add(constant))
    }
  }

  private mutating func integer(_ range: Range<Int>) throws(SQLFault) -> SQLConstant {
    guard let value = JavaNumber.int64(lexer.bytes.rawSpan.extracting(range)) else { throw fault(.numberRange) }
    return Int32(exactly: value).map { .int32($0) } ?? .int64(value)
  }

  private mutating func float(_ range: Range<Int>) throws(SQLFault) -> SQLConstant {
    guard let value = JavaNumber.double(lexer.bytes.rawSpan.extracting(range)), value.isFinite, value > 0 else {
      throw fault(.numberRange)
    }
    return .double(value)
  }

  private mutating func text(_ range: Range<Int>) throws(SQLFault) -> SQLConstant { store(unquoted(range)) }

  private func unquoted(_ range: Range<Int>) -> [UInt8] {
    var result: [UInt8] = []
    var index = range.lowerBound
    while index < range.upperBound {
      result.append(lexer.bytes[index])
      index += lexer.bytes[index] == UInt8(ascii: "'") ? 2 : 1
    }
    return result
  }

  private mutating func store(_ text: [UInt8]) -> SQLConstant {
    let start = texts.count
    texts += text
    return .text(start: Int32(start), count: Int32(text.count))
  }

  private mutating func add(_ constant: SQLConstant) throws(SQLFault) -> UInt16 {
    guard constants.count < SQLExpression.maximumSteps else { throw fault(.tooLarge) }
    constants.append(constant)
    return UInt16(constants.count - 1)
  }

  private mutating func property(_ range: Range<Int>) throws(SQLFault) -> UInt16 {
    let name = Array(lexer.bytes[range])
    if let known = names.firstIndex(of: name) { return UInt16(known) }
    guard names.count < SQLExpression.maximumProperties else { throw fault(.tooLarge) }
    names.append(name)
    return UInt16(names.count - 1)
  }

  // MARK: Steps

  /// Appends a step that leaves `holding` more truths on the stack than before, and returns its place.
  @discardableResult
  private mutating func emit(_ step: SQLInstruction, holding: Int = 0) throws(SQLFault) -> Int {
    held += holding
    guard steps.count < SQLExpression.maximumSteps, held <= SQLTruthStack.capacity else { throw fault(.tooLarge) }
    steps.append(step)
    return steps.count - 1
  }

  private mutating func join(_ step: SQLInstruction) throws(SQLFault) {
    held -= 1
    try emit(step)
  }

  private mutating func insert(_ step: SQLInstruction, at place: Int) throws(SQLFault) -> Int {
    guard steps.count < SQLExpression.maximumSteps else { throw fault(.tooLarge) }
    steps.insert(step, at: place)
    return place
  }

  /// Lets the jump at `place` lead behind the last step. Jumps are relative, so that steps may be put before them.
  private mutating func aim(_ place: Int, _ jump: (UInt16) -> SQLInstruction) throws(SQLFault) {
    steps[place] = jump(UInt16(steps.count - place - 1))
  }
}
