import ApusSystem

/// What a push consumer's workers do next.
enum ConsumeJob: Sendable {
  /// Messages of the queue came.
  case came(QueueWork)
  /// Messages that no broker took back are consumed again.
  case again(QueueWork, [ReceivedMessage])
  /// A queue that is consumed in order goes on after a pause.
  case goOn(QueueWork)
}

/// The jobs of a push consumer, first come first served, and the workers that wait for one. A job goes straight to the
/// worker that has waited for the shortest time: from the loop to the listener it is one change of threads.
final class ConsumeJobs: Sendable {
  private struct State {
    /// What no worker was free for, from `first` on.
    var waiting: [ConsumeJob] = []
    var first = 0
    var idle: [CheckedContinuation<ConsumeJob?, Never>] = []
    var isFinished = false

    mutating func next() -> ConsumeJob? {
      guard first < waiting.count else { return nil }
      let job = waiting[first]
      first += 1
      // Jobs hold messages: when all are handed out none stays.
      if first == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        first = 0
      }
      return job
    }

    /// Forgets those that were handed out, when they are half of all.
    mutating func compact() {
      guard first > 32, first * 2 > waiting.count else { return }
      waiting.removeFirst(first)
      first = 0
    }
  }

  private let state = Locked(State())
  private let loop: EventLoop

  /// `loop` keeps the time of jobs that come later.
  init(_ loop: EventLoop) {
    self.loop = loop
  }

  /// Adds a job. One that comes after ``finish()`` is dropped.
  func add(_ job: ConsumeJob) {
    let worker = state.withLock { state -> CheckedContinuation<ConsumeJob?, Never>? in
      if let worker = state.idle.popLast() { return worker }
      if !state.isFinished {
        state.compact()
        state.waiting.append(job)
      }
      return nil
    }
    worker?.resume(returning: job)
  }

  /// Adds a job after a time, in which no worker is taken.
  func add(_ job: ConsumeJob, after time: Duration) {
    loop.execute { [self] in loop.schedule(after: time) { self.add(job) } }
  }

  /// Waits for a job. Nil when there will be none any more.
  func next() async -> ConsumeJob? {
    await withCheckedContinuation { worker in
      let (job, isOver) = state.withLock { state -> (ConsumeJob?, Bool) in
        if state.isFinished { return (nil, true) }
        let job = state.next()
        if job == nil { state.idle.append(worker) }
        return (job, false)
      }
      if job != nil || isOver { worker.resume(returning: job) }
    }
  }

  /// Ends the workers when they are done with what they do. Jobs that wait are dropped: whoever has the queues next
  /// gets the messages again.
  func finish() {
    let idle = state.withLock { state in
      state.isFinished = true
      (state.waiting, state.first) = ([], 0)
      defer { state.idle = [] }
      return state.idle
    }
    for worker in idle { worker.resume(returning: nil) }
  }
}
