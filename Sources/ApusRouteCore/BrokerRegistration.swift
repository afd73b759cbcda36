package import ApusModel

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
