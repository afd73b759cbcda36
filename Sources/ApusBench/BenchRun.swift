package import ApusBase
package import ApusSystem

/// One measurement: connects, warms up, measures, reports. Everything happens on the thread that calls it.
package final class BenchRun: BenchConnectionOwner, TurnObserver, EventHandler {
  /// The connections, by index.
  private(set) var connections: [BenchConnection] = []
  /// What has been counted.
  var measurements = Measurements()

  private let settings: BenchSettings
  private let workload: any Workload
  private let loop: EventLoop
  private let progress: ((String) -> Void)?
  private var openCount = 0
  private var failure: BenchError?
  private var began = MonotonicTime(nanoseconds: 0)
  private var lastAnswer = MonotonicTime(nanoseconds: 0)
  private var usageBefore: ProcessUsage?
  private var peakMemory: Int64 = 0
  private var shown: (time: MonotonicTime, messages: UInt64)
  private var unanswered: (count: Int, oldest: Duration) = (0, .zero)

  /// Measures. `progress` gets a line a second, without its end. Throws when the broker cannot be reached or goes away,
  /// and when nothing was answered with success.
  package static func measure(
    _ settings: BenchSettings, progress: ((String) -> Void)? = nil
  ) throws(BenchError) -> BenchReport {
    var settings = settings
    settings.queues = try BrokerPreparation.topic(settings)
    let run = try BenchRun(settings, progress)
    return try run.run()
  }

  private init(_ settings: BenchSettings, _ progress: ((String) -> Void)?) throws(BenchError) {
    self.settings = settings
    self.progress = progress
    do throws(SystemError) {
      loop = try EventLoop(name: "bench")
    } catch {
      throw BenchError("\(error)")
    }
    switch settings.mode {
    case .send, .transaction: workload = SendWorkload(settings, mark: nil)
    case .pull: workload = PullWorkload(settings, starts: try BrokerPreparation.offsets(settings, ends: false))
    case .endToEnd:
      let ends = try BrokerPreparation.offsets(settings, ends: true)
      workload = EndToEndWorkload(settings, ends: ends, mark: UInt64.random(in: 1 ... .max))
    }
    shown = (SystemClock.monotonic(), 0)
  }

  private func run() throws(BenchError) -> BenchReport {
    if let process = settings.process, ProcessUsage(of: process) == nil {
      throw BenchError("there is no process \(process) on this machine")
    }
    for index in 0..<workload.connectionCount {
      connections.append(
        try BenchConnection(index: index, to: settings.broker, tls: settings.tls, on: loop, owner: self))
    }
    loop.observe(self)
    loop.run()
    for connection in connections { connection.close(on: loop) }
    if let failure { throw failure }
    if measurements.requests == 0, let error = measurements.errors.first {
      throw BenchError("every request was refused; code \(error.key): \(error.value.remark)")
    }
    return report()
  }

  /// The time that goes into the messages.
  var wallTime: WallTime { SystemClock.wall() }

  /// Sends what was put into a connection's output from outside of its own turn.
  func send(_ connection: BenchConnection) {
    do throws(BenchError) {
      try connection.send()
    } catch {
      failed(connection, error)
    }
  }

  // MARK: What the loop and the connections call

  func opened(_ connection: BenchConnection) {
    openCount += 1
    guard openCount == workload.connectionCount else { return }
    workload.begin(self)
    if settings.rate != nil { loop.callAgain(self) }
    if settings.warmUp > .zero {
      loop.schedule(after: settings.warmUp) { [unowned self] in beginMeasuring() }
    } else {
      beginMeasuring()
    }
    if progress != nil { loop.schedule(after: .seconds(1)) { [unowned self] in showProgress() } }
  }

  func received(_ response: borrowing Response, on connection: BenchConnection) {
    workload.received(response, on: connection, of: self)
    lastAnswer = SystemClock.monotonic()
    if workload.isFinished { finish(at: lastAnswer) }
  }

  func failed(_ connection: BenchConnection, _ error: BenchError) {
    failure = failure ?? error
    loop.stop()
  }

  /// Keeps the loop from sleeping while there is a rate to keep: a sleep is a millisecond at least.
  package func ready(_ events: ReadyEvents, on loop: EventLoop) { loop.callAgain(self) }

  package func turnEnded(on loop: EventLoop) {
    if openCount == workload.connectionCount { workload.pace(self) }
  }

  package func flush(on loop: EventLoop) {}

  package func tick(on loop: EventLoop, now: MonotonicTime) {}

  // MARK: Phases

  private func beginMeasuring() {
    let refusals = measurements.errors
    measurements.begin()
    measurements.errors = refusals
    began = SystemClock.monotonic()
    lastAnswer = began
    usageBefore = settings.process.flatMap { ProcessUsage(of: $0) }
    shown = (began, 0)
    loop.schedule(after: settings.duration) { [unowned self] in finish(at: SystemClock.monotonic()) }
  }

  private func finish(at now: MonotonicTime) {
    guard measurements.isRunning else { return }
    measurements.isRunning = false
    lastAnswer = now
    unanswered = workload.unanswered(at: now)
    loop.stop()
  }

  private func showProgress() {
    if let usage = settings.process.flatMap({ ProcessUsage(of: $0) }) {
      peakMemory = max(peakMemory, usage.anonymousBytes)
    }
    let now = SystemClock.monotonic()
    let seconds = (now - shown.time).seconds
    let rate = Double(measurements.messages &- shown.messages) / max(seconds, 1e-9)
    shown = (now, measurements.messages)
    let phase = measurements.isRunning ? "\(Int((now - began).seconds.rounded())) s" : "warming up"
    let tail = Format.milliseconds(measurements.latencies.percentile(0.99))
    let errors = measurements.errors.values.reduce(0) { $0 + $1.count }
    progress?("\(phase): \(Format.grouped(rate)) messages/s, p99 \(tail) ms, \(errors) errors")
    loop.schedule(after: .seconds(1)) { [unowned self] in showProgress() }
  }

  private func report() -> BenchReport {
    var cpu: Duration?
    let usage = settings.process.flatMap { ProcessUsage(of: $0) }
    if let before = usageBefore, let usage { cpu = usage.cpu - before.cpu }
    return BenchReport(
      settings: settings, measurements: measurements, elapsed: lastAnswer - began, unanswered: unanswered.count,
      oldestUnanswered: unanswered.oldest, brokerCPU: cpu,
      brokerMemory: usage.map { max($0.anonymousBytes, peakMemory) })
  }
}
