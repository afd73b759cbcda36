import ApusBase
import ApusModel
import Testing

@testable import ApusFilter

/// Random conditions against a plain reading of the rules: three truths, failures, and what is never worked out.
@Suite struct SQLTruthTests {
  /// A condition as a tree.
  private indirect enum Condition {
    case leaf(String, SQLExpression.Outcome)
    case and(Condition, Condition)
    case or(Condition, Condition)
    case not(Condition)
    case isNull(Condition, negated: Bool)
    case equal(Condition, Condition, negated: Bool)
    /// `left > -(right)`: a negative condition is null, but is worked out when the left side is not null.
    case aboveNegative(isLeftMissing: Bool, Condition)
    /// `5 BETWEEN 1 AND -(right)`
    case betweenNegative(low: Int, Condition)

    var text: String {
      switch self {
      case .leaf(let text, _): text
      case .and(let one, let other): "(\(one.text)) AND (\(other.text))"
      case .or(let one, let other): "(\(one.text)) OR (\(other.text))"
      case .not(let one): "NOT (\(one.text))"
      case .isNull(let one, let negated): "(\(one.text)) IS \(negated ? "NOT " : "")NULL"
      case .equal(let one, let other, let negated): "(\(one.text)) \(negated ? "<>" : "=") (\(other.text))"
      case .aboveNegative(let isLeftMissing, let one): "\(isLeftMissing ? "missing" : "a") > -((\(one.text)) IS NULL)"
      case .betweenNegative(let low, let one): "a BETWEEN \(low) AND -((\(one.text)) IS NULL)"
      }
    }

    var outcome: SQLExpression.Outcome {
      switch self {
      case .leaf(_, let outcome): return outcome
      case .and(let one, let other): return join(one, other, deciding: .no)
      case .or(let one, let other): return join(one, other, deciding: .yes)
      case .not(let one):
        guard case .truth(let truth) = one.outcome else { return .failed }
        return .truth(truth.negated)
      case .isNull(let one, let negated):
        guard case .truth(let truth) = one.outcome else { return .failed }
        return .truth(SQLTruth((truth == .unknown) != negated))
      case .equal(let one, let other, let negated):
        guard case .truth(let left) = one.outcome, case .truth(let right) = other.outcome else { return .failed }
        if left == .unknown, right != .unknown { return .truth(.unknown) }
        return .truth(SQLTruth((left == right) != negated))
      case .aboveNegative(let isLeftMissing, let one):
        return isLeftMissing || one.outcome != .failed ? .truth(.unknown) : .failed
      case .betweenNegative(let low, let one):
        if low > 5 { return .truth(.no) }
        return one.outcome == .failed ? .failed : .truth(.unknown)
      }
    }

    private func join(_ one: Condition, _ other: Condition, deciding: SQLTruth) -> SQLExpression.Outcome {
      guard case .truth(let left) = one.outcome else { return .failed }
      if left == deciding { return .truth(deciding) }
      guard case .truth(let right) = other.outcome else { return .failed }
      if right == deciding { return .truth(deciding) }
      return .truth(left == .unknown || right == .unknown ? .unknown : deciding.negated)
    }
  }

  /// What the properties a = 5 and t = x make of it.
  private static let leaves: [(String, SQLExpression.Outcome)] = [
    ("TRUE OR FALSE", .truth(.yes)), ("FALSE AND TRUE", .truth(.no)), ("NULL AND TRUE", .truth(.unknown)),
    ("a = 5", .truth(.yes)), ("a <> 5", .truth(.no)), ("missing = 5", .truth(.unknown)), ("t > 5", .failed),
    ("a BETWEEN 1 AND 9", .truth(.yes)), ("a NOT BETWEEN 1 AND 9", .truth(.no)), ("t IN ('y', 'x')", .truth(.yes)),
    ("t NOT IN ('x')", .truth(.no)), ("missing BETWEEN 1 AND 9", .truth(.unknown)), ("NOT t", .truth(.yes)),
    ("t BETWEEN 1 AND 9", .failed), ("missing IS NULL", .truth(.yes)), ("missing IN ('')", .truth(.unknown)),
  ]

  private static func condition(_ depth: Int, _ random: inout SeededGenerator) -> Condition {
    guard depth > 0, let leaf = leaves.randomElement(using: &random) else { return .leaf("a = 5", .truth(.yes)) }
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1: return .and(condition(depth - 1, &random), condition(depth - 1, &random))
    case 2, 3: return .or(condition(depth - 1, &random), condition(depth - 1, &random))
    case 4: return .not(condition(depth - 1, &random))
    case 5: return .isNull(condition(depth - 1, &random), negated: .random(using: &random))
    case 6:
      return .equal(condition(depth - 1, &random), condition(depth - 1, &random), negated: .random(using: &random))
    case 7: return .aboveNegative(isLeftMissing: .random(using: &random), condition(depth - 1, &random))
    case 8: return .betweenNegative(low: .random(in: 4...6, using: &random), condition(depth - 1, &random))
    default: return .leaf(leaf.0, leaf.1)
    }
  }

  @Test(arguments: 0..<40)
  func `steps come to what the rules say`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let bytes = MessageProperties.encode([(name: "a", value: "5"), (name: "t", value: "x")])
    for _ in 0..<200 {
      let condition = Self.condition(7, &random)
      let expression = try SQLExpression(condition.text)
      let outcome = expression.evaluate(MessageProperties(bytes.rawSpan))
      #expect(outcome == condition.outcome, "\(condition.text)")
    }
  }
}
