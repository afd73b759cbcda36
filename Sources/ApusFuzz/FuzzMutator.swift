import ApusBase

/// Makes inputs out of others, the same ones for the same seed. It knows nothing of what an input reaches in the code:
/// that is libFuzzer's part in long runs.
package struct FuzzMutator {
  private var random: SeededGenerator
  private let corpus: [[UInt8]]
  private let words: [[UInt8]]
  private let byteLimit: Int

  /// Starts from a target's inputs, which may be none.
  package init(seed: UInt64, corpus: [[UInt8]], words: [[UInt8]], byteLimit: Int) {
    random = SeededGenerator(seed: seed)
    self.corpus = corpus.isEmpty ? [[]] : corpus
    self.words = words
    self.byteLimit = byteLimit
  }

  /// The next input: one of the corpus, changed in one to eight places.
  package mutating func next() -> [UInt8] {
    var input = corpus.randomElement(using: &random) ?? []
    for _ in 0..<(1 << Int.random(in: 0...3, using: &random)) { change(&input) }
    return Array(input.prefix(byteLimit))
  }

  private mutating func change(_ input: inout [UInt8]) {
    guard !input.isEmpty else {
      input = (0..<Int.random(in: 1...16, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      return
    }
    switch Int.random(in: 0..<14, using: &random) {
    case 0, 1: input[place(in: input)] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 2: input[place(in: input)] = UInt8.random(in: 0...255, using: &random)
    case 3: input[place(in: input)] = Self.interestingBytes.randomElement(using: &random) ?? 0
    case 4: input[place(in: input)] &+= UInt8.random(in: 0...1, using: &random) &* 2 &- 1
    case 5: putNumber(into: &input)
    case 6: input.removeSubrange(range(in: input))
    case 7: input.insert(contentsOf: input[range(in: input)], at: place(in: input))
    case 8: input.removeLast(Int.random(in: 1...input.count, using: &random))
    case 9: cross(&input)
    case 10: changeDigits(of: &input)
    case 11: repeatByte(in: &input)
    default: putWord(into: &input)
    }
  }

  private static let interestingBytes: [UInt8] = [0, 1, 2, 0x20, 0x22, 0x27, 0x2C, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0xFF]
  private static let interestingNumbers: [Int64] = [
    0, 1, -1, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, Int64(Int32.max), Int64(Int32.max) + 1,
    Int64(Int32.min), .max, .min,
  ]

  private mutating func place(in input: [UInt8]) -> Int { Int.random(in: 0..<input.count, using: &random) }

  private mutating func range(in input: [UInt8]) -> Range<Int> {
    let start = place(in: input)
    return start..<start + Int.random(in: 1...min(input.count - start, 64), using: &random)
  }

  /// Puts a number of 2, 4 or 8 bytes, big-endian.
  private mutating func putNumber(into input: inout [UInt8]) {
    let number = (Self.interestingNumbers.randomElement(using: &random) ?? 0)
    let width = 1 << Int.random(in: 1...3, using: &random)
    let start = place(in: input)
    for index in 0..<min(width, input.count - start) {
      input[start + index] = UInt8(truncatingIfNeeded: number >> Int64(8 * (width - 1 - index)))
    }
  }

  /// Goes on as another input of the corpus does.
  private mutating func cross(_ input: inout [UInt8]) {
    guard let other = corpus.randomElement(using: &random), !other.isEmpty else { return }
    input = Array(input[..<place(in: input)] + other[place(in: other)...])
  }

  /// Replaces a run of decimal digits by another number.
  private mutating func changeDigits(of input: inout [UInt8]) {
    let isDigit: (UInt8) -> Bool = { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard let first = input[place(in: input)...].firstIndex(where: isDigit) else { return }
    let end = input[first...].firstIndex { !isDigit($0) } ?? input.count
    let number = Self.interestingNumbers.randomElement(using: &random) ?? 0
    input.replaceSubrange(first..<end, with: Array("\(number)".utf8))
  }

  private mutating func repeatByte(in input: inout [UInt8]) {
    let start = place(in: input)
    let count = 1 << Int.random(in: 0...10, using: &random)
    input.insert(contentsOf: [UInt8](repeating: input[start], count: count), at: start)
  }

  private mutating func putWord(into input: inout [UInt8]) {
    guard let word = words.randomElement(using: &random) else { return }
    let start = place(in: input)
    if random.chance(1, in: 2) {
      input.insert(contentsOf: word, at: start)
    } else {
      input.replaceSubrange(start..<min(start + word.count, input.count), with: word)
    }
  }
}
