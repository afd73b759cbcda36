/// Something that a target found: a rule that an input breaks.
package struct FuzzFinding: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence.
  package var description: String

  init(_ description: String) { self.description = description }
}

/// Throws a finding when a rule does not hold.
func require(_ holds: Bool, _ finding: @autoclosure () -> String) throws(FuzzFinding) {
  if !holds { throw FuzzFinding(finding()) }
}

/// What a reader makes of an input; nil when it says why it makes nothing of it.
func readable<Value, Failure: Error>(_ read: () throws(Failure) -> Value) -> Value? {
  do throws(Failure) {
    return try read()
  } catch {
    return nil
  }
}

/// A reader of bytes from outside, and the rules that it keeps for every input: it never traps, it loses nothing, its
/// short ways say what its general ways say.
package struct FuzzTarget: Sendable {
  /// What it is called, in commands and as the directory of its inputs.
  package let name: String
  /// The longest input in bytes: longer ones take time and find nothing else.
  package let byteLimit: Int
  /// How many inputs a short run makes.
  package let shortRuns: Int
  /// Words of the format, which mutations put in.
  package let words: [[UInt8]]
  /// Fails when it should: its bug is there on purpose.
  package let isCanary: Bool
  private let body: @Sendable ([UInt8]) throws(FuzzFinding) -> Void

  init(
    _ name: String, byteLimit: Int = 4096, shortRuns: Int = 20_000, words: [String] = [], isCanary: Bool = false,
    _ body: @escaping @Sendable ([UInt8]) throws(FuzzFinding) -> Void
  ) {
    self.name = name
    self.byteLimit = byteLimit
    self.shortRuns = shortRuns
    self.words = words.map { Array($0.utf8) }
    self.isCanary = isCanary
    self.body = body
  }

  /// Gives the reader one input. Throws the rule that it broke; a trap ends the process.
  package func check(_ input: [UInt8]) throws(FuzzFinding) { try body(input) }

  /// All targets, by name.
  package static let all: [FuzzTarget] =
    (wire + texts + bodies + files + messages + [recovery, canary]).sorted { $0.name < $1.name }

  /// The target of a name; nil when there is none.
  package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
