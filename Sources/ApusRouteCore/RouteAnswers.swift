package import ApusBase
import ApusModel

/// In which JSON a route is answered.
package enum RouteForm: Hashable, Sendable {
  /// fastjson's own: the numbers of a group's brokers are keys without quotes.
  case fastjson
  /// Standard JSON: every key is quoted. For clients of version 401 (V4_9_4) and later and for those that ask for it.
  case standard
}

/// A topic's route as bytes, in the forms that were asked for so far.
struct EncodedRoute: Sendable {
  /// The table's generation when it was encoded; another one makes it void.
  var generation: UInt64
  private var fastjson: [UInt8]?
  private var standard: [UInt8]?

  init(generation: UInt64) { self.generation = generation }

  subscript(form: RouteForm) -> [UInt8]? {
    get { form == .fastjson ? fastjson : standard }
    set { if form == .fastjson { fastjson = newValue } else { standard = newValue } }
  }
}

extension RouteTable {
  /// How many bytes of routes are encoded before all are forgotten and encoding starts anew. Routes replaced meanwhile
  /// count too, so that this bounds the memory of the encoded routes from above.
  private static let encodedByteLimit = 256 << 20

  /// The route of a topic, given by its bytes, as the body of an answer to code 105 (TopicRouteData); nil when no
  /// group has the topic. Encoded once and kept until something in it changes: then a lookup takes constant time and
  /// allocates nothing.
  package mutating func route(of topic: RawSpan, form: RouteForm) -> [UInt8]? {
    if let known = encoded[topic], known.generation == generation, let body = known[form] { return body }
    // Only the very bytes count: `String` takes different spellings of one text as equal, and repairs what is not
    // UTF-8.
    guard let index = topics.index(forKey: topic.text),
      unsafe topics[index].key.utf8Span.span.bytes.sameBytes(as: topic)
    else {
      return nil
    }
    let (name, queues) = topics[index]
    let body = routeValue(of: name, queues).bytes(form == .fastjson ? .fastjson : .standard)
    var route = encoded[topic] ?? EncodedRoute(generation: generation)
    if route.generation != generation { route = EncodedRoute(generation: generation) }
    route[form] = body
    encodedBytes += body.count
    if encodedBytes > Self.encodedByteLimit {
      encoded.removeAll()
      encodedBytes = body.count
    }
    encoded.update(route, forKey: topic)
    return body
  }

  private func routeValue(of topic: String, _ queues: [QueueEntry]) -> JSONValue {
    var brokers: [JSONValue] = []
    var filterServerTable: [JSONMember] = []
    for entry in queues {
      guard let group = groups[entry.brokerName] else { continue }
      brokers.append(group.value(brokerName: entry.brokerName))
      for (_, address) in group.ordered {
        let servers = filterServers(at: address)
        if !servers.isEmpty { filterServerTable.append(JSONMember(address, JSONValue(servers))) }
      }
    }
    var members = [
      JSONMember("brokerDatas", .array(brokers)), JSONMember("filterServerTable", .object(filterServerTable)),
    ]
    if let order = orderTopics[topic] { members.append(JSONMember("orderTopicConf", .string(order))) }
    members.append(JSONMember("queueDatas", .array(queues.map(\.value))))
    return .object(members)
  }

  /// Every cluster with its groups, and every group with its brokers: the body of an answer to code 106 (ClusterInfo).
  package var clusterInfo: JSONValue {
    let groupMembers = groups.sorted { $0.key < $1.key }.map { name, group in
      JSONMember(name, group.value(brokerName: name))
    }
    let clusterMembers = clusters.sorted { $0.key < $1.key }.map { name, members in
      JSONMember(name, JSONValue(members.sorted()))
    }
    return JSONValue(members: ["brokerAddrTable": .object(groupMembers), "clusterAddrTable": .object(clusterMembers)])
  }

  // MARK: Topic lists

  /// Every topic that some group has (code 206), sorted.
  package var allTopics: [String] { topics.keys.sorted() }

  /// The topics that some group of a cluster has (code 224), sorted.
  package func topics(inCluster cluster: String) -> [String] {
    guard let names = clusters[cluster] else { return [] }
    return topics.filter { $0.value.contains { names.contains($0.brokerName) } }.keys.sorted()
  }

  /// Which topics a list of unit topics names, by the flags of a topic's first group.
  package enum UnitTopics: Sendable {
    /// Topics of units (code 311).
    case unit
    /// Topics with subscribers of units (code 312).
    case withUnitSubscribers
    /// Topics that have subscribers of units and are not of one themselves (code 313).
    case withUnitSubscribersOnly
  }

  /// The topics with certain unit flags (codes 311 to 313), sorted.
  package func topics(_ kind: UnitTopics) -> [String] {
    topics.filter { _, queues in
      guard let flags = queues.first?.systemFlag else { return false }
      let isUnit = flags & TopicConfig.unitFlag != 0
      let hasUnitSubscribers = flags & TopicConfig.unitSubscribedFlag != 0
      switch kind {
      case .unit: return isUnit
      case .withUnitSubscribers: return hasUnitSubscribers
      case .withUnitSubscribersOnly: return hasUnitSubscribers && !isUnit
      }
    }.keys.sorted()
  }

  /// The topics that brokers make for themselves (code 304): the clusters' and the groups' names, and the address of
  /// a broker that knows the others.
  package var systemTopics: (topics: [String], brokerAddress: String?) {
    let names = clusters.sorted { $0.key < $1.key }.flatMap { [$0.key] + $0.value.sorted() }
    let first = groups.min { $0.key < $1.key }
    return (names, first?.value.ordered.first?.address)
  }
}

extension BrokerGroup {
  /// The group's brokers by number, the master first.
  var ordered: [(number: Int64, address: String)] {
    addresses.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The group as BrokerData.
  func value(brokerName: String) -> JSONValue {
    let members = ordered.map { number, address in
      JSONMember(.integer(number), .string(address))
    }
    return JSONValue(members: [
      "brokerAddrs": .object(members), "brokerName": .string(brokerName), "cluster": .string(cluster),
    ])
  }
}

extension QueueEntry {
  /// The entry as QueueData.
  var value: JSONValue {
    JSONValue(members: [
      "brokerName": .string(brokerName), "perm": JSONValue(permission.rawValue),
      "readQueueNums": JSONValue(readQueueCount), "topicSysFlag": JSONValue(systemFlag),
      "writeQueueNums": JSONValue(writeQueueCount),
    ])
  }
}
