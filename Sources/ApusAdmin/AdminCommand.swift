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

/// Options that several commands have.
enum CommonOption {
  static let nameServers = Option(
    "namesrvAddr", "n", value: "LIST",
    help: "Name servers, HOST:PORT;HOST:PORT… (NAMESRV_ADDR, else 127.0.0.1:9876).")
  static let json = Option("json", help: "Print one JSON object a line.")
  static let yes = Option("yes", help: "Do not ask before doing it.")
  /// What every command has.
  static let all = [nameServers, json]

  static func topic(_ help: String = "The topic.") -> Option {
    Option("topic", "t", value: "TOPIC", required: true, help: help)
  }
  static func group(_ name: String = "consumerGroup", _ help: String = "The consumer group.") -> Option {
    Option(name, "g", value: "GROUP", required: true, help: help)
  }
}

/// The brokers that a command is for: one, or those of a cluster.
enum BrokerTarget: Hashable, Sendable {
  case broker(String)
  case cluster(String)

  /// `-b` and `-c` of most commands; `clusterOption` is the long name of the second.
  static func options(cluster clusterOption: String = "clusterName") -> [Option] {
    [
      Option("brokerAddr", "b", value: "HOST:PORT", help: "The broker."),
      Option(clusterOption, "c", value: "CLUSTER", help: "All brokers of this cluster instead."),
    ]
  }

  /// The names of both, as the choice of a command.
  static let choices = ["brokerAddr", "clusterName"]

  /// Reads the two options; the broker counts when both are given, as in Java. Nil when neither is.
  init?(_ arguments: Arguments, cluster clusterOption: String = "clusterName") throws(CommandFailure) {
    if arguments.has("brokerAddr") {
      self = .broker(try arguments.required("brokerAddr"))
    } else if arguments.has(clusterOption) {
      self = .cluster(try arguments.required(clusterOption))
    } else {
      return nil
    }
  }

  /// Reads the two options of a command that has them as its choice.
  init(required arguments: Arguments) throws(CommandFailure) {
    guard let target = try BrokerTarget(arguments) else { throw arguments.failure("say which broker or cluster") }
    self = target
  }

  /// The addresses of the masters, or of all members of broker groups.
  func addresses(_ client: AdminClient, mastersOnly: Bool) async throws(AdminError) -> [String] {
    switch self {
    case .broker(let address): return [address]
    case .cluster(let name):
      let groups = try await client.clusterInfo().groups(of: name)
      return groups.flatMap { mastersOnly ? [$0.masterAddress].compactMap { $0 } : $0.sortedAddresses }
    }
  }
}
