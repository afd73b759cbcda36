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

  /// Takes a range in. Returns false when it begins in one that is known.
  package mutating func note(_ range: Range<PhysicalOffset>) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    if low < ranges.count, ranges[low].contains(range.lowerBound) { return false }
    count += 1
    bytes += range.upperBound - range.lowerBound
    if ranges.count < Self.limit { ranges.insert(range, at: low) }
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
