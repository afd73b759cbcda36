@testable import ApusClient

/// How long a test waits for what has to come: so long that only a fault lets it pass, also on a machine whose threads
/// stand still for seconds.
enum Patience {
  static let limit = Duration.seconds(300)
  /// How long servers wait for what is under way when they end, which a test may have left so.
  static let end = Duration.seconds(30)
}

/// Waits until a condition holds that stays true once it does. A test whose time is over is cancelled, and its wait
/// ends with an error.
func until(_ holds: () async throws -> Bool) async throws {
  while try await !holds() {
    try Task.checkCancellation()
    await Task.yield()
  }
}

extension ClientConfiguration {
  /// A client of these name servers that waits for connections and answers as long as tests do.
  static func patient(_ nameServers: [String] = []) -> ClientConfiguration {
    var configuration = ClientConfiguration(nameServers: nameServers)
    configuration.requestTimeout = Patience.limit
    configuration.connectTimeout = Patience.limit
    return configuration
  }
}

extension ProducerConfiguration {
  /// A producer that waits for its sends as long as tests do.
  static var patient: ProducerConfiguration {
    var configuration = ProducerConfiguration()
    configuration.sendTimeout = Patience.limit
    return configuration
  }
}

extension MessageClient {
  /// A patient producer, for tests that say nothing of its settings.
  func producer(group: String) throws(ClientError) -> Producer { try producer(group: group, .patient) }

  /// A patient producer of transactions, for tests that say nothing of its settings.
  func transactionProducer(
    group: String, check: @escaping TransactionProducer.Check
  ) throws(ClientError) -> TransactionProducer {
    try transactionProducer(group: group, .patient, check: check)
  }
}
