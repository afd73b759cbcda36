import ApusBase
import Testing

@testable import ApusClientCore

@Suite struct ProcessQueueTests {
  private func queue(_ offsets: [Int64], from start: Int64 = 0) -> ProcessQueue<Int64> {
    var queue = ProcessQueue<Int64>(from: start)
    queue.put(offsets.map { (offset: $0, bytes: 10, message: $0) }, nextOffset: (offsets.last ?? start - 1) + 1)
    return queue
  }

  @Test func `the consumed offset stops at the first message that is not`() {
    var queue = queue([0, 1, 2, 3])
    _ = queue.take(4)
    #expect(queue.finish([1, 3]) == 0)
    #expect(queue.finish([0]) == 2)
    #expect(queue.count == 1)
    #expect(queue.finish([2]) == 4)
    #expect(queue.bytes == 0)
  }

  @Test func `what a filter left out counts as consumed`() {
    var queue = ProcessQueue<Int64>(from: 5)
    queue.put([(offset: 7, bytes: 1, message: 7)], nextOffset: 20)
    #expect(queue.consumed == 7)
    #expect(queue.finish([7]) == 20)
    queue.put([], nextOffset: 40)
    #expect(queue.consumed == 40)
  }

  @Test func `messages pulled twice are handed out once`() {
    var queue = queue([0, 1, 2])
    queue.put([(offset: 1, bytes: 10, message: 1), (offset: 3, bytes: 10, message: 3)], nextOffset: 4)
    #expect(queue.take(10).map(\.offset) == [0, 1, 2, 3])
    #expect(queue.take(10).isEmpty)
  }

  @Test func `in order, what failed is handed out again first`() {
    var queue = queue([0, 1, 2])
    #expect(queue.take(2).map(\.offset) == [0, 1])
    queue.finish([0])
    queue.putBack()
    queue.update(1, 100)
    #expect(queue.take(5).map(\.message) == [100, 2])
  }

  @Test func `a message that is consumed is let go of, also behind one that is not`() {
    final class Body: Sendable {}
    var queue = ProcessQueue<Body>(from: 0)
    var bodies = [Body(), Body(), Body()]
    weak let consumed = bodies[1]
    queue.put(bodies.enumerated().map { (offset: Int64($0.offset), bytes: 1, message: $0.element) }, nextOffset: 3)
    bodies = []
    _ = queue.take(3)
    #expect(consumed != nil)
    queue.finish([1])
    #expect(consumed == nil)
    #expect(queue.consumed == 0 && queue.count == 2 && queue.bytes == 2)
  }

  @Test func `what was put back and is consumed is not handed out again`() {
    var queue = queue([0, 1, 2])
    _ = queue.take(2)
    queue.finish([1])
    queue.update(1, 100)
    queue.putBack()
    #expect(queue.take(2).map(\.message) == [0, 2])
    #expect(queue.finish([0]) == 2)
    #expect(queue.finishTaken() == 3)
  }

  @Test func `of what was handed out only that before an offset counts as consumed`() {
    var queue = queue([0, 1, 2, 3])
    _ = queue.take(3)
    #expect(queue.finishTaken(before: 2) == 2)
    #expect(queue.holds(2) && queue.waiting == 1)
    #expect(queue.finishTaken() == 3)
  }

  @Test func `what was handed out long ago and is not consumed is overdue`() {
    let start = MonotonicTime(nanoseconds: 0)
    var queue = queue([0, 1, 2, 3])
    _ = queue.take(2, now: start)
    _ = queue.take(1, now: start + .seconds(5))
    queue.finish([0])
    #expect(queue.overdue(after: .seconds(10), now: start + .seconds(9), limit: 16).isEmpty)
    #expect(queue.overdue(after: .seconds(10), now: start + .seconds(10), limit: 16) == [1])
    #expect(queue.overdue(after: .seconds(10), now: start + .seconds(20), limit: 16) == [1, 2])
    #expect(queue.overdue(after: .seconds(10), now: start + .seconds(20), limit: 1) == [1])
    #expect(!queue.holds(0) && queue.holds(1) && queue.holds(3) && !queue.holds(4))
  }

  @Test func `a queue is full by count, bytes or span`() {
    let queue = queue([0, 1, 500])
    let roomy = ProcessQueue<Int64>.Limits(count: 4, bytes: 31, span: 500)
    #expect(!queue.isFull(roomy))
    #expect(queue.isFull(.init(count: 3, bytes: 31, span: 500)))
    #expect(queue.isFull(.init(count: 4, bytes: 30, span: 500)))
    #expect(queue.isFull(.init(count: 4, bytes: 31, span: 499)))
    #expect(!queue.isFull(.init(count: 4, bytes: 31, span: nil)))
  }

  @Test func `offsets that no queue has end nothing`() {
    let offsets: [Int64] = [.min, -1, .max - 1, .max]
    var queue = ProcessQueue<Int64>(from: .min)
    queue.put(offsets.map { (offset: $0, bytes: 10, message: $0) }, nextOffset: .max)
    #expect(queue.isFull(.init(count: 4, bytes: 100, span: .max)))
    #expect(queue.take(4).map(\.offset) == [.min, -1, .max - 1])
    #expect(queue.finishTaken() == .max)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `whatever the order, nothing is lost and nothing counted twice`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var queue = ProcessQueue<Int64>(from: 0)
    var (next, out, done) = (Int64(0), [Int64](), Set<Int64>())
    for _ in 0..<300 {
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        let batch = (0..<Int64.random(in: 0..<20, using: &random)).map { next + $0 }
        queue.put(batch.map { (offset: $0, bytes: 3, message: $0) }, nextOffset: next + Int64(batch.count))
        next += Int64(batch.count)
      case 1: out += queue.take(Int.random(in: 1..<10, using: &random)).map(\.offset)
      default:
        out.shuffle(using: &random)
        let finished = Array(out.suffix(Int.random(in: 0..<8, using: &random)))
        out.removeLast(finished.count)
        done.formUnion(finished)
        queue.finish(finished)
      }
      let firstOpen = (0..<next).first { !done.contains($0) } ?? next
      #expect(queue.consumed == firstOpen)
      #expect(queue.count == Int(next) - done.count)
      #expect(queue.bytes == 3 * queue.count)
    }
  }
}
