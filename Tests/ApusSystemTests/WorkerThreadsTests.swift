import ApusBase
import ApusSystem
import Testing

@Suite(.timeLimit(.minutes(10))) struct WorkerThreadsTests {
  @Test(arguments: [0, 1, 3, 1000]) func `each piece is done once`(count: Int) {
    for workers in [Workers.serial, .threads(1, name: "test"), .threads(4, name: "test")] {
      let done = Locked([Int](repeating: 0, count: count))
      workers.run(count) { piece in done.withLock { $0[piece] += 1 } }
      #expect(done.withLock { $0.allSatisfy { $0 == 1 } })
    }
  }

  @Test func `pieces are done at once`() {
    // Each waits until the other has begun.
    let begun = Locked(0)
    Workers.threads(2, name: "test").run(2) { _ in
      begun.withLock { $0 += 1 }
      while begun.withLock({ $0 < 2 }) {}
    }
    #expect(begun.withLock { $0 } == 2)
  }
}
