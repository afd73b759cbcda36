import ApusCommandLine
import ApusSystem

/// The program: reads its command line, runs what it asks for and ends with the exit code that says how that went.
enum Program {
  /// Runs the process's own command line.
  static func main() -> Never { ProcessIO.exit(run(CommandLine.arguments).rawValue) }

  /// Runs a command line and says on standard error why it failed, if it did.
  static func run(_ commandLine: [String]) -> ExitStatus {
    do {
      switch try Invocation(commandLine: commandLine) {
      case .show(let text): ToolOutput.write(text)
      case .run(let arguments): try run(arguments)
      case .administer(let words): return try AdminProgram.run(words)
      }
      return .success
    } catch {
      ProcessIO.write("apus: \(error.message)\n", to: .standardError)
      return error.status
    }
  }

  private static func run(_ arguments: Arguments) throws(CommandFailure) {
    switch arguments.command {
    case .completions: try showCompletions(arguments)
    case .manual:
      ToolOutput.write(ManualPage.text(version: Version.line, CommandDescription.everything))
    case .bench: try BenchCommand.run(arguments)
    case .store: try StoreCommand.run(arguments)
    case .nameServer: try NameServerCommand.run(arguments)
    case .broker: try BrokerCommand.run(arguments)
    case .serve: try ServeCommand.run(arguments)
    default: preconditionFailure("command \(arguments.command.name) has nothing that runs it")
    }
  }

  private static func showCompletions(_ arguments: Arguments) throws(CommandFailure) {
    guard let shell = arguments.operands.first.flatMap({ Completions.Shell(rawValue: $0) }) else {
      let shells = Completions.Shell.allCases.map(\.rawValue).joined(separator: ", ")
      throw arguments.failure("say for which shell: \(shells)")
    }
    ToolOutput.write(Completions.script(for: shell, CommandDescription.everything))
  }
}
