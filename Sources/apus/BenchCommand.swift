import ApusBase
import ApusBench
import ApusCommandLine
import ApusSystem

/// `apus bench`: makes a load from the command line, measures it and prints the result.
enum BenchCommand {
  /// Measures. Fails when requests were refused, after the result has been printed.
  static func run(_ arguments: Arguments) throws(CommandFailure) {
    if let mode = arguments.operands.first.flatMap({ SDKBenchMode(rawValue: $0) }) {
      return try SDKBenchCommand.run(mode, arguments)
    }
    let settings = try Self.settings(arguments)
    let showsProgress = ProcessIO.isTerminal(.standardError) && !arguments.has("json")
    var progress: ((String) -> Void)?
    if showsProgress { progress = { show($0) } }
    let report: BenchReport
    do throws(SystemError) {
      try Signals.ignoreBrokenPipes()
      _ = try DescriptorLimit.raise()
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
    do throws(BenchError) {
      report = try BenchRun.measure(settings, progress: progress)
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
    if showsProgress { show("") }
    ToolOutput.write(arguments.has("json") ? report.json.text() + "\n" : report.text)
    if !report.isClean { throw CommandFailure(.failure, "the broker refused requests") }
  }

  /// Writes over the line that was shown before.
  private static func show(_ line: String) { ProcessIO.write("\r\u{1B}[K\(line)", to: .standardError) }

  /// Fails for options that a load does not look at: it would not be what the command line says.
  static func refuse(_ options: [String], for mode: String, _ arguments: Arguments) throws(CommandFailure) {
    for option in options where arguments.has(option) { throw arguments.failure("\(mode) takes no --\(option)") }
  }

  /// The load that a command line describes.
  static func settings(_ arguments: Arguments) throws(CommandFailure) -> BenchSettings {
    guard let word = arguments.operands.first, let mode = BenchMode(rawValue: word) else {
      let modes = BenchMode.allCases.map(\.rawValue) + SDKBenchMode.allCases.map(\.rawValue)
      throw arguments.failure("say what to measure: \(modes.joined(separator: ", "))")
    }
    try refuse(mode == .pull ? ["namesrv", "rate"] : ["namesrv"], for: mode.rawValue, arguments)
    let address = arguments.text("broker") ?? "127.0.0.1:10911"
    var settings = BenchSettings(mode: mode, broker: try resolve(address, arguments))
    if let topic = arguments.text("topic") { settings.topic = try name(topic, "topic", arguments) }
    if let group = arguments.text("group") { settings.group = try name(group, "group", arguments) }
    settings.queues = try arguments.integer("queues", in: 1...1024) ?? settings.queues
    settings.connections = try arguments.integer("connections", in: 1...10_000) ?? settings.connections
    settings.window = try arguments.integer("window", in: 1...10_000) ?? settings.window
    settings.bodyBytes = try arguments.integer("size", in: 0...(4 << 20)) ?? settings.bodyBytes
    settings.batch = try arguments.integer("batch", in: 1...4096) ?? settings.batch
    settings.rate = try arguments.decimal("rate", in: 0.1...10_000_000) ?? settings.rate
    if let seconds = try arguments.decimal("seconds", in: 0.1...86_400) { settings.duration = .seconds(seconds) }
    if let seconds = try arguments.decimal("warmup", in: 0...3600) { settings.warmUp = .seconds(seconds) }
    settings.hasKeys = !arguments.has("no-keys")
    if arguments.has("tls") {
      do throws(TLSError) {
        settings.tls = try TLSContext.client()
      } catch {
        throw CommandFailure(.failure, "\(error)")
      }
    }
    settings.process = try arguments.integer("pid", in: 1...Int(Int32.max)).map { Int32($0) }
    if mode == .endToEnd, settings.bodyBytes < 16 || settings.batch > 1 {
      throw arguments.failure("e2e needs messages of 16 bytes or more and no batches, to carry the time")
    }
    if mode == .transaction, settings.batch > 1 { throw arguments.failure("a half message is no batch") }
    return settings
  }

  private static func resolve(_ text: String, _ arguments: Arguments) throws(CommandFailure) -> SocketAddress {
    guard let (host, port) = SocketAddress.parts(of: text) else {
      throw arguments.failure("option '--broker' takes HOST:PORT, not '\(text)'")
    }
    do throws(SystemError) {
      return try SocketAddress.resolve(host, port: port)[0]
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
  }

  /// A topic or group goes into headers as it is, so it may hold nothing that JSON escapes.
  private static func name(_ text: String, _ option: String, _ arguments: Arguments) throws(CommandFailure) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "%"): true
      default: false
      }
    }
    guard isPlain, (1...127).contains(text.utf8.count) else {
      throw arguments.failure("option '--\(option)' takes 1 to 127 of a-z A-Z 0-9 _ - %, not '\(text)'")
    }
    return text
  }
}
