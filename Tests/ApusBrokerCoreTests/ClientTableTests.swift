import ApusBase
import ApusFilter
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBrokerCore

@Suite struct ClientTableTests {
  let start = MonotonicTime(nanoseconds: 0)
  let profile = ConsumerProfile(
    consumeType: .passively, messageModel: .clustering, consumeFromWhere: .lastOffset)

  func heartbeat(
    _ table: inout ClientTable, on connection: UInt64, group: String = "g", topics: [String] = ["T"],
    version: Int64 = 1,
    notifies: Bool = true, after: Duration = .zero
  ) throws {
    try table.seen(
      connection, id: "client-\(connection)", language: .java, version: 409, address: HostAddress(ipv4: 1, port: 2),
      now: start + after)
    try table.register(
      consumer: group, profile: profile,
      subscriptions: topics.map {
        GroupSubscription(SubscriptionData(topic: $0, expression: "v\(version)", version: version))
      },
      notifies: notifies, on: connection)
  }

  func find(_ table: ClientTable, _ topic: String) -> GroupSubscription? {
    table.subscription(group: Array("g".utf8).rawSpan, topic: Array(topic.utf8).rawSpan)
  }

  @Test func `members are told of a new member, and of nothing when nothing changed`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    #expect(table.takeNotices() == [.init(group: "g", connections: [1])])
    try heartbeat(&table, on: 2)
    #expect(table.takeNotices() == [.init(group: "g", connections: [1, 2])])
    try heartbeat(&table, on: 1)
    #expect(table.takeNotices().isEmpty)
    #expect(table.consumers(of: "g") == [1, 2])
  }

  @Test func `a condition that had no room before counts from the next heartbeat on`() throws {
    let data = SubscriptionData(topic: "T", expression: "a = 1", expressionType: "SQL92", version: 3)
    var filters = ConsumerFilters(bloom: .standard, lifetime: .seconds(1), now: WallTime(milliseconds: 1))
    filters.register(group: "g", subscriptions: [data], now: WallTime(milliseconds: 2))
    let filter = try #require(filters.filter(topic: "T", group: "g"))
    var table = ClientTable()
    try heartbeat(&table, on: 1, topics: [])
    for known in [nil, filter, nil] {
      try table.register(
        consumer: "g", profile: profile, subscriptions: [GroupSubscription(data, filter: known)], notifies: true, on: 1)
      if known != nil { #expect(find(table, "T")?.conditionVersion == 3) }
    }
    // What is known of a version does not get lost.
    #expect(find(table, "T")?.condition != nil)
  }

  @Test func `a producer is found by its id while it is in a group`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    #expect(table.producer(clientID: "client-1") == nil)
    try table.register(producer: "p", on: 1)
    #expect(table.producer(clientID: "client-1") == 1)
    try table.seen(
      2, id: "client-1", language: .java, version: 409, address: HostAddress(ipv4: 1, port: 3), now: start)
    try table.register(producer: "p", on: 2)
    #expect(table.producer(clientID: "client-1") == 2)
    table.connectionClosed(1)
    #expect(table.producer(clientID: "client-1") == 2)
    try table.seen(
      2, id: "client-2", language: .java, version: 409, address: HostAddress(ipv4: 1, port: 3), now: start)
    #expect(table.producer(clientID: "client-1") == nil)
    #expect(table.producer(clientID: "client-2") == 2)
    table.unregister(producer: "p", on: 2)
    #expect(table.producer(clientID: "client-2") == nil)
  }

  @Test func `a topic more or less is told, a newer version is not`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    _ = table.takeNotices()
    try heartbeat(&table, on: 1, topics: ["T", "U"])
    #expect(table.takeNotices().count == 1)
    try heartbeat(&table, on: 1, topics: ["U"])
    #expect(table.takeNotices().count == 1)
    #expect(find(table, "T") == nil)
    try heartbeat(&table, on: 1, topics: ["U"], version: 2)
    #expect(table.takeNotices().isEmpty)
    #expect(find(table, "U")?.version == 2)
    try heartbeat(&table, on: 1, topics: ["U"], version: 1)
    #expect(find(table, "U")?.data.expression == "v2")
  }

  @Test func `a closed connection leaves all groups and the others are told once`() throws {
    var table = ClientTable()
    for connection in 1...3 {
      try heartbeat(&table, on: UInt64(connection))
      try table.register(producer: "p", on: UInt64(connection))
    }
    _ = table.takeNotices()
    table.connectionClosed(1)
    table.connectionClosed(2)
    table.connectionClosed(9)
    #expect(table.takeNotices() == [.init(group: "g", connections: [3])])
    #expect(table.producers(of: "p") == [3])
    table.connectionClosed(3)
    #expect(table.takeNotices().isEmpty)
    #expect(table.consumers(of: "g") == nil)
    #expect(table.producers(of: "p") == nil)
    #expect(table.clientCount == 0)
  }

  @Test func `a consumer is found by the bytes of its id`() throws {
    var table = ClientTable()
    for (connection, id) in [(1, "caf\u{E9}"), (2, "cafe\u{301}")] as [(UInt64, String)] {
      try table.seen(
        connection, id: id, language: .java, version: 409, address: HostAddress(ipv4: 1, port: 2), now: start)
      try table.register(consumer: "g", profile: profile, subscriptions: [], notifies: true, on: connection)
    }
    #expect(table.consumer(clientID: "caf\u{E9}", group: "g") == 1)
    #expect(table.consumer(clientID: "cafe\u{301}", group: "g") == 2)
  }

  /// When each that leaves looks through all others this takes an hour.
  @Test(.timeLimit(.minutes(10))) func `all members of a large group leave at once`() throws {
    var table = ClientTable()
    let all = Array(UInt64(1)...100_000)
    for connection in all {
      try heartbeat(&table, on: connection)
      try table.register(producer: "p", on: connection)
    }
    for connection in all where connection % 3 != 0 { table.connectionClosed(connection) }
    let left = all.filter { $0 % 3 == 0 }
    let (consumers, producers, notices) = (table.consumers(of: "g"), table.producers(of: "p"), table.takeNotices())
    #expect(consumers == left)
    #expect(producers == left)
    #expect(notices == [.init(group: "g", connections: left)])
    try heartbeat(&table, on: 1)
    let last = table.consumers(of: "g")?.last
    #expect(last == 1)
    for connection in all { table.connectionClosed(connection) }
    #expect(table.clientCount == 0)
    #expect(table.bytes == 0)
  }

  @Test func `unregistering leaves one group and keeps the others`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    try heartbeat(&table, on: 1, group: "h")
    try heartbeat(&table, on: 2)
    _ = table.takeNotices()
    table.unregister(consumer: "g", notifies: true, on: 1)
    table.unregister(consumer: "g", notifies: true, on: 1)
    #expect(table.takeNotices() == [.init(group: "g", connections: [2])])
    #expect(table.consumers(of: "h") == [1])
    table.unregister(producer: "never", on: 1)
    table.unregister(producer: "never", on: 77)
    #expect(table.client(on: 1)?.consumerGroups == ["h"])
  }

  @Test func `nobody is told where the group or the broker says so`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1, notifies: false)
    try heartbeat(&table, on: 2, notifies: false)
    table.unregister(consumer: "g", notifies: false, on: 2)
    #expect(table.takeNotices().isEmpty)
    table.notifies = false
    try heartbeat(&table, on: 3)
    table.connectionClosed(3)
    #expect(table.takeNotices().isEmpty)
  }

  @Test func `names the connections that fell silent`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    try heartbeat(&table, on: 2, after: .seconds(60))
    #expect(table.expired(now: start + .seconds(120)).isEmpty)
    #expect(table.expired(now: start + .seconds(121)) == [1])
    try heartbeat(&table, on: 1, after: .seconds(121))
    #expect(table.expired(now: start + .seconds(150)).isEmpty)
  }

  @Test func `tells once which groups lost their last member`() throws {
    var table = ClientTable()
    try heartbeat(&table, on: 1)
    try heartbeat(&table, on: 2)
    try heartbeat(&table, on: 1, group: "h")
    table.connectionClosed(1)
    #expect(table.takeEmptied() == ["h"])
    #expect(table.takeEmptied().isEmpty)
    table.unregister(consumer: "g", notifies: true, on: 2)
    try heartbeat(&table, on: 2)
    #expect(table.takeEmptied().isEmpty)
  }

  @Test func `two spellings of a name are two groups and two topics, of which nothing is left behind`() throws {
    var table = ClientTable()
    let (one, other) = ("caf\u{E9}", "cafe\u{301}")
    try heartbeat(&table, on: 1, group: one)
    try heartbeat(&table, on: 1, group: other)
    #expect(table.consumers(of: one) == [1])
    #expect(table.consumers(of: other) == [1])
    table.unregister(consumer: other, notifies: true, on: 1)
    #expect(table.consumers(of: one) == [1])
    #expect(table.consumers(of: other) == nil)
    table.connectionClosed(1)
    #expect(table.consumers(of: one) == nil)
    try heartbeat(&table, on: 2, topics: [one])
    try heartbeat(&table, on: 2, topics: [other])
    #expect(find(table, one) == nil)
    #expect(find(table, other) != nil)
  }

  @Test func `refuses more than its limits`() throws {
    var limits = ClientTable.Limits()
    limits.groupsPerConnection = 2
    limits.subscriptionsPerGroup = 3
    limits.clientIDBytes = 8
    var table = ClientTable(limits: limits)
    try heartbeat(&table, on: 1, group: "a")
    try heartbeat(&table, on: 1, group: "b")
    #expect(throws: ClientTable.Excess.groups) { try heartbeat(&table, on: 1, group: "c") }
    try heartbeat(&table, on: 1, group: "a")
    #expect(throws: ClientTable.Excess.subscriptions(group: "a")) {
      try heartbeat(&table, on: 1, group: "a", topics: ["1", "2", "3", "4"])
    }
    #expect(throws: ClientTable.Excess.clientID) { try heartbeat(&table, on: 1_000_000) }
    try table.register(producer: "a", on: 1)
    try table.register(producer: "b", on: 1)
    #expect(throws: ClientTable.Excess.groups) { try table.register(producer: "c", on: 1) }
  }

  @Test func `refuses what would take too much memory, and has room again when clients leave`() throws {
    var limits = ClientTable.Limits()
    limits.subscriptionBytesPerGroup = 2000
    limits.bytes = 8000
    var table = ClientTable(limits: limits)
    let long = String(repeating: "t", count: 2000)
    #expect(throws: ClientTable.Excess.subscriptionBytes(group: "g")) { try heartbeat(&table, on: 1, topics: [long]) }
    #expect(table.consumers(of: "g") == nil)
    #expect(table.bytes == 0)
    for group in ["a", "b", "c", "d", "e"] { try heartbeat(&table, on: 1, group: group) }
    let full = table.bytes
    #expect((6000...8000).contains(full))
    #expect(throws: ClientTable.Excess.bytes) { try heartbeat(&table, on: 2, group: "f") }
    try heartbeat(&table, on: 1, group: "a")
    #expect(table.bytes == full)
    table.unregister(consumer: "e", notifies: true, on: 1)
    try heartbeat(&table, on: 2, group: "f")
    #expect(throws: ClientTable.Excess.bytes) { try table.register(producer: "p", on: 2) }
    table.unregister(consumer: "f", notifies: true, on: 2)
    try table.register(producer: "p", on: 2)
    table.connectionClosed(1)
    table.connectionClosed(2)
    #expect(table.bytes == 0)
  }

  @Test func `all subscriptions of a group count together`() throws {
    var limits = ClientTable.Limits()
    limits.subscriptionBytesPerGroup = 6000
    var table = ClientTable(limits: limits)
    let (one, other) = (String(repeating: "1", count: 3000), String(repeating: "2", count: 3000))
    try heartbeat(&table, on: 1, topics: [one])
    #expect(throws: ClientTable.Excess.subscriptionBytes(group: "g")) {
      try heartbeat(&table, on: 1, topics: [one, other])
    }
    try heartbeat(&table, on: 1, topics: [other])
    #expect(find(table, one) == nil)
    #expect(find(table, other) != nil)
  }

  @Test func `filters by the expression, whatever tags the client lists`() {
    let subscription = GroupSubscription(SubscriptionData(topic: "T", expression: "a || b"))
    #expect(subscription.filter?.matches(tagsCode: 98) == true)
    #expect(subscription.filter?.matches(tagsCode: 99) == false)
    #expect(GroupSubscription(SubscriptionData(topic: "T", expression: "a = 1", expressionType: "SQL92")).filter == nil)
  }
}
