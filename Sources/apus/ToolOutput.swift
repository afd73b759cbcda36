import ApusCommandLine
import ApusSystem

/// What a tool prints for programs and people. A tool whose output cannot be written ends with a failure at once, so
/// that nobody takes a part for the whole and nothing is consumed that nobody sees.
enum ToolOutput {
  /// Writes to standard output, or ends the process: silently when the reader has gone, as tools that SIGPIPE ends,
  /// else with the reason.
  static func write(_ text: String) {
    guard let failure = ProcessIO.write(text, to: .standardOutput) else { return }
    if !failure.isBrokenPipe { ProcessIO.write("apus: \(failure)\n", to: .standardError) }
    ProcessIO.exit(ExitStatus.failure.rawValue)
  }
}
