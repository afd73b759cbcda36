/// Clients on a ring of hashes, each at several places; a queue belongs to the first client at or behind its own place.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/consistenthash/ConsistentHashRouter.java
struct ConsistentHashRing {
  /// By hash; of two nodes with one hash the later client's counts, as in Java.
  private let nodes: [(hash: UInt32, client: String)]

  init(_ clients: [String], virtualNodes: Int) {
    var owners: [UInt32: String] = [:]
    for client in clients {
      for number in 0..<max(virtualNodes, 0) { owners[MD5.prefix("\(client)-\(number)")] = client }
    }
    nodes = owners.map { ($0.key, $0.value) }.sorted { $0.hash < $1.hash }
  }

  /// The client that a key belongs to; nil on an empty ring.
  func owner(of key: String) -> String? {
    let hash = MD5.prefix(key)
    return (nodes.first { $0.hash >= hash } ?? nodes.first)?.client
  }
}
