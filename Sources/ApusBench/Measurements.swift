import ApusBase

/// What is counted while a measurement runs. Nothing counts before it begins and after it ends.
struct Measurements {
  /// Latencies in nanoseconds, of requests or, end to end, of messages.
  var latencies = Histogram()
  /// Messages that were acknowledged or arrived.
  var messages: UInt64 = 0
  /// Bytes of their bodies, or of the stored messages that were pulled.
  var bytes: UInt64 = 0
  /// Requests that were answered with success.
  var requests: UInt64 = 0
  /// Pulls that found nothing.
  var emptyPulls: UInt64 = 0
  /// Refusals by code, with the last one's remark.
  var errors: [Int32: (count: UInt64, remark: String)] = [:]
  /// Whether anything counts.
  var isRunning = false

  /// Counts an answered request with what it brought.
  mutating func succeeded(messages: Int, bytes: Int, latency: Duration?) {
    guard isRunning else { return }
    requests += 1
    self.messages += UInt64(messages)
    self.bytes += UInt64(bytes)
    if let latency { latencies.record(UInt64(max(0, latency.nanoseconds))) }
  }

  /// Counts a refusal. A measurement that is not running yet keeps it too: a broker that refuses everything is not
  /// warmed up.
  mutating func refused(_ code: Int32, _ remark: @autoclosure () -> String) {
    if let known = errors[code] {
      errors[code] = (known.count + 1, known.remark)
    } else {
      errors[code] = (1, remark())
    }
  }

  /// Forgets what was counted and begins to count.
  mutating func begin() {
    self = Measurements()
    isRunning = true
  }
}
