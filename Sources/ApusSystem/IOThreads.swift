/// A few threads for work that may wait for the disk: cold reads, queries, administering requests that write files.
/// Event loops hand work over and never wait for it.
package final class IOThreads: Sendable {
  /// One piece of work.
  package typealias Work = @Sendable () -> Void

  private struct Queue {
    var work: [Work] = []
    var head = 0
    var isStopping = false
  }

  private let queue = Locked(Queue())
  private let wakeUps: [WakeUp]
  private let capacity: Int
  private let threads = Locked<[Thread]>([])

  /// Starts `count` threads that hold at most `capacity` pieces of work waiting. Throws when the system
  /// gives no more threads.
  package init(count: Int, capacity: Int) throws(SystemError) {
    precondition(count > 0 && capacity > 0, "an I/O pool needs threads and room")
    self.capacity = capacity
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

  /// Queues work; false when the queue is full or stopping, and then the work will not run.
  package func submit(_ work: @escaping Work) -> Bool {
    let accepted = queue.withLock { queue in
      guard !queue.isStopping, queue.work.count - queue.head < capacity else { return false }
      queue.work.append(work)
      return true
    }
    if accepted { for wakeUp in wakeUps { wakeUp.signal() } }
    return accepted
  }

  /// Runs what is queued, then ends the threads.
  package func stop() {
    queue.withLock { $0.isStopping = true }
    for wakeUp in wakeUps { wakeUp.signal() }
    for thread in threads.withLock({ $0 }) { thread.join() }
  }

  private func run(_ wakeUp: WakeUp) {
    while true {
      let (work, isStopping) = queue.withLock { queue -> (Work?, Bool) in
        guard queue.head < queue.work.count else { return (nil, queue.isStopping) }
        let next = queue.work[queue.head]
        queue.head += 1
        if queue.head == queue.work.count {
          queue.work.removeAll(keepingCapacity: true)
          queue.head = 0
        }
        return (next, false)
      }
      if let work {
        work()
      } else if isStopping {
        return
      } else {
        wakeUp.wait(until: nil)
      }
    }
  }
}
