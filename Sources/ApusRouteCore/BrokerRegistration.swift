package import ApusModel

/// The connection that a broker registered over, as the route table knows it: a number that the shell can find it by.
package struct RouteLink: RawRepresentable, Hashable, Sendable {
  /// The connection's number.
  package var rawValue: UInt64

  /// Wraps a connection's number.
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One broker process: which group it belongs to and where it listens.
package struct BrokerIdentity: Hashable, Sendable {
  /// The cluster of the broker's group.
  package var cluster: String
  /// The group: a master and its replicas share it.
  package var brokerName: String
  /// The number within the group; 0 is the master.
  package var brokerID: Int64
  /// Where clients reach it, as `host:port`.
  package var address: String

  /// Describes a broker process.
  package init(cluster: String, brokerName: String, brokerID: Int64, address: String) {
    self.cluster = cluster
    self.brokerName = brokerName
    self.brokerID = brokerID
    self.address = address
  }
}

/// What a broker says of itself in a registration (code 103).
package struct BrokerRegistration: Sendable {
  /// Who registers.
  package var broker: BrokerIdentity
  /// Where replicas stream the log from.
  package var haServerAddress: String?
  /// The topics; all of them or, after one was changed, that one. A registration never removes topics.
  package var topics: [TopicConfig]
  /// The version that the broker's topics have with this registration; nil when the broker did not say.
  package var dataVersion: DataVersion?
  /// The filter servers; nil leaves those known.
  package var filterServers: [String]?

  /// Describes a registration.
  package init(
    broker: BrokerIdentity, haServerAddress: String?, topics: [TopicConfig], dataVersion: DataVersion?,
    filterServers: [String]? = nil
  ) {
    self.broker = broker
    self.haServerAddress = haServerAddress
    self.topics = topics
    self.dataVersion = dataVersion
    self.filterServers = filterServers
  }
}

/// What became of a registration.
package enum RegistrationOutcome: Hashable, Sendable {
  /// It is in the table. For a replica whose master is known: where the master listens for clients and for replicas.
  case registered(masterAddress: String?, haServerAddress: String?)
  /// It would have exceeded the limits of the table; nothing changed.
  case full
}

/// How much a route table holds. Registrations come from anyone who can connect, so that memory must have a bound: a
/// single registration is bounded by its body, all together by this. What a broker registered goes with its connection,
/// so that a hostile one holds memory only for as long as it stays connected.
package struct RouteLimits: Hashable, Sendable {
  /// How many broker addresses.
  package var brokers: Int
  /// How many pairs of topic and broker group.
  package var queueEntries: Int

  /// Sets limits; the defaults are far beyond the clusters in use.
  package init(brokers: Int = 10_000, queueEntries: Int = 4_000_000) {
    self.brokers = brokers
    self.queueEntries = queueEntries
  }
}
