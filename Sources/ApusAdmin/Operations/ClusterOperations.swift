package import ApusProtocol

extension AdminClient {
  /// 106: the clusters and their broker groups, from the first name server that knows any broker.
  package func clusterInfo() async throws(AdminError) -> ClusterInfo {
    try await clusterInfo { !$0.brokers.isEmpty }
  }

  /// 106: the clusters and their broker groups, from the first name server that knows this cluster.
  func clusterInfo(of cluster: String) async throws(AdminError) -> ClusterInfo {
    try await clusterInfo { $0.clusters[cluster] != nil }
  }

  /// 106: the name of the broker group of a broker, from the first name server that knows it.
  func brokerName(at address: String) async throws(AdminError) -> String {
    let info = try await clusterInfo { info in
      info.brokers.values.contains { $0.addresses.values.contains(address) }
    }
    return try info.brokerName(at: address)
  }

  private func clusterInfo(knows: (ClusterInfo) -> Bool) async throws(AdminError) -> ClusterInfo {
    try await askNameServer(GetBrokerClusterInfo.Request(), for: ClusterInfo.self, knows: knows)
  }

  /// 28: what a broker measures of itself.
  package func runtimeInfo(of broker: String) async throws(AdminError) -> KVTable {
    try await ask(GetBrokerRuntimeInfo.Request(), at: broker, for: KVTable.self)
  }
}

extension ClusterInfo {
  /// The broker groups of a cluster, by name.
  func groups(of cluster: String) throws(AdminError) -> [BrokerData] {
    guard let names = clusters[cluster] else {
      let known = clusters.keys.sorted().joined(separator: ", ")
      throw AdminError(
        "there is no cluster '\(cluster)' at this name server; it knows \(known.isEmpty ? "none" : known)")
    }
    return names.sorted().compactMap { brokers[$0] }
  }

  /// The name of the broker group that a broker belongs to.
  func brokerName(at address: String) throws(AdminError) -> String {
    guard let group = brokers.values.first(where: { $0.addresses.values.contains(address) }) else {
      throw AdminError("no broker has registered as \(address) with this name server")
    }
    return group.brokerName
  }

  /// The cluster that a broker group belongs to; empty when there is none.
  func cluster(of brokerName: String) -> String {
    clusters.sorted { $0.key < $1.key }.first { $0.value.contains(brokerName) }?.key ?? ""
  }
}

extension BrokerData {
  /// The address of the master, if it has registered.
  var masterAddress: String? { addresses[0] }
  /// The address to ask: the master's, or that of the first replica.
  var preferredAddress: String? { masterAddress ?? sortedAddresses.first }
  /// All addresses, the master's first.
  var sortedAddresses: [String] { addresses.sorted { $0.key < $1.key }.map(\.value) }
}
