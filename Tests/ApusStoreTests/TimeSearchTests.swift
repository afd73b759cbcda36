import ApusBase
import ApusStoreCore
import Testing

/// Finding the message that was stored nearest to a time.
@Suite struct TimeSearchTests {
  /// Searches a queue of which message n was stored at 10n, but for those that cannot be read; also tells how many
  /// messages were looked at.
  private func search(_ time: Int64, _ count: Int64, unreadable: Range<Int64>) -> (found: Int64, probes: Int) {
    var search = TimeSearch(for: WallTime(milliseconds: time), in: .zero..<QueueOffset(count))
    var probes = 0
    while true {
      switch search.next {
      case .found(let offset): return (offset.rawValue, probes)
      case .probe(let offset):
        probes += 1
        let isLost = unreadable.contains(offset.rawValue)
        search.learn(isLost ? nil : WallTime(milliseconds: offset.rawValue * 10))
      }
    }
  }

  @Test(arguments: [(-5, 0), (0, 0), (4, 0), (5, 0), (6, 1), (500, 50), (990, 99), (2000, 99)] as [(Int64, Int64)])
  func `the nearest one is found, of two equally near ones the earlier`(time: Int64, offset: Int64) {
    #expect(search(time, 100, unreadable: 0..<0).found == offset)
  }

  @Test(arguments: [50..<51, 40..<60, 50..<100, 0..<51, 75..<76, 25..<26] as [Range<Int64>])
  func `messages that cannot be read hide none of the others`(unreadable: Range<Int64>) {
    for offset in Int64(0)..<100 where !unreadable.contains(offset) {
      #expect(search(offset * 10, 100, unreadable: unreadable).found == offset)
    }
  }

  @Test func `of a queue that cannot be read the beginning is found`() {
    #expect(search(500, 100, unreadable: 0..<100).found == 0)
  }

  @Test func `a long run that cannot be read is not gone through, and the answer is not too late`() {
    let (found, probes) = search(9_000_000, 1_000_000, unreadable: 400_000..<800_000)
    #expect(found < 900_000)
    #expect(probes < 25_000)
  }
}
