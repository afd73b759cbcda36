/// The queues that hold what an I/O thread has read for a pull or a lookup: a bounded number, as each may hold 16 KiB
/// of entries and 64 KiB of extension units. The one that has held something for longest gives it up first; who still
/// needs that has it read again.
struct WarmedQueues {
  private var queues: [ConsumeQueue] = []
  private let limit: Int

  init(limit: Int = 1024) { self.limit = limit }

  /// A queue is given what was read.
  mutating func insert(_ queue: ConsumeQueue) {
    guard !queue.isWarmed else { return }
    queue.isWarmed = true
    queues.append(queue)
    guard queues.count > limit else { return }
    let first = queues.removeFirst()
    first.isWarmed = false
    first.warmed = nil
    first.warmedExtensions = nil
  }
}
