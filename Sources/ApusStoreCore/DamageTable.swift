package import ApusBase

/// What is known to be damaged in the log: ranges that are never served. It remembers the first ``limit`` of them and
/// counts all.
package struct DamageTable: Hashable, Sendable {
  /// How many ranges are remembered.
  package static let limit = 1024

  /// The ranges that are remembered, in the order of the log.
  package private(set) var ranges: [Range<PhysicalOffset>] = []
  /// How many ranges were found.
  package private(set) var count = 0
  /// How many bytes they have.
  package private(set) var bytes = 0

  /// A log without known damage.
  package init() {}

  /// Takes a range in; with what is known of the same place it becomes one. Returns false when all of it was known.
  package mutating func note(_ range: Range<PhysicalOffset>) -> Bool {
    var first = 0
    var high = ranges.count
    while first < high {
      let middle = (first + high) / 2
      if ranges[middle].upperBound <= range.lowerBound { first = middle + 1 } else { high = middle }
    }
    var behind = first
    var union = range
    var known = 0
    while behind < ranges.count, ranges[behind].lowerBound < range.upperBound {
      let other = ranges[behind].clamped(to: range)
      known += other.upperBound - other.lowerBound
      union = min(union.lowerBound, ranges[behind].lowerBound)..<max(union.upperBound, ranges[behind].upperBound)
      behind += 1
    }
    let added = range.upperBound - range.lowerBound - known
    guard added > 0 else { return false }
    count += 1 - (behind - first)
    bytes += added
    if behind > first || ranges.count < Self.limit { ranges.replaceSubrange(first..<behind, with: [union]) }
    return true
  }

  /// Forgets what lies before `minimum`, where the log begins now.
  package mutating func remove(before minimum: PhysicalOffset) {
    while let first = ranges.first, first.upperBound <= minimum {
      ranges.removeFirst()
      count -= 1
      bytes -= first.upperBound - first.lowerBound
    }
  }
}
