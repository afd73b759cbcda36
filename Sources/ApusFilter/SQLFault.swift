/// Why a text is no SQL condition.
package struct SQLFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  package enum Reason: Hashable, Sendable {
    /// A byte that begins no token.
    case noToken
    /// A text whose closing quote is missing.
    case openText
    /// Something else belongs here.
    case unexpected
    /// A number without a logical operator.
    case notBoolean
    /// An integer beyond 64 bits, or a fraction that no double holds.
    case numberRange
    /// A text, a truth or a condition where numbers are compared.
    case notComparable
    /// NULL where something is compared; `IS NULL` asks for it.
    case null
    /// TRUE or FALSE compared with something else.
    case truthAndOther
    /// The lower bound of BETWEEN is above the upper one.
    case bounds
    /// IN after something that is not a property.
    case notProperty
    /// Longer, deeper or with more parts than there may be.
    case tooLarge
  }

  /// What is wrong.
  package let reason: Reason
  /// Which byte of the text it was noticed at, counted from 0.
  package let position: Int

  init(_ reason: Reason, at position: Int) {
    self.reason = reason
    self.position = position
  }

  /// One line for the client's developer.
  package var description: String { "at byte \(position): \(sentence)" }

  private var sentence: String {
    switch reason {
    case .noToken: "a character that has no meaning here"
    case .openText: "a text without a closing quote"
    case .unexpected: "something else is expected here"
    case .notBoolean: "a condition is expected, not a number or text"
    case .numberRange: "a number that 64 bits do not hold"
    case .notComparable: "only numbers and properties can be compared by size"
    case .null: "NULL cannot be compared: write IS NULL or IS NOT NULL"
    case .truthAndOther: "TRUE and FALSE can be compared with conditions only"
    case .bounds: "the lower bound of BETWEEN is above the upper one"
    case .notProperty: "IN asks for a property on its left"
    case .tooLarge:
      "an expression may have \(SQLExpression.maximumBytes) bytes, \(SQLExpression.maximumSteps) parts and "
        + "\(SQLExpression.maximumDepth) levels"
    }
  }
}
