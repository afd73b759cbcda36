import ApusBase
import Testing

@testable import ApusSystem

/// The order and the bounds of work that waits for threads.
@Suite struct WorkQueueTests {
  private typealias Queue = WorkQueue<String>
  private static let patient = Duration.seconds(5)

  private static func queue(pieces: Int = 100, threads: Int = 1) -> Queue {
    Queue(limits: Queue.Limits(pieces: pieces), threads: threads)
  }

  private static func taken(_ queue: inout Queue) -> [String] {
    var all: [String] = []
    while let work = queue.take() { all.append(work) }
    return all
  }

  @Test func `sources take turns, and each one's work keeps its order`() {
    var queue = Self.queue()
    for number in 1...4 { #expect(queue.add("a\(number)", from: 1, bytes: 0, within: Self.patient) == .accepted) }
    #expect(queue.add("b1", from: 2, bytes: 0, within: Self.patient) == .accepted)
    #expect(queue.add("own", from: Queue.own, bytes: 0, within: .zero) == .accepted)
    #expect(queue.take() == "a1")
    #expect(queue.add("c1", from: 3, bytes: 0, within: Self.patient) == .accepted)
    #expect(Self.taken(&queue) == ["b1", "own", "a2", "c1", "a3", "a4"])
    #expect(queue.count == 0)
    #expect(queue.take() == nil)
  }

  @Test func `a source has a quarter of the room, the process's own work room of its own`() {
    var queue = Self.queue(pieces: 8)
    for source in [1, 1, 2, 2, 3, 3] as [UInt64] {
      #expect(queue.add("", from: source, bytes: 0, within: Self.patient) == .accepted)
    }
    #expect(queue.add("", from: 1, bytes: 0, within: Self.patient) != .accepted)
    #expect(queue.add("", from: 4, bytes: 0, within: Self.patient) == .accepted)
    #expect(queue.add("", from: 5, bytes: 0, within: Self.patient) == .accepted)
    #expect(queue.add("", from: 6, bytes: 0, within: Self.patient) != .accepted)
    for _ in 0..<8 { #expect(queue.add("", from: Queue.own, bytes: 0, within: .zero) == .accepted) }
    #expect(queue.add("", from: Queue.own, bytes: 0, within: .zero) != .accepted)
    // What is taken makes room.
    _ = queue.take()
    #expect(queue.add("", from: 1, bytes: 0, within: Self.patient) == .accepted)
  }

  @Test func `what was begun is let go of, however much of its source waits`() {
    final class Body {}
    var queue = WorkQueue<Body>(limits: WorkQueue<Body>.Limits(pieces: 100), threads: 1)
    var first: Body? = Body()
    weak let begun = first
    if let body = first { #expect(queue.add(body, from: 1, bytes: 1, within: Self.patient) == .accepted) }
    for _ in 0..<2 { #expect(queue.add(Body(), from: 1, bytes: 1, within: Self.patient) == .accepted) }
    first = nil
    #expect(begun != nil)
    _ = queue.take()
    #expect(begun == nil)
    #expect(queue.count == 2)
  }

  @Test func `bytes count too, but one piece may be larger than a source's credit`() {
    var limits = Queue.Limits(pieces: 100)
    limits.bytesOfSource = 100
    limits.bytes = 400
    var queue = Queue(limits: limits, threads: 1)
    #expect(queue.add("large", from: 1, bytes: 300, within: Self.patient) == .accepted)
    #expect(queue.add("more", from: 1, bytes: 1, within: Self.patient) != .accepted)
    #expect(queue.add("other", from: 2, bytes: 100, within: Self.patient) == .accepted)
    #expect(queue.add("third", from: 3, bytes: 1, within: Self.patient) != .accepted)
    #expect(Self.taken(&queue) == ["large", "other"])
    #expect(queue.add("third", from: 3, bytes: 400, within: Self.patient) == .accepted)
  }

  @Test func `what would be begun too late is refused with how long it takes`() {
    var queue = Self.queue(pieces: 4000, threads: 2)
    for _ in 0..<50 { queue.ended(after: .milliseconds(100)) }
    for _ in 0..<100 { #expect(queue.add("", from: 1, bytes: 0, within: Self.patient) == .accepted) }
    // A hundred pieces of 100 ms before two threads.
    #expect(queue.expectedWait(from: 1) == .seconds(5))
    #expect(queue.add("", from: 1, bytes: 0, within: Self.patient) == .accepted)
    #expect(
      queue.add("", from: 1, bytes: 0, within: Self.patient) == .refused(retryAfter: .milliseconds(5050)))
    // Whoever has nothing waiting has its turn after the next piece.
    #expect(queue.expectedWait(from: 2) == .milliseconds(50))
    #expect(queue.add("", from: 2, bytes: 0, within: .milliseconds(50)) == .accepted)
  }

  @Test func `a few pieces wait whatever the forecast`() {
    var queue = Self.queue(pieces: 4000)
    queue.ended(after: .seconds(3600))
    for _ in 0..<16 { #expect(queue.add("", from: 1, bytes: 0, within: .zero) == .accepted) }
    #expect(queue.add("", from: 1, bytes: 0, within: .seconds(3599)) != .accepted)
    for _ in 0..<100 {
      _ = queue.take()
      queue.ended(after: .microseconds(10))
    }
    #expect(queue.add("", from: 1, bytes: 0, within: .seconds(1)) == .accepted)
  }

  @Test func `nothing is lost and nothing is taken twice, whatever comes and goes`() {
    var random = SeededGenerator(seed: 11)
    var queue = Self.queue(pieces: 1000)
    var waiting: [UInt64: [String]] = [:]
    var number = 0
    for _ in 0..<20_000 {
      if Bool.random(using: &random) {
        let source = UInt64.random(in: 0..<20, using: &random)
        number += 1
        let admission = queue.add("\(source).\(number)", from: source, bytes: 1, within: Self.patient)
        if admission == .accepted { waiting[source, default: []].append("\(source).\(number)") }
      } else if let work = queue.take() {
        let source = UInt64(work.prefix { $0 != "." }) ?? 99
        #expect(waiting[source]?.first == work)
        waiting[source]?.removeFirst()
      }
      #expect(queue.count == waiting.values.map(\.count).reduce(0, +))
    }
  }
}
