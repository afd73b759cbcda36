import ApusBase

/// The subscriptions that pulls carry as text, read once each. A consumer sends the same expression with every pull, so
/// a loop finds it here by its bytes and makes no string.
package struct SubscriptionCache {
  /// How many expressions are kept; when they are that many, all are forgotten.
  package let limit: Int
  private var known: ByteKeyedTable<Subscription>

  /// Makes an empty cache.
  package init(limit: Int = 4096, seed: UInt64 = 0) {
    self.limit = limit
    self.known = ByteKeyedTable(seed: seed)
  }

  /// The subscription that an expression stands for; nil as for ``Subscription/init(tagExpression:)``.
  package mutating func subscription(for expression: RawSpan) -> Subscription? {
    if let found = known[expression] { return found }
    guard let made = Subscription(tagExpression: expression.text) else { return nil }
    // Long expressions are rare and would let few clients fill the memory.
    guard expression.byteCount <= 1024 else { return made }
    if known.count >= limit { known.removeAll() }
    known.update(made, forKey: expression)
    return made
  }
}
