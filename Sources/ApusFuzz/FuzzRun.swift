/// A bounded run of one target without libFuzzer: first every input of its corpus, then mutations of them. The same
/// seed makes the same inputs.
package struct FuzzRun {
  /// What a run came to.
  package struct Outcome: Sendable {
    /// How many inputs were given.
    package var executions = 0
    /// The first input that broke a rule, and the rule.
    package var finding: (input: [UInt8], finding: FuzzFinding)?
  }

  private let target: FuzzTarget
  private let corpus: [[UInt8]]
  private let seed: UInt64

  /// Sets a run up.
  package init(_ target: FuzzTarget, corpus: [[UInt8]], seed: UInt64) {
    self.target = target
    self.corpus = corpus
    self.seed = seed
  }

  /// Gives the corpus and `count` mutations to the target, until one breaks a rule. `note` is told each input before it
  /// is given, so that one that traps can be kept.
  package func run(_ count: Int, note: ([UInt8]) -> Void = { _ in }) -> Outcome {
    var outcome = Outcome()
    var mutator = FuzzMutator(seed: seed, corpus: corpus, words: target.words, byteLimit: target.byteLimit)
    for index in 0..<corpus.count + count {
      let input = index < corpus.count ? corpus[index] : mutator.next()
      note(input)
      outcome.executions += 1
      do throws(FuzzFinding) {
        try target.check(input)
      } catch {
        outcome.finding = (input, error)
        return outcome
      }
    }
    return outcome
  }
}
