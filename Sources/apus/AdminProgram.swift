import ApusAdmin
import ApusCommandLine
import ApusSystem

/// `apus admin`: the administration tool at this process's terminal.
enum AdminProgram {
  /// Runs the tool to its end. Throws when what the environment says of TLS cannot be used.
  static func run(_ words: [String]) throws(CommandFailure) -> ExitStatus {
    let tls = try Configuration.adminTLS()
    let done = WakeUp()
    let status = Locked(ExitStatus.failure)
    Task {
      let result = await AdminTool.run(words, console, tls: tls)
      status.withLock { $0 = result }
      done.signal()
    }
    done.wait(until: nil)
    return status.withLock { $0 }
  }

  private static var console: Console {
    Console(
      write: { ToolOutput.write($0) }, note: { ProcessIO.write($0, to: .standardError) },
      ask: ProcessIO.isInputTerminal ? askAtTerminal : nil, isOutputTerminal: ProcessIO.isTerminal(.standardOutput),
      isNoteTerminal: ProcessIO.isTerminal(.standardError))
  }

  @Sendable
  private static func askAtTerminal(_ question: String) -> String? {
    ProcessIO.write(question, to: .standardError)
    return readLine()
  }
}
