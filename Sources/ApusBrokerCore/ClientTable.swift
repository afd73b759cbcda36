package import ApusBase
package import ApusModel
package import ApusProtocol

/// Who is connected: producers and consumers by group, as their heartbeats tell.
///
/// A connection is one client instance; its heartbeat lists all its groups, every 30 s. It leaves a group by
/// unregistering, by its connection closing, or by falling silent for ``expiry``. When the members or the topics of a
/// consumer group change, the others are told (code 40), so that they share the queues out anew at once. Inputs only
/// note such groups; the shell collects the notices with ``takeNotices()`` once per turn, so that a thousand members
/// leaving together cost each other one notice.
///
/// Sources:
/// apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/client/ConsumerManager.java and
/// ProducerManager.java. Deviations: what a client may register is bounded by ``Limits``.
package struct ClientTable: Sendable {
  /// How much one client may register.
  package struct Limits: Hashable, Sendable {
    /// Producer groups and consumer groups of one connection, each.
    package var groupsPerConnection = 4096
    /// Topics that one consumer group subscribes to.
    package var subscriptionsPerGroup = 4096
    /// The longest client id in bytes.
    package var clientIDBytes = 1024
    /// How much memory the subscriptions of one consumer group may take, in bytes as ``GroupSubscription/bytes`` counts
    /// them.
    package var subscriptionBytesPerGroup = 4 << 20
    /// How much memory the groups of all clients may take together, their names and subscriptions included, in bytes.
    package var bytes = 512 << 20

    /// Generous for any real client.
    package init() {}
  }

  /// A client that took part too widely.
  package enum Excess: Error, Hashable, Sendable {
    /// More groups than ``Limits/groupsPerConnection``.
    case groups
    /// More topics than ``Limits/subscriptionsPerGroup``.
    case subscriptions(group: String)
    /// A client id longer than ``Limits/clientIDBytes``, or none.
    case clientID
    /// Subscriptions that take more than ``Limits/subscriptionBytesPerGroup``.
    case subscriptionBytes(group: String)
    /// What all clients registered would take more than ``Limits/bytes``.
    case bytes
  }

  /// Members to be told that their group changed.
  package struct Notice: Hashable, Sendable {
    /// The consumer group.
    package var group: String
    /// The connections of its members.
    package var connections: [UInt64]
  }

  /// A silent client's connection is given up after this time.
  package static var expiry: Duration { .seconds(120) }

  /// What is known about one connection.
  package struct Client: Hashable, Sendable {
    /// The client's id, `ip@instance`.
    package var id: String
    /// The language it is written in.
    package var language: Language
    /// Its version on the wire.
    package var version: Int32
    /// Its address.
    package var address: HostAddress
    /// When its last heartbeat came.
    package var lastSeen: MonotonicTime
    /// The producer groups it is in.
    package fileprivate(set) var producerGroups: Set<ExactName> = []
    /// The consumer groups it is in.
    package fileprivate(set) var consumerGroups: Set<ExactName> = []
  }

  private struct ConsumerGroup: Sendable {
    let name: String
    var profile: ConsumerProfile
    var subscriptions = ByteKeyedTable<GroupSubscription>()
    /// What group and subscriptions take; 0 for one that is not in the table yet.
    var bytes = 0
  }

  /// What a client's being in a group takes besides the group's name, in bytes.
  private static let membershipOverhead = 256
  /// What a consumer group takes besides its subscriptions, in bytes.
  private static let groupBytes = 1024

  /// How much one client may register.
  package let limits: Limits
  /// `notifyConsumerIdsChangedEnable` of the broker: whether members are told of changes at all.
  package var notifies: Bool
  private var clients: [UInt64: Client] = [:]
  private var producers: [ExactName: GroupMembers] = [:]
  /// Where the client of an id is that produces; of several with one id the one whose heartbeat came
  /// last.
  private var producersByID: [ExactName: UInt64] = [:]
  private var consumers = ByteKeyedTable<ConsumerGroup>()
  /// The members of each of ``consumers``, apart from it so that they change in place.
  private var members: [ExactName: GroupMembers] = [:]
  private var changedGroups: Set<ExactName> = []
  private var emptiedGroups: Set<ExactName> = []

  /// Makes an empty table.
  package init(notifies: Bool = true, limits: Limits = Limits(), seed: UInt64 = 0) {
    self.notifies = notifies
    self.limits = limits
    self.consumers = ByteKeyedTable(seed: seed)
  }

  /// About how much memory the groups of all clients take, in bytes.
  package private(set) var bytes = 0

  /// How many connections sent a heartbeat.
  package var clientCount: Int { clients.count }

  /// Every connection that sent a heartbeat, in no order.
  package var all: some Sequence<Client> { clients.values }

  // MARK: Inputs

  /// A heartbeat's sender; to be called before its groups are registered. A connection that changes its client id keeps
  /// its groups.
  package mutating func seen(
    _ connection: UInt64, id: String, language: Language, version: Int32, address: HostAddress, now: MonotonicTime
  ) throws(Excess) {
    guard !id.isEmpty, id.utf8.count <= limits.clientIDBytes else { throw .clientID }
    var client =
      clients[connection] ?? Client(id: id, language: language, version: version, address: address, lastSeen: now)
    if ExactName(client.id) != ExactName(id) { forgetProducer(connection, client.id) }
    if !client.producerGroups.isEmpty { producersByID[ExactName(id)] = connection }
    client.id = id
    client.language = language
    client.version = version
    client.lastSeen = now
    clients[connection] = client
  }

  /// A heartbeat lists a producer group.
  package mutating func register(producer group: String, on connection: UInt64) throws(Excess) {
    guard let client = clients[connection] else { preconditionFailure("a group without a heartbeat") }
    let name = ExactName(group)
    if client.producerGroups.contains(name) { return }
    guard client.producerGroups.count < limits.groupsPerConnection else { throw .groups }
    try take(Self.membershipBytes(of: group))
    clients[connection]?.producerGroups.insert(name)
    producers[name, default: GroupMembers()].add(connection)
    producersByID[ExactName(client.id)] = connection
  }

  /// A heartbeat lists a consumer group with everything it subscribes to. The members are told when that changed the
  /// group: a new member, a topic more or a topic less. `notifies` is the group's own `notifyConsumerIdsChangedEnable`.
  /// Returns whether the group changed.
  @discardableResult
  package mutating func register(
    consumer group: String, profile: ConsumerProfile, subscriptions: [GroupSubscription], notifies groupNotifies: Bool,
    on connection: UInt64
  ) throws(Excess) -> Bool {
    guard let client = clients[connection] else { preconditionFailure("a group without a heartbeat") }
    guard subscriptions.count <= limits.subscriptionsPerGroup else { throw .subscriptions(group: group) }
    let groupName = ExactName(group)
    let isNew = !client.consumerGroups.contains(groupName)
    guard !isNew || client.consumerGroups.count < limits.groupsPerConnection else { throw .groups }
    var entry = consumers[group] ?? ConsumerGroup(name: group, profile: profile)
    entry.profile = profile
    var changed = isNew
    if Self.update(&entry.subscriptions, with: subscriptions) { changed = true }
    // Of what is known now: a subscription of an older version does not take the place of a longer one.
    let subscribed = entry.subscriptions.values.reduce(0) { $0 + $1.bytes }
    guard subscribed <= limits.subscriptionBytesPerGroup else { throw .subscriptionBytes(group: group) }
    let before = entry.bytes
    entry.bytes = Self.groupBytes + subscribed
    try take(entry.bytes - before + (isNew ? Self.membershipBytes(of: group) : 0))
    if isNew {
      clients[connection]?.consumerGroups.insert(groupName)
      members[groupName, default: GroupMembers()].add(connection)
    }
    consumers.update(entry, forKey: group)
    if changed, groupNotifies, notifies { changedGroups.insert(groupName) }
    return changed
  }

  private static func membershipBytes(of group: String) -> Int { membershipOverhead + group.utf8.count }

  /// Counts memory that is taken, or given back where it is negative, which is never refused.
  private mutating func take(_ count: Int) throws(Excess) {
    guard count <= 0 || bytes + count <= limits.bytes else { throw .bytes }
    bytes += count
  }

  /// Takes over newer subscriptions; returns whether a topic came or went.
  private static func update(
    _ known: inout ByteKeyedTable<GroupSubscription>, with subscriptions: [GroupSubscription]
  ) -> Bool {
    var changed = false
    var named: Set<ExactName> = []
    for subscription in subscriptions {
      named.insert(ExactName(subscription.topic))
      if let previous = known[subscription.topic] {
        if subscription.replaces(previous) { known.update(subscription, forKey: subscription.topic) }
      } else {
        known.update(subscription, forKey: subscription.topic)
        changed = true
      }
    }
    if known.count > named.count {
      for previous in known.values where !named.contains(ExactName(previous.topic)) { known.remove(previous.topic) }
      changed = true
    }
    return changed
  }

  /// A client leaves a producer group.
  package mutating func unregister(producer group: String, on connection: UInt64) {
    guard clients[connection]?.producerGroups.remove(ExactName(group)) != nil else { return }
    removeProducer(connection, from: ExactName(group))
    if let client = clients[connection], client.producerGroups.isEmpty { forgetProducer(connection, client.id) }
  }

  /// A client leaves a consumer group; the others are told. `notifies` is the group's own setting.
  package mutating func unregister(consumer group: String, notifies groupNotifies: Bool, on connection: UInt64) {
    guard clients[connection]?.consumerGroups.remove(ExactName(group)) != nil else { return }
    removeConsumer(connection, from: ExactName(group), notifies: groupNotifies)
  }

  /// A connection closed: it leaves all its groups, and the other members of the consumer groups are told.
  package mutating func connectionClosed(_ connection: UInt64) {
    guard let client = clients.removeValue(forKey: connection) else { return }
    for group in client.producerGroups { removeProducer(connection, from: group) }
    forgetProducer(connection, client.id)
    for group in client.consumerGroups { removeConsumer(connection, from: group, notifies: true) }
  }

  /// The members to be told, of all groups that changed since the last call.
  package mutating func takeNotices() -> [Notice] {
    guard !changedGroups.isEmpty else { return [] }
    let groups = changedGroups.sorted { $0.text < $1.text }
    changedGroups.removeAll()
    return groups.compactMap { group in
      members[group].map { Notice(group: group.text, connections: $0.connections) }
    }
  }

  /// The consumer groups that lost their last member since the last call; some may have one again.
  package mutating func takeEmptied() -> Set<String> {
    guard !emptiedGroups.isEmpty else { return [] }
    defer { emptiedGroups.removeAll() }
    return Set(emptiedGroups.map(\.text).filter { consumers[$0] == nil })
  }

  /// The connections whose last heartbeat is ``expiry`` old: the shell closes them, which leads to
  /// ``connectionClosed(_:)``.
  package func expired(now: MonotonicTime) -> [UInt64] {
    clients.filter { now - $0.value.lastSeen > Self.expiry }.map(\.key).sorted()
  }

  private mutating func removeProducer(_ connection: UInt64, from group: ExactName) {
    bytes -= Self.membershipBytes(of: group.text)
    producers[group]?.remove(connection)
    if producers[group]?.isEmpty ?? false { producers[group] = nil }
  }

  private mutating func forgetProducer(_ connection: UInt64, _ id: String) {
    if producersByID[ExactName(id)] == connection { producersByID[ExactName(id)] = nil }
  }

  private mutating func removeConsumer(_ connection: UInt64, from group: ExactName, notifies groupNotifies: Bool) {
    bytes -= Self.membershipBytes(of: group.text)
    members[group]?.remove(connection)
    if members[group]?.isEmpty ?? true {
      members[group] = nil
      bytes -= consumers.remove(group.text)?.bytes ?? 0
      changedGroups.remove(group)
      emptiedGroups.insert(group)
      return
    }
    if groupNotifies, notifies { changedGroups.insert(group) }
  }

  // MARK: Questions

  /// What is known about a connection that sent a heartbeat.
  package func client(on connection: UInt64) -> Client? { clients[connection] }

  /// The connections of a producer group, in the order they came; nil when there are none.
  package func producers(of group: String) -> [UInt64]? { producers[ExactName(group)]?.connections }

  /// The connection of the client with an id that is in a producer group; of several the one whose heartbeat came last.
  package func producer(clientID: String) -> UInt64? { producersByID[ExactName(clientID)] }

  /// The producer groups that have members, sorted.
  package var producerGroups: [String] { producers.keys.map(\.text).sorted() }

  /// The consumer groups whose members subscribe to a topic, sorted. Looks at every group.
  package func groups(subscribedTo topic: String) -> [String] {
    consumers.values.filter { $0.subscriptions[topic] != nil }.map(\.name).sorted()
  }

  /// The connection of a consumer group's member with an id; of several the one that came last.
  package func consumer(clientID: String, group: String) -> UInt64? {
    let id = ExactName(clientID)
    return consumers(of: group)?.last { clients[$0].map { ExactName($0.id) } == id }
  }

  /// The connections of a consumer group, in the order they came; nil when there are none.
  package func consumers(of group: String) -> [UInt64]? { members[ExactName(group)]?.connections }

  /// How a consumer group consumes; nil when it has no members.
  package func profile(of group: RawSpan) -> ConsumerProfile? { consumers[group]?.profile }

  /// How a consumer group consumes; nil when it has no members.
  package func profile(of group: String) -> ConsumerProfile? { consumers[group]?.profile }

  /// What a consumer group wants of a topic; nil when it has no members or does not subscribe to it.
  package func subscription(group: RawSpan, topic: RawSpan) -> GroupSubscription? {
    consumers[group]?.subscriptions[topic]
  }

  /// All that a consumer group subscribes to, by topic.
  package func subscriptions(of group: String) -> [GroupSubscription] {
    (consumers[group]?.subscriptions.values ?? []).sorted { $0.topic < $1.topic }
  }
}
