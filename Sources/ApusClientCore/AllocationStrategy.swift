package import ApusModel

/// How the consumers of a group share the queues of a topic out among themselves. Every consumer works it out alone,
/// from the same sorted lists, so all of a group must use the same strategy.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:client/src/main/java/org/apache/rocketmq/client/consumer/rebalance
package indirect enum AllocationStrategy: Sendable {
  /// AVG, the default: neighbouring queues in shares of nearly the same size.
  case average
  /// AVG_BY_CIRCLE: queues dealt out in turn.
  case averageByCircle
  /// CONFIG: always these.
  case configured([MessageQueue])
  /// MACHINE_ROOM: the queues of brokers called `room@name` in one of these rooms, in shares of the same size.
  case machineRoom(Set<String>)
  /// MACHINE_ROOM_NEARBY: queues go to consumers in their own room, those of rooms without a consumer to all.
  case nearby(AllocationStrategy, brokerRoom: @Sendable (String) -> String, clientRoom: @Sendable (String) -> String)
  /// CONSISTENT_HASH: a consumer that comes or goes moves few queues.
  case consistentHash(virtualNodes: Int = 10)
  /// The user's own; called with sorted queues, sorted client ids and the client's own id.
  case custom(name: String, @Sendable ([MessageQueue], [String], String) -> [MessageQueue])

  /// The name that Java gives the strategy, as running information shows it.
  package var name: String {
    switch self {
    case .average: "AVG"
    case .averageByCircle: "AVG_BY_CIRCLE"
    case .configured: "CONFIG"
    case .machineRoom: "MACHINE_ROOM"
    case .nearby(let inner, _, _): "MACHINE_ROOM_NEARBY-\(inner.name)"
    case .consistentHash: "CONSISTENT_HASH"
    case .custom(let name, _): name
    }
  }

  /// The queues that belong to `client`; none when it is not among `clients`. Both lists are sorted and without
  /// duplicates.
  package func allocate(_ queues: [MessageQueue], among clients: [String], to client: String) -> [MessageQueue] {
    guard !queues.isEmpty, let index = clients.firstIndex(of: client) else { return [] }
    switch self {
    case .average: return Self.share(of: queues, index: index, count: clients.count)
    case .averageByCircle: return stride(from: index, to: queues.count, by: clients.count).map { queues[$0] }
    case .configured(let chosen): return chosen
    case .machineRoom(let rooms): return Self.roomShare(of: queues, rooms, index: index, count: clients.count)
    case .nearby(let inner, let brokerRoom, let clientRoom):
      return Self.nearbyShare(of: queues, clients, client, inner, brokerRoom, clientRoom)
    case .consistentHash(let virtualNodes):
      let ring = ConsistentHashRing(clients, virtualNodes: virtualNodes)
      return queues.filter { ring.owner(of: $0.hashKey) == client }
    case .custom(_, let choose): return choose(queues, clients, client)
    }
  }

  private static func share(of queues: [MessageQueue], index: Int, count: Int) -> [MessageQueue] {
    let (size, rest) = queues.count.quotientAndRemainder(dividingBy: count)
    let start = index * size + min(index, rest)
    return Array(queues[start..<start + size + (index < rest ? 1 : 0)])
  }

  private static func roomShare(
    of queues: [MessageQueue], _ rooms: Set<String>, index: Int, count: Int
  ) -> [MessageQueue] {
    let near = queues.filter { queue in
      let parts = queue.brokerName.split(separator: "@", omittingEmptySubsequences: false)
      return parts.count == 2 && rooms.contains(String(parts[0]))
    }
    let size = near.count / count
    var share = Array(near[index * size..<(index + 1) * size])
    if index < near.count % count { share.append(near[index + size * count]) }
    return share
  }

  private static func nearbyShare(
    of queues: [MessageQueue], _ clients: [String], _ client: String, _ inner: AllocationStrategy,
    _ brokerRoom: (String) -> String, _ clientRoom: (String) -> String
  ) -> [MessageQueue] {
    let queuesByRoom = Dictionary(grouping: queues) { brokerRoom($0.brokerName) }
    let clientsByRoom = Dictionary(grouping: clients, by: clientRoom)
    let own = clientRoom(client)
    var share: [MessageQueue] = []
    if let near = queuesByRoom[own], let neighbours = clientsByRoom[own] {
      share = inner.allocate(near, among: neighbours, to: client)
    }
    for (room, left) in queuesByRoom.sorted(by: { $0.key < $1.key }) where clientsByRoom[room] == nil {
      share += inner.allocate(left, among: clients, to: client)
    }
    return share
  }
}

extension MessageQueue {
  /// What consistent hashing hashes of a queue: Java's text of it.
  var hashKey: String { "MessageQueue [topic=\(topic), brokerName=\(brokerName), queueId=\(queueID)]" }
}
