import ApusBase
import ApusSystem

/// Sends at a rate while a consumer for each queue waits; a message's latency runs from when its send was due to its
/// arrival.
final class EndToEndWorkload: Workload {
  private let settings: BenchSettings
  private let sender: SendWorkload
  private let mark: UInt64
  private var offsets: [Int64]
  private var isRefused = false

  /// Consumers begin at the end of each queue. `mark` tells the messages of this run from others.
  init(_ settings: BenchSettings, ends: [Int64], mark: UInt64) {
    self.settings = settings
    self.mark = mark
    offsets = ends
    sender = SendWorkload(settings, mark: mark)
  }

  var connectionCount: Int { sender.connectionCount + offsets.count }
  var isFinished: Bool { isRefused }

  func begin(_ run: BenchRun) {
    for connection in run.connections.dropFirst(sender.connectionCount) {
      pull(on: connection)
      run.send(connection)
    }
    sender.begin(run)
  }

  func received(_ response: borrowing Response, on connection: BenchConnection, of run: BenchRun) {
    guard connection.index >= sender.connectionCount else {
      sender.received(response, on: connection, of: run)
      return
    }
    let now = SystemClock.monotonic()
    let queue = connection.index - sender.connectionCount
    switch PullOutcome(code: response.code) {
    case .found: _ = PulledRecords.forEach(in: response.body) { take($0, at: now, run) }
    case .nothing: if run.measurements.isRunning { run.measurements.emptyPulls += 1 }
    case .refused:
      run.measurements.refused(response.code, response.remark)
      isRefused = true
      return
    }
    offsets[queue] = max(offsets[queue], response.field("\"nextBeginOffset\":") ?? 0)
    pull(on: connection)
  }

  func pace(_ run: BenchRun) { sender.pace(run) }

  func unanswered(at now: MonotonicTime) -> (count: Int, oldest: Duration) { sender.unanswered(at: now) }

  private func take(_ record: RawSpan, at now: MonotonicTime, _ run: BenchRun) {
    guard let body = PulledRecords.body(of: record), body.byteCount >= 16,
      body.loadBigEndian(at: 8, as: UInt64.self) == mark
    else { return }
    let due = MonotonicTime(nanoseconds: body.loadBigEndian(at: 0, as: Int64.self))
    run.measurements.succeeded(messages: 1, bytes: body.byteCount, latency: now - due)
  }

  private func pull(on connection: BenchConnection) {
    let queue = connection.index - sender.connectionCount
    RequestFrame.writePull(
      settings: settings, queue: queue, offset: offsets[queue], waits: true, number: 1, into: &connection.output)
  }
}
