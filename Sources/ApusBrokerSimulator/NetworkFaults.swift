import ApusBase

/// What goes wrong between clients and broker.
final class NetworkFaults {
  private var random: SeededGenerator
  /// Nothing goes wrong any more.
  var isCalm = false
  /// How many answers were lost.
  private(set) var lostAnswers = 0
  /// How many requests were sent twice.
  private(set) var repeatedRequests = 0

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  func losesAnswer() -> Bool {
    guard random.chance(1, in: 25), !isCalm else { return false }
    lostAnswers += 1
    return true
  }

  func repeatsRequest() -> Bool {
    guard random.chance(1, in: 50), !isCalm else { return false }
    repeatedRequests += 1
    return true
  }
}
