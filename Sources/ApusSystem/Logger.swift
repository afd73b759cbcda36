import ApusBase
import CPosix

/// Writes log lines of the form `2026-11-21T01:02:03.456Z INFO broker: message key=value`, from any thread.
///
/// The message is a constant text and everything that varies is a field, so that lines can be counted: of the same
/// message at most `repeatLimit` lines are written a second, of one with a subject one in ten seconds; the rest is told
/// as `repeated=N`. A line below the level costs a comparison.
///
/// A logger writes where it is called, unless it was made to write on a thread of its own, as a server's is.
package final class Logger: Sendable {
  /// Lines below it are not written.
  package let level: LogLevel
  /// How long the end of a logger waits for lines that have not been written.
  private static let endLimit = Duration.seconds(1)

  private let output: LogOutput
  /// Nil when callers write.
  private let queue: LogQueue?
  private let sampler: Locked<LogSampler>

  private init(output: LogOutput, queue: LogQueue? = nil, level: LogLevel, repeatLimit: Int) {
    self.output = output
    self.queue = queue
    self.level = level
    sampler = Locked(LogSampler(limit: repeatLimit))
  }

  /// Writes to stderr, or to another descriptor that stays the caller's.
  package convenience init(descriptor: Int32 = 2, level: LogLevel = .info, repeatLimit: Int = 10) {
    self.init(output: LogOutput(descriptor: descriptor), level: level, repeatLimit: repeatLimit)
  }

  /// Appends to a file, which at `byteLimit` bytes becomes `path.1`; `keep` such old files are kept.
  package convenience init(
    path: String, byteLimit: Int64 = 64 << 20, keep: Int = 10, level: LogLevel = .info, repeatLimit: Int = 10
  ) throws(SystemError) {
    let output = try LogOutput(path: path, byteLimit: byteLimit, keep: keep)
    self.init(output: output, level: level, repeatLimit: repeatLimit)
  }

  /// Writes on a thread of its own, to stderr when no path is given: nobody who logs waits for the disk or for a
  /// reader, and lines are dropped and counted when a mebibyte of them waits. ``flush()`` is for the end of the
  /// process.
  package convenience init(
    onThreadTo path: String?, level: LogLevel = .info, repeatLimit: Int = 10
  ) throws(SystemError) {
    let output: LogOutput
    if let path {
      output = try LogOutput(path: path, byteLimit: 64 << 20, keep: 10)
    } else {
      output = LogOutput(descriptor: 2)
    }
    self.init(output: output, queue: try LogQueue(output: output), level: level, repeatLimit: repeatLimit)
  }

  deinit {
    flushRepeats()
    queue?.end(within: Self.endLimit)
  }

  /// Writes a line for the developer who hunts something.
  package func debug(
    _ component: StaticString, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
  ) {
    if level <= .debug { write(.debug, component, message(), fields()) }
  }

  /// Writes a line that an operator wants to find afterwards.
  package func info(
    _ component: StaticString, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
  ) {
    if level <= .info { write(.info, component, message(), fields()) }
  }

  /// Writes that something is not as it should be and was coped with.
  package func warning(
    _ component: StaticString, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
  ) {
    if level <= .warning { write(.warning, component, message(), fields()) }
  }

  /// Writes that something is not as it should be with somebody who may be away for long, as a server is, and was coped
  /// with: one line in ten seconds of each message and subject.
  package func warning(
    _ component: StaticString, _ message: @autoclosure () -> String, about subject: String,
    _ fields: @autoclosure () -> LogFields
  ) {
    if level <= .warning { write(.warning, component, message(), fields(), subject: subject) }
  }

  /// Writes that something that was asked for could not be done.
  package func error(
    _ component: StaticString, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]
  ) {
    write(.error, component, message(), fields())
  }

  private func write(
    _ level: LogLevel, _ component: StaticString, _ message: String, _ fields: LogFields, subject: String? = nil
  ) {
    let now = SystemClock.monotonic()
    let key = LogSampler.Key(level: level, component: "\(component)", message: message, subject: subject)
    // What was counted of this line is told with it, so that it is asked for first.
    let (repeats, summaries) = sampler.withLock { ($0.admit(key, at: now), $0.summaries(at: now)) }
    let time = SystemClock.wall()
    tell(summaries, at: time)
    guard let repeats else { return }
    put(LogLine.text(level, key.component, message, fields, repeats: repeats, at: time))
  }

  /// Writes what has been counted instead of written so far.
  package func flushRepeats() {
    let summaries = sampler.withLock { $0.summaries(at: SystemClock.monotonic(), all: true) }
    tell(summaries, at: SystemClock.wall())
  }

  private func tell(_ summaries: [LogSampler.Summary], at time: WallTime) {
    for summary in summaries {
      let key = summary.key
      let fields: LogFields = if let subject = key.subject { ["about": subject] } else { [:] }
      put(LogLine.text(key.level, key.component, key.message, fields, repeats: summary.repeats, at: time))
    }
  }

  private func put(_ line: String) {
    if let queue { queue.add(line) } else { output.write(line) }
  }

  /// Opens the file anew, after somebody has moved it away; without a file nothing happens.
  package func reopen() {
    if let queue { queue.reopen() } else { output.reopen() }
  }

  /// Writes what has been counted, and waits until all lines are written, at most a second: a reader that has stopped
  /// does not keep the process from ending. Called at the end of a process.
  package func flush() {
    flushRepeats()
    queue?.flush(within: Self.endLimit)
  }
}
