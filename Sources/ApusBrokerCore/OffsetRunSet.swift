/// A set of queue offsets from a moving start on, one bit each: everything before the start belongs to it.
///
/// Memory is one bit per offset between ``start`` and the highest member; inserting and asking take constant time.
struct OffsetRunSet: Sendable {
  /// The first offset that is not a member.
  private(set) var start: Int64
  /// The bits of the offsets from `firstWord * 64` on.
  private var words: [UInt64] = []
  private var firstWord: Int64

  init(from start: Int64) {
    self.start = start
    firstWord = start >> 6
  }

  func contains(_ offset: Int64) -> Bool {
    if offset < start { return true }
    let index = Int(offset >> 6 - firstWord)
    return index < words.count && words[index] >> UInt64(offset & 63) & 1 == 1
  }

  /// Adds an offset, and moves ``start`` when that closes a gap there.
  mutating func insert(_ offset: Int64) {
    guard offset >= start else { return }
    let index = Int(offset >> 6 - firstWord)
    while words.count <= index { words.append(0) }
    words[index] |= 1 << UInt64(offset & 63)
    if offset == start { advance() }
  }

  /// The first offset from `offset` on that is not a member.
  func firstAbsent(from offset: Int64) -> Int64 {
    var offset = max(offset, start)
    while true {
      let index = Int(offset >> 6 - firstWord)
      guard index < words.count else { return offset }
      let missing = ~words[index] >> UInt64(offset & 63)
      if missing != 0 { return offset + Int64(missing.trailingZeroBitCount) }
      offset = (offset >> 6 + 1) << 6
    }
  }

  /// How many offsets before `end` are no members; one step for each 64 offsets from ``start`` on.
  func absentCount(before end: Int64) -> Int64 {
    guard end > start else { return 0 }
    var members: Int64 = 0
    var offset = start
    while offset < end {
      let index = Int((offset >> 6) - firstWord)
      guard index < words.count else { break }
      let next = min(((offset >> 6) + 1) << 6, end)
      var word = words[index] >> UInt64(offset & 63)
      if next - offset < 64 { word &= (1 << UInt64(next - offset)) - 1 }
      members += Int64(word.nonzeroBitCount)
      offset = next
    }
    return end - start - members
  }

  private mutating func advance() {
    start = firstAbsent(from: start)
    let passed = Int(start >> 6 - firstWord)
    // Cut now and then only, as cutting moves what is left.
    guard passed >= 64, passed >= words.count / 2 || passed >= 4096 else { return }
    words.removeFirst(min(passed, words.count))
    firstWord += Int64(passed)
  }
}
