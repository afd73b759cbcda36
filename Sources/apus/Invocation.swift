import ApusAdmin
import ApusCommandLine

/// What a command line asks for.
enum Invocation: Hashable, Sendable {
  /// To run a command.
  case run(Arguments)
  /// To run the administration tool with these words.
  case administer([String])
  /// To print a text and end well.
  case show(String)

  /// Reads a whole command line, the program's own name first.
  init(commandLine words: [String]) throws(CommandFailure) {
    let program = words.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "apus"
    if let command = CommandDescription.all.first(where: { $0.javaName == program }) {
      self = try Self.command(command, words.dropFirst())
      return
    }
    // Its operand is a role, which would start.
    guard program != "mqshutdown" else {
      throw CommandFailure(
        .usage, "there is no mqshutdown: stop a server by SIGTERM, as 'systemctl stop' and 'kill PID' send it")
    }
    guard let word = words.dropFirst().first else {
      throw CommandFailure(
        .usage, "say what to run: \(CommandDescription.all.map(\.name).joined(separator: ", ")); see 'apus --help'")
    }
    switch word {
    case "-h", "--help", "help": self = .show(Help.overview)
    case "--version", "-v", "version": self = .show(Version.line + "\n")
    default:
      guard let command = CommandDescription.all.first(where: { $0.name == word || $0.javaName == word }) else {
        throw CommandFailure(.usage, "unknown command '\(word)'; 'apus --help' lists what there is")
      }
      if AdminCommands.short.contains(where: { $0.description == command }) {
        self = .administer(Array(words.dropFirst()))
        return
      }
      self = try Self.command(command, words.dropFirst(2))
    }
  }

  private static func command(_ command: CommandDescription, _ words: ArraySlice<String>) throws(CommandFailure)
    -> Invocation
  {
    if command == .admin { return .administer(Array(words)) }
    if words.contains("--version") { return .show(Version.line + "\n") }
    let arguments = try Arguments(words, of: command)
    return arguments.has(Option.help.name) ? .show(command.helpText) : .run(arguments)
  }
}
