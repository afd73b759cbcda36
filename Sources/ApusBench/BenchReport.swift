package import ApusBase

/// The result of a measurement.
package struct BenchReport: Sendable {
  let settings: BenchSettings
  let measurements: Measurements
  let elapsed: Duration
  let unanswered: Int
  let oldestUnanswered: Duration
  let brokerCPU: Duration?
  let brokerMemory: Int64?

  /// Whether no request was refused.
  package var isClean: Bool { measurements.errors.isEmpty }

  private var seconds: Double { max(elapsed.seconds, 1e-9) }
  private var messagesPerSecond: Double { Double(measurements.messages) / seconds }
  private var megabytesPerSecond: Double { Double(measurements.bytes) / seconds / 1e6 }
  private var microsecondsPerMessage: Double? {
    guard let brokerCPU, measurements.messages > 0 else { return nil }
    return brokerCPU.seconds * 1e6 / Double(measurements.messages)
  }

  /// Several lines for people.
  package var text: String {
    let latencies = measurements.latencies
    func at(_ fraction: Double) -> String { Format.milliseconds(latencies.percentile(fraction)) }
    var lines = [
      "\(settings.mode.rawValue) \(settings.topic) on \(settings.broker): \(load)",
      "  \(Format.grouped(messagesPerSecond)) messages/s, \(Format.decimal(megabytesPerSecond, places: 1)) MB/s; "
        + "\(Format.grouped(Double(measurements.messages))) messages in \(Format.decimal(seconds, places: 2)) s",
      "  latency \(settings.mode == .endToEnd ? "to arrival" : "of a request"): p50 \(at(0.5)) ms, p99 \(at(0.99)) ms, "
        + "p99.9 \(at(0.999)) ms, max \(Format.milliseconds(latencies.maximum)) ms",
    ]
    if let microsecondsPerMessage, let brokerMemory {
      lines.append(
        "  broker: \(Format.decimal(microsecondsPerMessage, places: 2)) µs CPU a message, "
          + "\(Format.decimal(Double(brokerMemory) / 1e6, places: 1)) MB anonymous memory")
    }
    if measurements.emptyPulls > 0 { lines.append("  \(measurements.emptyPulls) pulls found nothing") }
    // Some are in flight whenever one looks; those that waited longer than any that was answered tell something.
    if UInt64(clamping: oldestUnanswered.nanoseconds) > latencies.maximum {
      lines.append("  \(unanswered) requests were unanswered at the end, the oldest for \(oldestMilliseconds) ms")
    }
    for (code, error) in measurements.errors.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(error.count) refused with code \(code): \(error.remark)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One line for programs. Latencies are in microseconds.
  package var json: JSONValue {
    func microseconds(_ nanoseconds: UInt64) -> JSONValue { .number(Double(nanoseconds) / 1000) }
    let latencies = measurements.latencies
    return JSONValue(members: [
      "mode": .string(settings.mode.rawValue), "broker": .string("\(settings.broker)"),
      "topic": .string(settings.topic),
      "queues": JSONValue(settings.queues), "connections": JSONValue(settings.connections),
      "window": JSONValue(settings.window), "bodyBytes": JSONValue(settings.bodyBytes),
      "batch": JSONValue(settings.batch),
      "rate": settings.rate.map { .number($0) } ?? .null, "keys": .bool(settings.hasKeys), "seconds": .number(seconds),
      "messages": JSONValue(measurements.messages), "requests": JSONValue(measurements.requests),
      "messagesPerSecond": .number(messagesPerSecond), "megabytesPerSecond": .number(megabytesPerSecond),
      "p50Micros": microseconds(latencies.percentile(0.5)), "p99Micros": microseconds(latencies.percentile(0.99)),
      "p999Micros": microseconds(latencies.percentile(0.999)), "maxMicros": microseconds(latencies.maximum),
      "emptyPulls": JSONValue(measurements.emptyPulls), "unanswered": JSONValue(unanswered),
      "oldestUnansweredMicros": .number(oldestUnanswered.seconds * 1e6),
      "errors": .object(
        measurements.errors.sorted { $0.key < $1.key }.map { code, error in
          JSONMember(
            String(code), JSONValue(members: ["count": JSONValue(error.count), "remark": .string(error.remark)]))
        }),
      "brokerCPUSeconds": brokerCPU.map { .number($0.seconds) } ?? .null,
      "brokerCPUMicrosPerMessage": microsecondsPerMessage.map { .number($0) } ?? .null,
      "brokerAnonymousBytes": brokerMemory.map { JSONValue($0) } ?? .null,
    ])
  }

  private var oldestMilliseconds: String { Format.decimal(oldestUnanswered.seconds * 1000, places: 1) }

  private var load: String {
    let queues = "\(settings.queues) queues"
    switch settings.mode {
    case .pull: return "\(queues), \(settings.batch) messages a pull"
    case .send, .endToEnd, .transaction:
      let batch = settings.batch > 1 ? ", batches of \(settings.batch)" : ""
      let rate = settings.rate.map { ", \(Format.grouped($0)) a second" } ?? ""
      return
        "\(settings.connections) connections × \(settings.window), \(settings.bodyBytes) B\(batch)\(rate), \(queues)"
    }
  }
}
