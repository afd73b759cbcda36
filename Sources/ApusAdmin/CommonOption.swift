import ApusCommandLine

/// Options that several commands have.
enum CommonOption {
  static let nameServers = Option(
    "namesrvAddr", "n", value: "LIST",
    help: "Name servers, HOST:PORT;HOST:PORT… (NAMESRV_ADDR, else 127.0.0.1:9876).")
  static let json = Option("json", help: "Print one JSON object a line.")
  static let account = Option(
    "account", value: "FILE",
    help: "Sign requests with the account of this file (conf/tools.yml below ROCKETMQ_HOME).")
  static let tls = Option("tls", help: "Use TLS, and trust the authorities that this machine trusts.")
  static let authorities = Option(
    "tls-ca", value: "FILE", help: "Use TLS, and trust the authorities of this PEM file.")
  static let yes = Option("yes", help: "Do not ask before doing it.")
  /// What every command has.
  static let all = [nameServers, account, tls, authorities, json]

  static func topic(_ help: String = "The topic.") -> Option {
    Option("topic", "t", value: "TOPIC", required: true, help: help)
  }
  static func group(_ name: String = "consumerGroup", _ help: String = "The consumer group.") -> Option {
    Option(name, "g", value: "GROUP", required: true, help: help)
  }
}
