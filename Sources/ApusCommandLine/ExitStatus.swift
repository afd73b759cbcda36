/// Why the process ended, as its exit code tells. `--help` lists them; scripts and service managers may rely on them.
package enum ExitStatus: Int32, CaseIterable, Sendable {
  /// Stopped as asked, nothing lost.
  case success = 0
  /// A failure with no code of its own; the log says which.
  case failure = 1
  /// The command line is wrong.
  case usage = 2
  /// The configuration file or a value in it is wrong.
  case configuration = 3
  /// Another process has the store open.
  case storeInUse = 4
  /// Another process listens on the port.
  case portInUse = 5
  /// The store cannot be read or written.
  case disk = 6
  /// Stopped as asked and no message lost, but files beside the log could not be saved, as on a full device: the next
  /// start recovers, and goes on with offsets and settings as they were saved last.
  case unsaved = 7

  /// The line of `--help`.
  package var meaning: String {
    switch self {
    case .success: "stopped as asked, nothing lost"
    case .failure: "another failure; the log says which"
    case .usage: "the command line is wrong; 'apus admin' ends with 1 then, as scripts of mqadmin expect"
    case .configuration: "the configuration file or a value in it is wrong"
    case .storeInUse: "another process has the store open"
    case .portInUse: "another process listens on the port"
    case .disk: "the store cannot be read or written"
    case .unsaved: "stopped as asked, no message lost; files beside the log not saved, the log says which"
    }
  }
}

/// Why a command could not do its work: one sentence for people, and the exit code.
package struct CommandFailure: Error, Hashable, Sendable {
  /// The exit code.
  package var status: ExitStatus
  /// What is wrong and what to do about it, without a full stop.
  package var message: String

  /// Ends the command with a code and a sentence.
  package init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}
