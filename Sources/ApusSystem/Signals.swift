import CPosix
import Glibc

/// The signals that ask the process to end, as something to wait for.
package final class Signals: Sendable {
  /// A signal that asks the process to end.
  package enum Termination: Int32, Sendable, CustomStringConvertible {
    /// From a terminal that closes, or from who has moved the log file away and wants it opened anew.
    case hangUp = 1
    /// From the keyboard.
    case interrupt = 2
    /// From `kill` or the service manager.
    case terminate = 15

    /// The name that `kill -l` and service managers use.
    package var description: String {
      switch self {
      case .hangUp: "SIGHUP"
      case .interrupt: "SIGINT"
      case .terminate: "SIGTERM"
      }
    }
  }

  /// Readable when a signal has come; for an event loop that wants to know. Closed with this object.
  package let descriptor: Int32

  /// Keeps SIGTERM, SIGINT and SIGHUP back for ``wait()`` and ignores SIGPIPE, SIGUSR1, SIGUSR2 and SIGQUIT, by which
  /// a Java process is asked for its threads and goes on; a SIGHUP that was ignored before, as by `nohup`, stays so. To
  /// be called on the main thread before another is started: threads take the mask of the one that starts them.
  package init() throws(SystemError) {
    try Syscall.check(apus_ignore_broken_pipes(), "sigaction SIGPIPE")
    try Syscall.check(apus_ignore_user_signals(), "sigaction SIGUSR1")
    descriptor = try Syscall.check(apus_termination_descriptor(), "signalfd")
  }

  deinit { _ = apus_close(descriptor) }

  /// Waits for the next signal that asks the process to end.
  package func wait() throws(SystemError) -> Termination {
    let number = try Syscall.check(apus_read_signal(descriptor), "read signalfd")
    guard let signal = Termination(rawValue: number) else {
      throw SystemError(errno: EINVAL, operation: "read signalfd: signal \(number)")
    }
    return signal
  }

  /// Makes a fault in a mapped file, as when it was cut or the device failed, end the process with a line on standard
  /// error that names file and offset.
  package static func reportBusErrors() throws(SystemError) {
    try Syscall.check(apus_report_bus_errors(), "sigaction SIGBUS")
  }

  /// Makes writing to a closed connection an error instead of the process's end.
  package static func ignoreBrokenPipes() throws(SystemError) {
    try Syscall.check(apus_ignore_broken_pipes(), "sigaction SIGPIPE")
  }
}
