public import ApusBase

/// Where the members of one broker group listen.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/protocol/route/BrokerData.java
public struct BrokerData: JSONBody {
  /// The cluster that the group belongs to.
  public var cluster: String
  /// The group.
  public var brokerName: String
  /// `host:port` by broker id; 0 is the master.
  public var addresses: [Int64: String]

  /// Describes a group.
  public init(cluster: String, brokerName: String, addresses: [Int64: String]) {
    self.cluster = cluster
    self.brokerName = brokerName
    self.addresses = addresses
  }

  /// Reads the JSON form.
  public init(json: JSONValue) throws(DecodeError) {
    var addresses: [Int64: String] = [:]
    for member in try json.table("brokerAddrs") {
      guard let id = member.key.int64, let address = member.value.text else {
        throw DecodeError(field: "brokerAddrs", offset: 0, reason: "no table of broker ids and addresses")
      }
      addresses[id] = address
    }
    self.init(
      cluster: json["cluster"]?.text ?? "", brokerName: try json.requiredText("brokerName"), addresses: addresses)
  }

  /// The JSON form, by broker id.
  public var json: JSONValue {
    let table = addresses.sorted { $0.key < $1.key }.map { JSONMember(.integer($0.key), .string($0.value)) }
    return JSONValue(members: [
      "brokerAddrs": .object(table), "brokerName": .string(brokerName), "cluster": .string(cluster),
    ])
  }
}
