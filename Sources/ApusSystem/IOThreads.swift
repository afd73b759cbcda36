import ApusBase

/// A few threads for work that may wait for the disk: cold reads, queries, administering requests that write files.
/// Event loops hand work over and never wait for it. ``WorkQueue`` says what waits and in which order it is begun.
package final class IOThreads: Sendable {
  /// One piece of work.
  package typealias Work = @Sendable () -> Void
  /// What became of work that was handed over.
  package typealias Admission = WorkQueue<Work>.Admission

  private struct State {
    var queue: WorkQueue<Work>
    var isStopping = false
    var refused: Int64 = 0
  }

  private let state: Locked<State>
  private let wakeUps: [WakeUp]
  private let threads = Locked<[Thread]>([])

  /// Starts `count` threads that hold at most `capacity` pieces of work waiting. Throws when the system
  /// gives no more threads.
  package init(count: Int, capacity: Int) throws(SystemError) {
    precondition(count > 0 && capacity > 0, "an I/O pool needs threads and room")
    let queue = WorkQueue<Work>(limits: WorkQueue<Work>.Limits(pieces: capacity), threads: count)
    state = Locked(State(queue: queue))
    if let machine = SimulatedMachine.current {
      wakeUps = []
      machine.add(self)
      return
    }
    wakeUps = (0..<count).map { _ in WakeUp() }
    for (index, wakeUp) in wakeUps.enumerated() {
      do throws(SystemError) {
        let thread = try Thread.start(name: "apus-io-\(index)") { [self] in run(wakeUp) }
        threads.withLock { $0.append(thread) }
      } catch {
        stop()
        throw error
      }
    }
  }

  /// Queues the process's own work; false when there is too much of it or the threads are stopping, and then it will
  /// not run.
  package func submit(_ work: @escaping Work) -> Bool {
    submit(work, from: WorkQueue<Work>.own, bytes: 0, within: .zero) == .accepted
  }

  /// Queues work that a source other than 0 asks for, which holds this many bytes and is to be begun within `limit`.
  /// Work that is refused will not run.
  package func submit(
    _ work: @escaping Work, from source: UInt64, bytes: Int, within limit: Duration
  ) -> Admission {
    let admission = state.withLock { state -> Admission in
      guard !state.isStopping else { return .refused(retryAfter: .seconds(1)) }
      let admission = state.queue.add(work, from: source, bytes: bytes, within: limit)
      if admission != .accepted { state.refused += 1 }
      return admission
    }
    if admission == .accepted { for wakeUp in wakeUps { wakeUp.signal() } }
    return admission
  }

  /// How many pieces of work wait, and how many were refused so far.
  package var figures: (waiting: Int, refused: Int64) { state.withLock { ($0.queue.count, $0.refused) } }

  /// Runs what is queued, ends the threads and waits for that. Not to be called by the work that they do.
  package func stop() {
    finish()
    for thread in threads.withLock({ $0 }) { thread.join() }
  }

  /// Takes no more work; the threads end by themselves after what is queued.
  package func finish() {
    state.withLock { $0.isStopping = true }
    for wakeUp in wakeUps { wakeUp.signal() }
    guard let machine = SimulatedMachine.current else { return }
    while runNext() {}
    machine.remove(self)
  }

  private func run(_ wakeUp: WakeUp) {
    while true {
      let (work, isStopping) = state.withLock { ($0.queue.take(), $0.isStopping) }
      if let work {
        perform(work)
      } else if isStopping {
        return
      } else {
        wakeUp.wait(until: nil)
      }
    }
  }

  private func perform(_ work: Work) {
    let begin = SystemClock.monotonic()
    work()
    let took = SystemClock.monotonic() - begin
    state.withLock { $0.queue.ended(after: took) }
  }

  /// Does the piece of work whose turn it is; false when none waits.
  private func runNext() -> Bool {
    guard let work = state.withLock({ $0.queue.take() }) else { return false }
    perform(work)
    return true
  }
}

extension IOThreads: SimulatedThread {
  var dueTime: MonotonicTime? {
    state.withLock { $0.queue.count > 0 } ? MonotonicTime(nanoseconds: .min) : nil
  }

  func runTurn() { _ = runNext() }
}
