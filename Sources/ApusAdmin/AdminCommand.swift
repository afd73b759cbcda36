import ApusBase
package import ApusCommandLine

/// A command as a small value: its options, read and checked, and what it does with them.
package protocol AdminCommand: Sendable {
  /// What it is called and what it takes.
  static var description: CommandDescription { get }

  /// Reads its options; the parser has made sure that those are there that are required.
  init(_ arguments: Arguments) throws(CommandFailure)

  /// Does it.
  func run(_ session: AdminSession) async throws(AdminError)
}

extension AdminCommand {
  /// Describes a command of `apus admin`. The options that all of them have are added.
  static func admin(
    _ name: String, _ summary: String, details: String = "", options: [Option] = [], choices: [String] = [],
    destroys: String? = nil
  ) -> CommandDescription {
    CommandDescription(
      name: "admin \(name)", operandLimit: nil, summary: summary, details: details,
      options: options + CommonOption.all + (destroys == nil ? [] : [CommonOption.yes]), choices: choices,
      destroys: destroys)
  }
}
