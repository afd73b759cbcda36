import ApusCommandLine
import ApusBase
import ApusBench
import ApusClient
import ApusSystem

/// `apus bench sdk-send`, `sdk-pull` and `sdk-e2e`: what the client library for Swift makes of this machine, and what
/// it costs.
enum SDKBenchCommand {
  /// Measures and prints the result.
  static func run(_ mode: SDKBenchMode, _ arguments: Arguments) throws(CommandFailure) {
    let load = try Self.load(mode, arguments)
    do throws(SystemError) {
      try Signals.ignoreBrokenPipes()
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
    let result: SDKLoad.Result
    do throws(ClientError) {
      result = try wait { () async throws(ClientError) in try await load.run() }
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
    let text = arguments.has("json") ? json(load, result).text() + "\n" : text(load, result)
    ToolOutput.write(text)
    if result.messages == 0 { throw CommandFailure(.failure, "no message came through") }
  }

  /// The load that a command line describes.
  static func load(_ mode: SDKBenchMode, _ arguments: Arguments) throws(CommandFailure) -> SDKLoad {
    var unused = ["broker", "connections", "no-keys", "tls", "pid"]
    if mode == .pull { unused.append("rate") }
    try BenchCommand.refuse(unused, for: mode.rawValue, arguments)
    let servers = try arguments.has("namesrv") ? arguments.required("namesrv") : "127.0.0.1:9876"
    var load = SDKLoad(mode: mode, nameServers: servers.split(separator: ";").map(String.init))
    if let topic = arguments.text("topic") { load.topic = topic }
    if let group = arguments.text("group") { load.group = group }
    load.queues = try arguments.integer("queues", in: 1...1024).map { Int32($0) } ?? load.queues
    load.window = try arguments.integer("window", in: 1...10_000) ?? load.window
    load.bodyBytes = try arguments.integer("size", in: 1...(4 << 20)) ?? load.bodyBytes
    load.batch = try arguments.integer("batch", in: 1...1024) ?? load.batch
    load.rate = try arguments.decimal("rate", in: 0.1...100_000) ?? load.rate
    if let seconds = try arguments.decimal("seconds", in: 0.1...86_400) { load.duration = .seconds(seconds) }
    if let seconds = try arguments.decimal("warmup", in: 0...3600) { load.warmUp = .seconds(seconds) }
    return load
  }

  /// Runs what waits on threads of the language's, while the main thread waits for it.
  private static func wait<Value: Sendable>(
    _ body: @escaping @Sendable () async throws(ClientError) -> Value
  ) throws(ClientError) -> Value {
    let result = Locked<Result<Value, ClientError>?>(nil)
    let done = WakeUp()
    Task {
      do throws(ClientError) {
        let value = try await body()
        result.withLock { $0 = .success(value) }
      } catch {
        result.withLock { $0 = .failure(error) }
      }
      done.signal()
    }
    while true {
      if let found = result.withLock({ $0 }) { return try found.get() }
      done.wait(until: nil)
    }
  }

  private static func figures(_ result: SDKLoad.Result) -> (rate: Double, cpuMicros: Double) {
    let seconds = max(result.elapsed.seconds, 1e-9)
    return (Double(result.messages) / seconds, result.cpu.seconds * 1e6 / Double(max(result.messages, 1)))
  }

  private static func text(_ load: SDKLoad, _ result: SDKLoad.Result) -> String {
    let (rate, cpu) = figures(result)
    func at(_ fraction: Double, of latencies: Histogram) -> String {
      Format.milliseconds(latencies.percentile(fraction))
    }
    func line(_ latencies: Histogram) -> String {
      "p50 \(at(0.5, of: latencies)) ms, p99 \(at(0.99, of: latencies)) ms, p99.9 \(at(0.999, of: latencies)) ms"
    }
    var text = "\(load.mode.rawValue) \(load.topic): \(Format.grouped(rate)) messages/s, "
    text += "\(Format.grouped(Double(result.messages))) in \(Format.decimal(result.elapsed.seconds, places: 2)) s\n"
    text += "  this process: \(Format.decimal(cpu, places: 2)) µs CPU a message, "
    text += "\(Format.decimal(Double(result.anonymousBytes) / 1e6, places: 1)) MB anonymous memory\n"
    if result.latencies.count > 0 { text += "  \(line(result.latencies))\n" }
    if result.latenciesFromCall.count > 0 { text += "  from the call of send: \(line(result.latenciesFromCall))\n" }
    return text
  }

  private static func json(_ load: SDKLoad, _ result: SDKLoad.Result) -> JSONValue {
    let (rate, cpu) = figures(result)
    func micros(_ fraction: Double, of latencies: Histogram) -> JSONValue {
      .number(Double(latencies.percentile(fraction)) / 1000)
    }
    let (due, called) = (result.latencies, result.latenciesFromCall)
    return JSONValue(members: [
      "mode": .string(load.mode.rawValue), "topic": .string(load.topic), "bodyBytes": JSONValue(load.bodyBytes),
      "window": JSONValue(load.window), "seconds": .number(result.elapsed.seconds),
      "messages": JSONValue(result.messages), "messagesPerSecond": .number(rate), "cpuMicrosPerMessage": .number(cpu),
      "anonymousBytes": JSONValue(result.anonymousBytes), "p50Micros": micros(0.5, of: due),
      "p99Micros": micros(0.99, of: due), "p999Micros": micros(0.999, of: due),
      "p50MicrosFromCall": micros(0.5, of: called), "p99MicrosFromCall": micros(0.99, of: called),
    ])
  }
}
