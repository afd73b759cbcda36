package import ApusSystem

/// What is measured.
package enum BenchMode: String, CaseIterable, Sendable {
  /// Acknowledged sends.
  case send
  /// Reading queues from their start to their end.
  case pull
  /// From a send that was due to the message's arrival at a waiting consumer.
  case endToEnd = "e2e"
  /// Half messages, each of which is committed as soon as it is acknowledged. What counts is the half message; the
  /// commit is oneway, as that of RocketMQ's producers.
  case transaction
}

/// A measurement: what load to make, on which broker, for how long.
package struct BenchSettings: Sendable {
  /// What is measured.
  package var mode: BenchMode
  /// The broker.
  package var broker: SocketAddress
  /// The topic; made when it is missing.
  package var topic = "apus-bench"
  /// The producer or consumer group.
  package var group = "apus-bench"
  /// How many queues of the topic are used, 1 or more.
  package var queues = 8
  /// How many connections send. Consumers have one for each queue.
  package var connections = 16
  /// How many requests a connection has in flight.
  package var window = 1
  /// Bytes of a message's body.
  package var bodyBytes = 1024
  /// Messages in a send, or the most that a pull asks for.
  package var batch = 1
  /// Messages a second over all connections; nil sends as fast as answers come.
  package var rate: Double?
  /// How long is measured.
  package var duration = Duration.seconds(10)
  /// How long the load runs before that.
  package var warmUp = Duration.seconds(2)
  /// Whether messages carry a KEYS property, which a broker indexes.
  package var hasKeys = true
  /// TLS of all connections; nil for plain ones.
  package var tls: TLSContext?
  /// The broker's process on this machine, for its CPU and memory.
  package var process: Int32?

  /// A measurement with the defaults of the mode.
  package init(mode: BenchMode, broker: SocketAddress) {
    self.mode = mode
    self.broker = broker
    switch mode {
    case .send, .transaction: break
    case .pull:
      batch = 32
      warmUp = .zero
    case .endToEnd:
      rate = 1000
      connections = 4
    }
  }
}

/// Why a measurement ended without a result.
package struct BenchError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence without a full stop.
  package let description: String

  /// Says what went wrong.
  package init(_ description: String) { self.description = description }
}
