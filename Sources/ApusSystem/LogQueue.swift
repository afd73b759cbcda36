import ApusBase

/// Lines that wait for a thread to write them: nobody who logs waits for a disk, or for whoever reads standard error.
///
/// At most `byteLimit` bytes wait, and as many are being written. A line that finds no room is dropped, and so is each
/// that follows until the thread has taken what waits; how many is told in a line that stands where they are missing.
final class LogQueue: Sendable {
  private struct State: Sendable {
    var waiting = ""
    var dropped = 0
    var mustReopen = false
    var isWriting = false
    var isEnding = false
    /// Told when a write is over.
    var sleepers: [WakeUp] = []

    var isIdle: Bool { waiting.isEmpty && dropped == 0 && !mustReopen }
  }

  private let output: LogOutput
  private let byteLimit: Int
  private let state = Locked(State())
  private let wakeUp = WakeUp()

  /// Starts the thread, which runs until ``end(within:)``.
  init(output: LogOutput, byteLimit: Int = 1 << 20) throws(SystemError) {
    self.output = output
    self.byteLimit = byteLimit
    // Nobody joins it: it may wait for its output for ever, and then ends with the process.
    _ = try Thread.start(name: "apus-log") { [self] in run() }
  }

  /// Adds a line with its line feed, or drops it.
  func add(_ line: String) {
    let wasIdle = state.withLock { state -> Bool in
      let wasIdle = state.isIdle
      if state.dropped == 0, state.waiting.utf8.count + line.utf8.count <= byteLimit {
        state.waiting += line
      } else {
        state.dropped += 1
      }
      return wasIdle
    }
    if wasIdle { wakeUp.signal() }
  }

  /// Has the thread open the output's file anew before it writes what follows.
  func reopen() {
    state.withLock { $0.mustReopen = true }
    wakeUp.signal()
  }

  /// Waits until everything is written, but no longer than told. Returns whether it is.
  @discardableResult
  func flush(within limit: Duration) -> Bool {
    let deadline = SystemClock.monotonic() + limit
    let sleeper = WakeUp()
    while true {
      let isDone = state.withLock { state -> Bool in
        if state.isIdle, !state.isWriting { return true }
        state.sleepers.append(sleeper)
        return false
      }
      if isDone { return true }
      guard SystemClock.monotonic() < deadline else { return false }
      sleeper.wait(until: deadline)
    }
  }

  /// Ends the thread when it has written what waits, and waits for that no longer than told.
  func end(within limit: Duration) {
    state.withLock { $0.isEnding = true }
    wakeUp.signal()
    flush(within: limit)
  }

  // MARK: On the thread

  private func run() {
    while let (lines, mustReopen) = next() {
      if mustReopen { output.reopen() }
      if !lines.isEmpty { output.write(lines) }
      let sleepers = state.withLock { state -> [WakeUp] in
        state.isWriting = false
        defer { state.sleepers = [] }
        return state.sleepers
      }
      for sleeper in sleepers { sleeper.signal() }
    }
  }

  /// Takes what waits, and whether the file is to be opened anew before; nil at the end.
  private func next() -> (lines: String, mustReopen: Bool)? {
    while true {
      let (lines, dropped, mustReopen, isEnding) = state.withLock { state -> (String, Int, Bool, Bool) in
        defer {
          state.isWriting = !state.isIdle
          state.waiting = ""
          state.dropped = 0
          state.mustReopen = false
        }
        return (state.waiting, state.dropped, state.mustReopen, state.isEnding)
      }
      guard lines.isEmpty, dropped == 0, !mustReopen else {
        return (lines + (dropped > 0 ? Self.line(dropped: dropped) : ""), mustReopen)
      }
      if isEnding { return nil }
      wakeUp.wait(until: nil)
    }
  }

  private static func line(dropped: Int) -> String {
    LogLine.text(
      .warning, "log", "lines were dropped: they came faster than they could be written", ["lines": dropped],
      repeats: 0, at: SystemClock.wall())
  }
}
