import ApusBase
import ApusSystem

/// Reads every queue from its first message to its last, one connection and one pull in flight for each.
final class PullWorkload: Workload {
  private struct Queue {
    var offset: Int64
    var asked = MonotonicTime(nanoseconds: 0)
    var isDrained = false
  }

  private let settings: BenchSettings
  private var queues: [Queue]

  /// Begins at the given offset of each queue.
  init(_ settings: BenchSettings, starts: [Int64]) {
    self.settings = settings
    queues = starts.map { Queue(offset: $0) }
  }

  var connectionCount: Int { queues.count }
  var isFinished: Bool { queues.allSatisfy(\.isDrained) }

  func begin(_ run: BenchRun) {
    for connection in run.connections.prefix(connectionCount) {
      pull(on: connection)
      run.send(connection)
    }
  }

  func received(_ response: borrowing Response, on connection: BenchConnection, of run: BenchRun) {
    let now = SystemClock.monotonic()
    let index = connection.index
    let following = response.field("\"nextBeginOffset\":") ?? queues[index].offset
    switch PullOutcome(code: response.code) {
    case .found:
      let count = PulledRecords.forEach(in: response.body) { _ in }
      run.measurements.succeeded(
        messages: count, bytes: response.body.byteCount, latency: now - queues[index].asked)
      queues[index].isDrained = count == 0 && following <= queues[index].offset
    case .nothing:
      if run.measurements.isRunning { run.measurements.emptyPulls += 1 }
      queues[index].isDrained = following <= queues[index].offset
    case .refused:
      run.measurements.refused(response.code, response.remark)
      queues[index].isDrained = true
    }
    queues[index].offset = max(queues[index].offset, following)
    if !queues[index].isDrained { pull(on: connection) }
  }

  func pace(_ run: BenchRun) {}

  func unanswered(at now: MonotonicTime) -> (count: Int, oldest: Duration) {
    let waiting = queues.filter { !$0.isDrained }.map(\.asked)
    return (waiting.count, waiting.min().map { now - $0 } ?? .zero)
  }

  private func pull(on connection: BenchConnection) {
    let index = connection.index
    queues[index].asked = SystemClock.monotonic()
    RequestFrame.writePull(
      settings: settings, queue: index, offset: queues[index].offset, waits: false, number: 1,
      into: &connection.output)
  }
}
