package import ApusClient
package import ApusCommandLine
import ApusSystem

/// The administration tool: takes a command line apart, runs the command and says how it went.
package enum AdminTool {
  /// Tells the value of a variable of the environment.
  package typealias Environment = @Sendable (String) -> String?

  /// Runs the words behind `apus admin`, or behind `mqadmin`. Every failure is said on standard error and ends with 1,
  /// as with mqadmin; a wrong command line of a short command, which mqadmin does not have, with 2. `tls` is how
  /// connections are encrypted when the words say nothing of it; nil for plain ones. `configure` may change how servers
  /// are reached, beyond what the words say.
  package static func run(
    _ words: [String], _ console: Console, tls: TLSConfiguration? = nil, environment: Environment? = nil,
    configure: (inout ClientConfiguration) -> Void = { _ in }
  ) async -> ExitStatus {
    let environment = environment ?? { ProcessIO.environment($0) }
    guard let first = words.first, first != "--help", first != "-h", words != ["help"] else {
      console.write(AdminCommands.overview)
      return .success
    }
    let isHelp = first == "help"
    let name = isHelp ? words[1] : first
    guard let type = AdminCommands.named(name) else {
      console.tell("apus admin: there is no command '\(name)'; 'apus admin help' lists them\n")
      return .failure
    }
    if isHelp {
      console.write(type.description.helpText)
      return .success
    }
    return await run(type, words.dropFirst(), console, tls, environment, configure)
  }

  /// Fails for an empty list of name servers, as from variables that are not set: it must not lead to the servers of
  /// this machine.
  private static func requireNameServers(_ arguments: Arguments) throws(CommandFailure) {
    guard arguments.has(CommonOption.nameServers.name) else { return }
    let list = try arguments.required(CommonOption.nameServers.name)
    guard ClientConfiguration.nameServers(in: list).isEmpty else { return }
    throw arguments.failure("option '--\(CommonOption.nameServers.name)' names no server: '\(list)'")
  }

  /// Runs one command with its options.
  private static func run(
    _ type: any AdminCommand.Type, _ words: ArraySlice<String>, _ console: Console, _ tls: TLSConfiguration?,
    _ environment: Environment, _ configure: (inout ClientConfiguration) -> Void
  ) async -> ExitStatus {
    do throws(CommandFailure) {
      let arguments = try Arguments(words, of: type.description)
      guard !arguments.has(Option.help.name) else {
        console.write(type.description.helpText)
        return .success
      }
      try requireNameServers(arguments)
      if type.description.operandLimit == nil {
        for word in arguments.operands { console.tell("\(type.shortName): '\(word)' is not used\n") }
      }
      try await run(try type.init(arguments), arguments, console, tls, environment, configure)
      return .success
    } catch {
      console.tell("apus: \(error.message)\n")
      return AdminCommands.short.contains { $0.description == type.description } ? error.status : .failure
    }
  }

  private static func run(
    _ command: some AdminCommand, _ arguments: Arguments, _ console: Console, _ tls: TLSConfiguration?,
    _ environment: Environment, _ configure: (inout ClientConfiguration) -> Void
  ) async throws(CommandFailure) {
    let name = Swift.type(of: command).shortName
    do throws(AdminError) {
      var configuration = try ClientConfiguration(arguments, environment, tls: tls)
      configure(&configuration)
      let session = AdminSession(
        client: try AdminClient(configuration), configuration: configuration, console: console,
        isJSON: arguments.has(CommonOption.json.name),
        isConfirmed: arguments.command.destroys != nil && arguments.has(CommonOption.yes.name), command: name)
      try await command.run(session)
    } catch {
      throw CommandFailure(.failure, "\(name): \(error)")
    }
  }
}
