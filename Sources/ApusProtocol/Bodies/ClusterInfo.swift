public import ApusBase

/// All broker groups and clusters that a name server knows.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/body/ClusterInfo.java
public struct ClusterInfo: JSONBody {
  /// The broker groups by name.
  public var brokers: [String: BrokerData]
  /// The names of the broker groups by cluster.
  public var clusters: [String: [String]]

  /// Describes clusters.
  public init(brokers: [String: BrokerData], clusters: [String: [String]]) {
    self.brokers = brokers
    self.clusters = clusters
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    brokers = [:]
    for member in try json.table("brokerAddrTable") {
      brokers[member.key.text ?? ""] = try BrokerData(json: member.value)
    }
    clusters = [:]
    for member in try json.table("clusterAddrTable") { clusters[member.key.text ?? ""] = member.value.texts ?? [] }
  }

  /// The JSON form, sorted by name.
  public var json: JSONValue {
    let groups = brokers.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }
    let names = clusters.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) }
    return JSONValue(members: ["brokerAddrTable": .object(groups), "clusterAddrTable": .object(names)])
  }
}
