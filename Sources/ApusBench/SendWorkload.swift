import ApusBase
import ApusSystem

/// Sends: as many as the windows allow, or at a rate. At a rate a request's latency runs from when it was due, so that
/// the waiting that a slow broker causes in the generator counts as the broker's.
final class SendWorkload: Workload {
  private let settings: BenchSettings
  private let templates: [RequestTemplate]
  private let mark: UInt64
  private let countsAnswers: Bool
  private var inFlight: [InFlight]
  private var sequence: UInt64 = 0
  private var pacer: Pacer?
  private var nextConnection = 0

  /// Sends to all queues in turn. With a `mark`, each body begins with the time it was due and the mark, and what
  /// counts is not the answer.
  init(_ settings: BenchSettings, mark: UInt64?) {
    self.settings = settings
    self.mark = mark ?? 0
    countsAnswers = mark == nil
    templates = (0..<settings.queues).map { RequestTemplate(settings: settings, queue: $0, marksTime: mark != nil) }
    inFlight = Array(repeating: InFlight(window: settings.window), count: settings.connections)
  }

  var connectionCount: Int { settings.connections }
  var isFinished: Bool { false }

  func begin(_ run: BenchRun) {
    if let rate = settings.rate {
      pacer = Pacer(start: SystemClock.monotonic(), perSecond: rate / Double(settings.batch))
    } else {
      for connection in run.connections.prefix(connectionCount) { fill(connection, run) }
    }
  }

  func received(_ response: borrowing Response, on connection: BenchConnection, of run: BenchRun) {
    let now = SystemClock.monotonic()
    guard let due = inFlight[connection.index].release(response.number) else { return }
    if response.code == 0, countsAnswers {
      run.measurements.succeeded(
        messages: settings.batch, bytes: settings.batch * settings.bodyBytes, latency: now - due)
      if settings.mode == .transaction { commit(response, on: connection, run) }
    } else if response.code != 0 {
      run.measurements.refused(response.code, response.remark)
    }
    if pacer == nil { send(due: now, on: connection, run) }
  }

  func pace(_ run: BenchRun) {
    guard var pacer else { return }
    let now = SystemClock.monotonic()
    while let due = pacer.due(by: now), let connection = connectionWithRoom(run) {
      pacer.advance()
      send(due: due, on: connection, run)
    }
    self.pacer = pacer
  }

  func unanswered(at now: MonotonicTime) -> (count: Int, oldest: Duration) {
    let waiting = inFlight.flatMap(\.waiting)
    return (waiting.count, waiting.min().map { now - $0 } ?? .zero)
  }

  /// Puts the end of a transaction into the output, before the request that follows.
  private func commit(_ response: borrowing Response, on connection: BenchConnection, _ run: BenchRun) {
    guard let id = response.text("\"msgId\":"), let offset = Response.offset(ofMessage: id),
      let queueOffset = response.field("\"queueOffset\":")
    else {
      run.failed(connection, BenchError("the broker did not say where a half message is"))
      return
    }
    RequestFrame.writeCommit(
      group: settings.group, messageID: id, offset: offset, queueOffset: queueOffset, into: &connection.output)
  }

  private func fill(_ connection: BenchConnection, _ run: BenchRun) {
    let now = SystemClock.monotonic()
    while inFlight[connection.index].hasRoom { send(due: now, on: connection, run) }
    run.send(connection)
  }

  private func connectionWithRoom(_ run: BenchRun) -> BenchConnection? {
    for _ in 0..<connectionCount {
      let connection = run.connections[nextConnection]
      nextConnection = (nextConnection + 1) % connectionCount
      if inFlight[connection.index].hasRoom { return connection }
    }
    return nil
  }

  /// Puts a request into the connection's output. At a rate it is sent at once, else with the turn.
  private func send(due: MonotonicTime, on connection: BenchConnection, _ run: BenchRun) {
    let number = inFlight[connection.index].take(due: due)
    sequence &+= 1
    let template = templates[(connection.index + Int(truncatingIfNeeded: sequence & 0xFFFF_FFFF)) % templates.count]
    template.write(
      number: number, born: run.wallTime, sequence: sequence, due: due, mark: mark, into: &connection.output)
    if pacer != nil { run.send(connection) }
  }
}
