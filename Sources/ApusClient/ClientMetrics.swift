/// Takes the figures of a client: give one as ``ClientConfiguration/metrics`` to have them in the application's own
/// metrics. Without one nothing is counted and no clock is read for it.
///
///     struct Recorder: ClientMetrics {
///       func add(_ count: Int, to metric: ClientMetric, topic: String, group: String) {
///         Counter(label: metric.rawValue, dimensions: [("topic", topic), ("group", group)]).increment(by: count)
///       }
///       func record(_ time: Duration, for metric: ClientMetric, topic: String, group: String) {
///         Timer(label: metric.rawValue, dimensions: [("topic", topic), ("group", group)]).record(duration: time)
///       }
///     }
///
/// Calls come from any thread, many at once, between messages: they must not wait.
public protocol ClientMetrics: Sendable {
  /// A counter grows by `count`. Topic and group have their namespace.
  func add(_ count: Int, to metric: ClientMetric, topic: String, group: String)
  /// Something took so long. Topic and group have their namespace.
  func record(_ time: Duration, for metric: ClientMetric, topic: String, group: String)
}

/// What is counted or timed. The raw value is a label for systems of metrics.
public enum ClientMetric: String, Hashable, Sendable, CaseIterable {
  /// Counter: messages that brokers have taken; of a batch each one.
  case messagesSent = "apus_client_messages_sent_total"
  /// Counter: bytes of their bodies as they were sent.
  case bytesSent = "apus_client_bytes_sent_total"
  /// Counter: messages that no broker has taken, after all tries.
  case sendsFailed = "apus_client_sends_failed_total"
  /// Timer: from a send's first try to its outcome.
  case sendTime = "apus_client_send_seconds"
  /// Counter: messages that pulls brought.
  case messagesPulled = "apus_client_messages_pulled_total"
  /// Counter: pulls that failed.
  case pullsFailed = "apus_client_pulls_failed_total"
  /// Timer: pulls that brought something, the broker's waiting included.
  case pullTime = "apus_client_pull_seconds"
  /// Counter: messages that a listener is done with.
  case messagesConsumed = "apus_client_messages_consumed_total"
  /// Counter: messages that a listener wants to see again, or never.
  case messagesFailed = "apus_client_messages_failed_total"
  /// Timer: calls of a listener.
  case consumeTime = "apus_client_consume_seconds"
}
