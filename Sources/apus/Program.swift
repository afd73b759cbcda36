import ApusSystem

/// The program: reads its command line, runs what it asks for and ends with the exit code that says how that went.
enum Program {
  /// Runs the process's own command line.
  static func main() -> Never { ProcessIO.exit(run(CommandLine.arguments).rawValue) }

  /// Runs a command line and says on standard error why it failed, if it did.
  static func run(_ commandLine: [String]) -> ExitStatus {
    do {
      switch try Invocation(commandLine: commandLine) {
      case .show(let text): ProcessIO.write(text, to: .standardOutput)
      case .run(let arguments): try run(arguments)
      }
      return .success
    } catch {
      ProcessIO.write("apus: \(error.message)\n", to: .standardError)
      return error.status
    }
  }

  private static func run(_ arguments: Arguments) throws(CommandFailure) {
    switch arguments.command {
    case .bench: try BenchCommand.run(arguments)
    case .store: try StoreCommand.run(arguments)
    case .nameServer: try NameServerCommand.run(arguments)
    case .broker: try BrokerCommand.run(arguments)
    case .serve: try ServeCommand.run(arguments)
    default: preconditionFailure("command \(arguments.command.name) has nothing that runs it")
    }
  }
}
