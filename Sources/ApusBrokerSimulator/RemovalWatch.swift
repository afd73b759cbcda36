import ApusBase
import ApusSimulator

/// Says when the power goes because log files went a few steps before: what was made of their messages must be on the
/// device by then. It has chances of its own, so that runs in which no file goes do not depend on it.
struct RemovalWatch {
  private var random: SeededGenerator
  private var seen = 0
  /// In how many steps the power goes; nil for not yet.
  private var stepsLeft: Int?

  init(seed: UInt64) { random = SeededGenerator(seed: seed ^ 0x5265_6D6F) }

  /// Whether it goes now. To be asked before each step, with how many files were removed so far.
  mutating func isDue(removed: Int) -> Bool {
    if let left = stepsLeft {
      stepsLeft = left > 1 ? left - 1 : nil
      return left == 1
    }
    guard removed > seen else { return false }
    seen = removed
    if random.chance(1, in: 2) { stepsLeft = Int.random(in: 1...12, using: &random) }
    return false
  }
}
