/// True, false or unknown: what conditions come to.
package enum SQLTruth: Hashable, Sendable {
  case yes, no, unknown

  init(_ value: Bool) { self = value ? .yes : .no }

  var negated: SQLTruth {
    switch self {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }
}

/// A value that an expression names. Texts lie in the expression's bytes.
enum SQLConstant: Hashable {
  case null
  case boolean(Bool)
  case int32(Int32)
  case int64(Int64)
  case double(Double)
  case text(start: Int32, count: Int32)

  var isNumber: Bool {
    switch self {
    case .int32, .int64, .double: true
    case .null, .boolean, .text: false
    }
  }

  /// Whether Java's class of this constant is a boolean expression: TRUE, FALSE and NULL are.
  var isBoolean: Bool {
    switch self {
    case .null, .boolean: true
    case .int32, .int64, .double, .text: false
    }
  }
}

/// What a comparison looks at.
enum SQLOperand: Hashable {
  /// The newest truth on the stack, which is taken from it.
  case stack
  /// The property with this number.
  case property(UInt16)
  /// The constant with this number.
  case constant(UInt16)
}

/// How numbers are compared.
enum SQLRelation: UInt8 {
  case less, lessOrEqual, greater, greaterOrEqual

  func holds(_ order: Int) -> Bool {
    switch self {
    case .less: order < 0
    case .lessOrEqual: order <= 0
    case .greater: order > 0
    case .greaterOrEqual: order >= 0
    }
  }
}

/// One step of an expression. Steps work on a stack of truths; jumps are relative to the next step and go forward only,
/// so that every evaluation ends after at most as many steps as there are.
enum SQLInstruction {
  /// Puts a truth on the stack.
  case push(SQLTruth)
  /// Puts what a bare property comes to: unknown when it is missing, else false, as no property is a boolean.
  case present(UInt16)
  /// Turns the newest truth round.
  case not
  /// Drops the newest truth.
  case drop
  /// Leaves out the next steps, the newest truth staying, when it is false.
  case skipIfFalse(UInt16)
  /// Leaves out the next steps, the newest truth staying, when it is true.
  case skipIfTrue(UInt16)
  /// Leaves out the next steps when a value is missing.
  case skipIfNull(SQLOperand, UInt16)
  /// Joins the two newest truths.
  case and
  /// Joins the two newest truths.
  case or
  /// Whether both are the same.
  case equal(SQLOperand, SQLOperand)
  /// Whether there is no such value.
  case isNull(SQLOperand)
  /// Compares numbers.
  case relation(SQLRelation, SQLOperand, SQLOperand)
  /// Whether a property is one of the constants from `first` on, which are ascending by length and bytes.
  case member(UInt16, first: UInt16, count: UInt16)
}

/// A stack of truths without memory of its own.
struct SQLTruthStack {
  /// How many truths fit; the compiler holds expressions to it.
  static let capacity = 64

  private var truths: UInt64 = 0
  private var unknowns: UInt64 = 0

  mutating func push(_ truth: SQLTruth) {
    truths = truths << 1 | (truth == .yes ? 1 : 0)
    unknowns = unknowns << 1 | (truth == .unknown ? 1 : 0)
  }

  var top: SQLTruth { unknowns & 1 == 1 ? .unknown : SQLTruth(truths & 1 == 1) }

  mutating func pop() -> SQLTruth {
    let truth = top
    truths >>= 1
    unknowns >>= 1
    return truth
  }
}
