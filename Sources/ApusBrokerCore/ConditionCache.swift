import ApusBase
package import ApusFilter

/// The SQL conditions that pulls carry as text, compiled once each. A consumer sends the same one with every pull, so a
/// loop finds it here by its bytes.
package struct ConditionCache {
  /// How many conditions are kept; when they are that many, all are forgotten.
  package let limit: Int
  private var known: ByteKeyedTable<SQLExpression>

  /// Makes an empty cache.
  package init(limit: Int = 256, seed: UInt64 = 0) {
    self.limit = limit
    self.known = ByteKeyedTable(seed: seed)
  }

  /// The condition that a text stands for.
  package mutating func condition(for expression: RawSpan) throws(SQLFault) -> SQLExpression {
    if let found = known[expression] { return found }
    let made = try SQLExpression(expression.text)
    // Long expressions are rare and would let few clients fill the memory.
    guard expression.byteCount <= 4096 else { return made }
    if known.count >= limit { known.removeAll() }
    known.update(made, forKey: expression)
    return made
  }
}
