import Synchronization

/// How many bytes of answers the process holds because peers do not fetch them, over all loops and connections.
final class OutboundBudget: Sendable {
  private let limit: Int
  private let used = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  /// The bytes held now.
  var usedBytes: Int { used.load(ordering: .relaxed) }

  /// Whether peers that have not fetched everything may not ask for more.
  var isSpent: Bool { usedBytes > limit }

  /// Counts a change of what one connection holds.
  func change(by difference: Int) { if difference != 0 { used.add(difference, ordering: .relaxed) } }
}
