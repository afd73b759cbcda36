import ApusAdmin
import ApusCommandLine
import ApusRemoting

extension CommandDescription {
  /// All commands, in the order in which the help lists them.
  static let all =
    [serve, nameServer, broker, admin] + AdminCommands.short.map { $0.description } + [
      bench, store, completions, manual,
    ]
  /// Those of `apus admin` too.
  static let everything = all + AdminCommands.all.map { $0.description }

  /// Defines a setting that Java takes as a system property.
  private static let define = Option(
    "define", "D", value: "tls.KEY=VALUE", settingPrefix: TLSSettings.prefix,
    help: "A TLS setting, as Java takes it: -Dtls.server.mode=enforcing.")
  private static let printAll = Option("print", "p", java: "printConfigItem", help: "Print all settings and end.")
  private static let printImportant = Option(
    "print-important", "m", java: "printImportantConfig", help: "Print the settings that are usually changed and end.")
  private static let file = Option(
    "config", "c", java: "configFile", value: "FILE", help: "Read settings from RocketMQ's properties file.")
  private static let bind = Option("bind", value: "ADDR", help: "Listen on this address or name only.")
  private static let advertise = Option(
    "advertise", value: "HOST", help: "The address or name that clients are told to connect to.")

  private static let log = Option("log", value: "FILE", help: "Write the log to a file that is rotated, not to stderr.")
  private static let logLevel = Option(
    "log-level", value: "debug|info|warning|error", help: "Log nothing that matters less than this (info).")
  private static let loops = Option("loops", value: "N", help: "Threads that serve connections (half the cores).")

  /// `apus serve`.
  static let serve = CommandDescription(
    name: "serve",
    summary: "Run a name server and a broker in one process.",
    details: """
      Listens on 127.0.0.1 unless told otherwise. Broker port 0 and name server port
      0 pick free ports; the line that says 'ready' names them. Stops cleanly on
      SIGTERM and SIGINT.
      """,
    options: [
      file,
      Option("store", value: "DIR", help: "Where messages are kept (./apus-data)."),
      bind, advertise,
      Option("broker-port", value: "N", help: "The broker's port (10911); its second listener is N − 2."),
      Option("namesrv-port", value: "N", help: "The name server's port (9876)."),
      Option("http-port", value: "N", help: "Serve /metrics, /healthz and /readyz here (0: off)."),
      loops, log, logLevel, define, printAll, printImportant,
    ])

  /// `apus namesrv`, also called `mqnamesrv`.
  static let nameServer = CommandDescription(
    name: "namesrv", javaName: "mqnamesrv",
    summary: "Run a name server, as RocketMQ's mqnamesrv does.",
    details: "Listens on all addresses, port 9876 unless the file says otherwise. Takes the options of mqnamesrv.",
    options: [
      file, bind,
      Option(
        "name-servers", "n", java: "namesrvAddr", value: "LIST", help: "Accepted; not used."),
      log, logLevel, define, printAll,
    ])

  /// `apus broker`, also called `mqbroker`.
  static let broker = CommandDescription(
    name: "broker", javaName: "mqbroker",
    summary: "Run a broker, as RocketMQ's mqbroker does.",
    details: """
      Listens on all addresses, port 10911 unless the file says otherwise, and
      registers with every name server of -n, of the key namesrvAddr or of
      NAMESRV_ADDR. The store is where the file says, else ~/store. Takes the
      options of mqbroker.
      """,
    options: [
      file,
      Option("name-servers", "n", java: "namesrvAddr", value: "LIST", help: "Name servers: HOST:PORT;HOST:PORT…"),
      Option("store", value: "DIR", help: "Where messages are kept, before the key storePathRootDir."),
      bind, advertise, loops, log, logLevel, define, printAll, printImportant,
    ])

  /// `apus admin`, also called `mqadmin`. Its words are read by the tool itself.
  static let admin = CommandDescription(
    name: "admin", javaName: "mqadmin", operands: "COMMAND", operandLimit: nil,
    summary: "Look after clusters, as RocketMQ's mqadmin does.",
    details: "'apus admin help' lists the commands, 'apus admin help COMMAND' explains one.", options: [])

  /// `apus completions`.
  static let completions = CommandDescription(
    name: "completions", operands: "bash|zsh|fish", operandLimit: 1, summary: "Print the completions of a shell.",
    details: "For example: source <(apus completions bash)", options: [])

  /// `apus manual`.
  static let manual = CommandDescription(
    name: "manual", summary: "Print the manual page.", details: "For example: apus manual > apus.1", options: [])

  /// `apus bench`.
  static let bench = CommandDescription(
    name: "bench", operands: "send|pull|e2e|transaction|sdk-send|sdk-pull|sdk-e2e", operandLimit: 1,
    summary: "Measure a RocketMQ broker, this one or another.",
    details: """
      send measures acknowledged sends, pull the draining of queues, e2e the time
      from a send to its arrival at a waiting consumer, transaction half messages
      that are committed at once. Latencies run from the moment a request was due,
      so that a broker that stalls cannot hide it. The topic is created when it is
      missing.
      sdk-send, sdk-pull and sdk-e2e measure the client library for Swift instead:
      one producer with --window sends under way or at --rate, a consumer that
      drains the topic, and both at --rate. They take --namesrv, and tell the CPU
      of this process.
      """,
    options: [
      Option("namesrv", value: "LIST", help: "sdk-…: the name servers (127.0.0.1:9876)."),
      Option("broker", "b", value: "HOST:PORT", help: "The broker to measure (127.0.0.1:10911)."),
      Option("topic", "t", value: "NAME", help: "The topic (apus-bench)."),
      Option("queues", value: "N", help: "Queues of the topic that are used (8)."),
      Option("connections", value: "N", help: "Connections that send (16)."),
      Option("window", value: "N", help: "Requests in flight per connection (1)."),
      Option("size", value: "BYTES", help: "Body of a message (1024)."),
      Option("batch", value: "N", help: "Messages in a request or pull (1; pull 32)."),
      Option("rate", value: "N", help: "Messages a second; else as many as possible."),
      Option("seconds", value: "S", help: "How long to measure (10)."),
      Option("warmup", value: "S", help: "How long to run before measuring (2)."),
      Option("group", value: "NAME", help: "Producer or consumer group (apus-bench)."),
      Option("no-keys", help: "Send without a KEYS property: nothing to index."),
      Option("tls", help: "Use TLS, whoever the broker is."),
      Option("pid", value: "N", help: "The broker's process, for its CPU and memory."),
      Option("json", help: "Print one line of JSON instead of text."),
    ])
}
