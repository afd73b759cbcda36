/// Runs tasks on an event loop's thread. The loop is its own: it stops when nobody needs the executor any more, as a
/// task that prefers it could never end otherwise.
package final class LoopExecutor: TaskExecutor {
  private let loop: EventLoop

  /// Takes over a loop, which runs.
  package init(_ loop: EventLoop) { self.loop = loop }

  deinit { loop.stop() }

  /// Runs a step of a task on the loop.
  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = unsafe asUnownedTaskExecutor()
    let isAccepted = loop.enqueue { unsafe job.runSynchronously(on: executor) }
    precondition(isAccepted, "a task prefers the executor of a loop that has stopped")
  }
}
