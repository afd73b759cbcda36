import ApusAdmin
import ApusCommandLine
import ApusSystem

/// What a tool prints for programs and people. A tool whose output cannot be written ends with a failure at once, so
/// that nobody takes a part for the whole and nothing is consumed that nobody sees.
enum ToolOutput {
  /// Writes a result that quotes what clients have stored, as ``write(_:)`` does. At a terminal control characters are
  /// shown instead of obeyed.
  static func show(_ text: String) { write(shown(text, isTerminal: ProcessIO.isTerminal(.standardOutput))) }

  /// A result as it is written.
  static func shown(_ text: String, isTerminal: Bool) -> String { isTerminal ? Console.visible(text) : text }

  /// Writes to standard output, or ends the process: silently when the reader has gone, as tools that SIGPIPE ends,
  /// else with the reason.
  static func write(_ text: String) {
    guard let failure = ProcessIO.write(text, to: .standardOutput) else { return }
    if !failure.isBrokenPipe { ProcessIO.write("apus: \(failure)\n", to: .standardError) }
    ProcessIO.exit(ExitStatus.failure.rawValue)
  }
}
