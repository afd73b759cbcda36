/// Who does independent pieces of work: one thread, or several at once.
package struct Workers: Sendable {
  private let forEach: @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void

  /// Workers that call `body` once for each number below `count` and return when all calls have.
  package init(_ forEach: @escaping @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void) {
    self.forEach = forEach
  }

  /// The calling thread alone, one piece after the other.
  package static let serial = Workers { count, body in
    for piece in 0..<count { body(piece) }
  }

  /// Does `count` pieces of work, in any order, and returns when all are done.
  package func run(_ count: Int, _ body: @Sendable (Int) -> Void) { forEach(count, body) }
}
