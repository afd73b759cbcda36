package import ApusModel

/// Who the broker is, in the forms that answers and records need.
package struct BrokerIdentity: Sendable {
  /// `brokerName`
  package let name: String
  /// `brokerClusterName`
  package let cluster: String
  /// The cluster's name as it is appended to stored properties.
  package let clusterBytes: [UInt8]
  /// `regionId`, told to producers as MSG_REGION.
  package let region: String
  /// The region in the form that answers need.
  package let regionBytes: [UInt8]
  /// `brokerId`: 0 for a master.
  package let id: Int64
  /// The address that records carry as their store host and that message ids are made of.
  package let storeHost: HostAddress
  /// The address that clients are told, `host:port`.
  package let address: String

  /// Describes a broker.
  package init(name: String, cluster: String, region: String, id: Int64, storeHost: HostAddress, address: String) {
    self.name = name
    self.cluster = cluster
    clusterBytes = Array(cluster.utf8)
    self.region = region
    regionBytes = Array(region.utf8)
    self.id = id
    self.storeHost = storeHost
    self.address = address
  }
}
