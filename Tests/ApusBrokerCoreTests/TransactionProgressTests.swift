import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct TransactionProgressTests {
  private typealias Offsets = TransactionProgress.Offsets

  @Test func `offsets wait until what they rely on is on the device`() {
    var progress = TransactionProgress(from: Offsets(half: 0, operation: 0))
    let first = Offsets(half: 1, operation: 1)
    let second = Offsets(half: 2, operation: 2)
    #expect(progress.advance(to: first, end: PhysicalOffset(300), flushed: PhysicalOffset(100)) == nil)
    #expect(progress.advance(to: second, end: PhysicalOffset(600), flushed: PhysicalOffset(299)) == nil)
    // The flush reached what the first ones rely on, not what the second ones do.
    #expect(progress.advance(to: second, end: PhysicalOffset(600), flushed: PhysicalOffset(300)) == first)
    #expect(progress.told == first)
    #expect(progress.advance(to: second, end: PhysicalOffset(700), flushed: PhysicalOffset(599)) == nil)
    #expect(progress.advance(to: second, end: PhysicalOffset(700), flushed: PhysicalOffset(600)) == second)
  }

  @Test func `with the whole log on the device they are told at once, and only once`() {
    var progress = TransactionProgress(from: Offsets(half: 3, operation: 2))
    let offsets = Offsets(half: 4, operation: 2)
    #expect(progress.advance(to: offsets, end: PhysicalOffset(90), flushed: PhysicalOffset(90)) == offsets)
    #expect(progress.advance(to: offsets, end: PhysicalOffset(90), flushed: PhysicalOffset(90)) == nil)
    #expect(progress.advance(to: offsets, end: PhysicalOffset(99), flushed: PhysicalOffset(90)) == nil)
    #expect(progress.advance(to: offsets, end: PhysicalOffset(99), flushed: PhysicalOffset(99)) == nil)
  }

  @Test func `a log that always grows does not hold them back for ever`() {
    var progress = TransactionProgress(from: Offsets(half: 0, operation: 0))
    var told: [Int64] = []
    for round in 1...10 as ClosedRange<Int64> {
      let answer = progress.advance(
        to: Offsets(half: round, operation: round), end: PhysicalOffset(round * 100),
        flushed: PhysicalOffset(round * 100 - 50))
      if let answer { told.append(answer.half) }
    }
    #expect(told == Array(1...9))
  }
}
