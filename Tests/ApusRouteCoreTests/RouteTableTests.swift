import ApusBase
import ApusModel
import ApusRouteCore
import Testing

@Suite struct RouteTableTests {
  private var table = RouteTable()

  private func route(_ topic: String, _ form: RouteForm = .fastjson) -> String? {
    var table = table
    return table.answer(topic, form)
  }

  // MARK: Routes

  @Test mutating func `answers a route with quoted keys only in the standard form`() {
    table.add(.master("a"), topics: [.named("T", queues: 4)])
    table.add(.replica("a"))
    let rest = #""brokerName":"a","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"a","perm":6,"#
    let queues = #""readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}"#
    #expect(route("T") == #"{"brokerDatas":[{"brokerAddrs":{0:"a-0:10911",1:"a-1:10911"},"# + rest + queues)
    #expect(
      route("T", .standard) == #"{"brokerDatas":[{"brokerAddrs":{"0":"a-0:10911","1":"a-1:10911"},"# + rest + queues)
  }

  @Test func `knows no route of an unknown topic`() {
    #expect(route("T") == nil)
  }

  @Test mutating func `answers the newest state although routes are kept encoded`() {
    table.add(.master("a"), topics: [.named("T")])
    #expect(table.answer("T") != nil)
    table.add(.master("b"), topics: [.named("T")])
    #expect(route("T")?.contains("b-0:10911") == true)
    table.add(.replica("b"))
    #expect(route("T")?.contains("b-1:10911") == true)
    #expect(table.answer("T") == table.answer("T"))
    table.replaceOrderTopics(["T": "a:4"])
    #expect(route("T")?.contains(#""filterServerTable":{},"orderTopicConf":"a:4","queueDatas""#) == true)
    table.replaceOrderTopics([:])
    #expect(route("T")?.contains("orderTopicConf") == false)
  }

  @Test mutating func `names the filter servers of a broker in its routes`() {
    table.add(.master("a"), topics: [.named("T")], filterServers: ["f:1"])
    #expect(route("T")?.contains(#""filterServerTable":{"a-0:10911":["f:1"]}"#) == true)
    table.add(.master("a"), version: 1, filterServers: [])
    #expect(route("T")?.contains(#""filterServerTable":{}"#) == true)
  }

  @Test mutating func `every change of a topic shows although its route was encoded before`() {
    table.add(.master("a"), topics: [.named("T"), .named("U")])
    func routes() -> [String?] { [route("T"), route("U")] }
    let first = routes()
    _ = [table.answer("T"), table.answer("U"), table.answer("T", .standard)]
    #expect(routes() == first)
    _ = table.allowWriting(false, to: "a")
    #expect(route("T")?.contains(#""perm":4"#) == true)
    #expect(route("T", .standard)?.contains(#""perm":4"#) == true)
    _ = [table.answer("T"), table.answer("U")]
    table.add(.master("a"), topics: [.named("T", queues: 3)], version: 2)
    #expect(route("T")?.contains(#""readQueueNums":3"#) == true)
    _ = table.answer("T")
    table.deleteTopic("T")
    #expect(route("T") == nil)
    #expect(route("U") != nil)
    _ = table.answer("U")
    table.unregister(.master("a"))
    #expect(route("U") == nil)
  }

  @Test mutating func `a topic is found by its very bytes only`() {
    table.add(.master("a"), topics: [.named("caf\u{E9}"), .named("T\u{FFFD}")])
    #expect(route("caf\u{E9}") != nil)
    #expect(route("cafe\u{301}") == nil)
    let broken: [UInt8] = [UInt8(ascii: "T"), 0xFF]
    #expect(table.route(of: broken.rawSpan, form: .standard) == nil)
    _ = table.answer("caf\u{E9}")
    table.add(.master("a"), topics: [.named("cafe\u{301}", queues: 3)], version: 2)
    #expect(route("cafe\u{301}")?.contains(#""readQueueNums":3"#) == true)
  }

  // MARK: Registration

  @Test mutating func `accepts topics from a master only`() {
    table.add(.replica("a"), topics: [.named("T")])
    #expect(table.allTopics == [])
    table.add(.master("a"), topics: [.named("T")])
    #expect(table.allTopics == ["T"])
  }

  @Test mutating func `takes topics at the first registration and when the data version differs`() {
    table.add(.master("a"), topics: [.named("T", queues: 1)], version: 1)
    table.add(.master("a"), topics: [.named("T", queues: 2), .named("U")], version: 1)
    #expect(table.allTopics == ["T"])
    #expect(route("T")?.contains(#""readQueueNums":1"#) == true)
    table.add(.master("a"), topics: [.named("T", queues: 2)], version: 2)
    #expect(route("T")?.contains(#""readQueueNums":2"#) == true)
  }

  @Test mutating func `keeps topics that a registration does not name`() {
    table.add(.master("a"), topics: [.named("T"), .named("U")], version: 1)
    table.add(.master("a"), topics: [.named("U", queues: 3)], version: 2)
    #expect(table.allTopics == ["T", "U"])
  }

  @Test mutating func `takes topics without a data version every time`() {
    table.add(.master("a"), topics: [.named("T")], version: nil)
    table.add(.master("a"), topics: [.named("U")], version: nil)
    #expect(table.allTopics == ["T", "U"])
  }

  @Test mutating func `tells a replica where its master is`() {
    #expect(table.add(.replica("a")) == .registered(masterAddress: nil, haServerAddress: nil))
    #expect(table.add(.master("a")) == .registered(masterAddress: nil, haServerAddress: nil))
    #expect(table.add(.replica("a")) == .registered(masterAddress: "a-0:10911", haServerAddress: "a-0:10911+1"))
  }

  @Test mutating func `lists an address once within its group`() {
    table.add(.replica("a"))
    var promoted = BrokerIdentity.replica("a")
    promoted.brokerID = 0
    table.add(promoted, topics: [.named("T")])
    #expect(route("T")?.contains(#"{0:"a-1:10911"}"#) == true)
  }

  @Test mutating func `moves a broker that comes back under another name or cluster`() {
    table.add(.master("a"), topics: [.named("T")])
    var renamed = BrokerIdentity.master("b")
    renamed.address = "a-0:10911"
    table.add(renamed, topics: [.named("U")])
    #expect(table.allTopics == ["U"])
    renamed.cluster = "D"
    table.add(renamed, version: 2)
    #expect(table.clusterInfo["clusterAddrTable"] == .object([JSONMember("D", .array([.string("b")]))]))
    #expect(table.topics(inCluster: "D") == ["U"])
    #expect(table.topics(inCluster: "C") == [])
  }

  @Test func `refuses what exceeds its limits and changes nothing`() {
    var table = RouteTable(limits: RouteLimits(brokers: 2, queueEntries: 3))
    table.add(.master("a"), topics: [.named("T"), .named("U")])
    #expect(table.add(.master("b"), topics: [.named("T"), .named("U")]) == .full)
    #expect(table.clusterInfo["brokerAddrTable"]?.members?.count == 1)
    // Topics already there need no room.
    #expect(table.add(.master("a"), topics: [.named("T"), .named("U"), .named("V")], version: 2) != .full)
    #expect(table.add(.replica("a")) != .full)
    #expect(table.add(.replica("c")) == .full)
    table.unregister(.master("a"))
    table.unregister(.replica("a"))
    #expect(table.add(.master("b"), topics: [.named("T"), .named("U"), .named("V")]) != .full)
  }

  // MARK: Data version

  @Test mutating func `compares data versions and counts only agreement as a sign of life`() {
    let start = MonotonicTime(nanoseconds: 0)
    #expect(table.compare(.number(1), of: "a-0:10911", over: .one, now: start) == (true, nil))
    table.add(.master("a"), version: 1, now: start)
    #expect(table.compare(.number(1), of: "a-0:10911", over: .one, now: start + .seconds(100)) == (false, .number(1)))
    #expect(table.compare(.number(2), of: "a-0:10911", over: .one, now: start + .seconds(200)) == (true, .number(1)))
    #expect(table.scan(now: start + .seconds(220)).isEmpty)
    #expect(table.scan(now: start + .seconds(221)).map(\.address) == ["a-0:10911"])
  }

  @Test mutating func `a comparison over a new connection moves the broker to it`() {
    table.add(.master("a"), topics: [.named("T")], link: .one)
    #expect(table.compare(.number(1), of: "a-0:10911", over: .two, now: .zero) == (false, .number(1)))
    #expect(table.connectionLost(.one) == [])
    #expect(table.connectionLost(.two) == ["a-0:10911"])
  }

  // MARK: Leaving

  @Test mutating func `removes a broker that is silent for more than 120 seconds`() {
    table.add(.master("a"), topics: [.named("T")], link: .one, now: .zero)
    table.add(.master("b"), topics: [.named("T")], link: .two, now: .zero + .seconds(60))
    #expect(table.scan(now: .zero + .seconds(120)).isEmpty)
    let expired = table.scan(now: .zero + .seconds(121))
    #expect(expired.map(\.address) == ["a-0:10911"])
    #expect(expired.map(\.link) == [.one])
    #expect(route("T")?.contains("a-0") == false)
    #expect(table.connectionLost(.one) == [])
  }

  @Test mutating func `removes the brokers of a lost connection at once`() {
    table.add(.master("a"), topics: [.named("T")], link: .one)
    table.add(.replica("a"), link: .two)
    #expect(table.connectionLost(.one) == ["a-0:10911"])
    #expect(route("T")?.contains(#"{1:"a-1:10911"}"#) == true)
    #expect(table.connectionLost(.two) == ["a-1:10911"])
    #expect(table.allTopics == [])
    #expect(table.systemTopics.topics == [])
  }

  @Test mutating func `the end of an old connection does not remove a broker that came back`() {
    table.add(.master("a"), topics: [.named("T")], link: .one)
    table.add(.master("a"), topics: [.named("T")], link: .two)
    #expect(table.connectionLost(.one) == [])
    #expect(table.allTopics == ["T"])
  }

  @Test mutating func `the last broker of a group takes its queues and its cluster with it`() {
    table.add(.master("a"), topics: [.named("T"), .named("U")])
    table.add(.replica("a"))
    table.add(.master("b"), topics: [.named("T")])
    table.unregister(.master("a"))
    #expect(table.allTopics == ["T", "U"])
    table.unregister(.replica("a"))
    #expect(table.allTopics == ["T"])
    table.unregister(.master("b"))
    #expect(table.allTopics == [])
    #expect(
      table.clusterInfo == (JSONValue(members: ["brokerAddrTable": .object([]), "clusterAddrTable": .object([])])))
  }

  @Test mutating func `a replaced broker that leaves late does not remove its successor`() {
    table.add(.master("a"), topics: [.named("T")])
    var successor = BrokerIdentity.master("a")
    successor.address = "new:10911"
    table.add(successor, version: 2)
    table.unregister(.master("a"))
    #expect(route("T")?.contains(#"{0:"new:10911"}"#) == true)
  }

  @Test mutating func `a broker whose successor has left again is asked to register`() {
    table.add(.master("a"), topics: [.named("T")], link: .one)
    var successor = BrokerIdentity.master("a")
    successor.address = "new:10911"
    table.add(successor, topics: [.named("T")], version: 2, link: .two)
    // As long as the successor is there, both would take the number from each other.
    #expect(table.compare(.number(1), of: "a-0:10911", over: .one, now: .zero) == (false, .number(1)))
    table.unregister(successor)
    #expect(route("T") == nil)
    #expect(table.compare(.number(1), of: "a-0:10911", over: .one, now: .zero) == (true, .number(1)))
    table.add(.master("a"), topics: [.named("T")], link: .one)
    #expect(route("T")?.contains("a-0:10911") == true)
    #expect(table.compare(.number(1), of: "a-0:10911", over: .one, now: .zero) == (false, .number(1)))
  }

  @Test(.timeLimit(.minutes(1)))
  mutating func `groups that come and go cost nothing for the topics of others`() {
    table.add(.master("a"), topics: (0..<20_000).map { TopicConfig.named("T\($0)") }, link: .one)
    for number in 0..<9_000 { table.add(.master("x\(number)"), topics: [.named("U\(number)")], link: .two) }
    #expect(table.connectionLost(.two).count == 9_000)
    #expect(table.allTopics.count == 20_000)
    #expect(table.allowWriting(false, to: "a") == 20_000)
  }

  @Test mutating func `a group that comes back has the topics that it registers then`() {
    table.add(.master("a"), topics: [.named("T"), .named("U")])
    table.add(.master("b"), topics: [.named("T")])
    table.deleteTopic("T")
    #expect(table.allowWriting(false, to: "a") == 1)
    table.unregister(.master("a"))
    #expect(table.allTopics == [])
    table.add(.master("a"), topics: [.named("T")], version: 2)
    #expect(table.allTopics == ["T"])
    #expect(table.allowWriting(false, to: "b") == 0)
  }

  // MARK: Administering

  @Test mutating func `takes and gives the write permission of one group`() {
    table.add(.master("a"), topics: [.named("T"), .named("TBW102", permission: [.read, .write, .inherit])])
    table.add(.master("b"), topics: [.named("T")])
    #expect(table.allowWriting(false, to: "a") == 2)
    #expect(route("T")?.contains(#"{"brokerName":"a","perm":4"#) == true)
    #expect(route("T")?.contains(#"{"brokerName":"b","perm":6"#) == true)
    #expect(route("TBW102")?.contains(#""perm":5"#) == true)
    #expect(table.allowWriting(true, to: "a") == 2)
    #expect(route("TBW102")?.contains(#""perm":7"#) == true)
    #expect(table.allowWriting(false, to: "none") == 0)
  }

  @Test mutating func `a wiped permission lasts until the data version changes`() {
    table.add(.master("a"), topics: [.named("T")], version: 1)
    _ = table.allowWriting(false, to: "a")
    table.add(.master("a"), topics: [.named("T")], version: 1)
    #expect(route("T")?.contains(#""perm":4"#) == true)
    table.add(.master("a"), topics: [.named("T")], version: 2)
    #expect(route("T")?.contains(#""perm":6"#) == true)
  }

  @Test mutating func `deletes a topic everywhere or in one cluster`() {
    var other = BrokerIdentity.master("b")
    other.cluster = "D"
    table.add(.master("a"), topics: [.named("T"), .named("U")])
    table.add(other, topics: [.named("T")])
    table.deleteTopic("T", inCluster: "C")
    #expect(route("T")?.contains(#""brokerName":"a""#) == false)
    table.deleteTopic("U", inCluster: "none")
    #expect(table.allTopics == ["T", "U"])
    table.deleteTopic("T")
    table.deleteTopic("none")
    #expect(table.allTopics == ["U"])
  }

  // MARK: Lists

  @Test mutating func `lists unit topics by their flags`() {
    table.add(
      .master("a"),
      topics: [.named("plain"), .named("unit", flags: 1), .named("subscribed", flags: 2), .named("both", flags: 3)])
    #expect(table.topics(.unit) == ["both", "unit"])
    #expect(table.topics(.withUnitSubscribers) == ["both", "subscribed"])
    #expect(table.topics(.withUnitSubscribersOnly) == ["subscribed"])
  }

  @Test mutating func `lists clusters and groups as system topics`() {
    #expect(table.systemTopics.brokerAddress == nil)
    table.add(.master("b"))
    table.add(.master("a"))
    #expect(table.systemTopics.topics == ["C", "a", "b"])
    #expect(table.systemTopics.brokerAddress == "a-0:10911")
  }

  @Test mutating func `describes clusters with unquoted broker numbers`() {
    table.add(.master("a"))
    table.add(.replica("a"))
    #expect(
      table.clusterInfo.text() == #"{"brokerAddrTable":{"a":{"brokerAddrs":{0:"a-0:10911",1:"a-1:10911"},"#
        + #""brokerName":"a","cluster":"C"}},"clusterAddrTable":{"C":["a"]}}"#)
  }
}

extension RouteTable {
  fileprivate mutating func answer(_ topic: String, _ form: RouteForm = .fastjson) -> String? {
    let bytes = Array(topic.utf8)
    return route(of: bytes.rawSpan, form: form).map { String(decoding: $0, as: UTF8.self) }
  }

  @discardableResult
  fileprivate mutating func add(
    _ broker: BrokerIdentity, topics: [TopicConfig] = [], version: Int64? = 1, filterServers: [String]? = nil,
    link: RouteLink = .one, now: MonotonicTime = .zero
  ) -> RegistrationOutcome {
    register(
      BrokerRegistration(
        broker: broker, haServerAddress: broker.address + "+1", topics: topics,
        dataVersion: version.map { .number($0) }, filterServers: filterServers),
      over: link, now: now)
  }
}

extension BrokerIdentity {
  fileprivate static func master(_ name: String) -> BrokerIdentity {
    BrokerIdentity(cluster: "C", brokerName: name, brokerID: 0, address: name + "-0:10911")
  }

  fileprivate static func replica(_ name: String) -> BrokerIdentity {
    BrokerIdentity(cluster: "C", brokerName: name, brokerID: 1, address: name + "-1:10911")
  }
}

extension TopicConfig {
  fileprivate static func named(
    _ name: String, queues: Int32 = 8, permission: Permission = .readWrite, flags: Int32 = 0
  ) -> TopicConfig {
    TopicConfig(
      name: name, readQueueCount: queues, writeQueueCount: queues, permission: permission, systemFlag: flags)
  }
}

extension DataVersion {
  fileprivate static func number(_ counter: Int64) -> DataVersion {
    DataVersion(timestamp: WallTime(milliseconds: 1), counter: counter)
  }
}

extension RouteLink {
  fileprivate static let one = RouteLink(rawValue: 1)
  fileprivate static let two = RouteLink(rawValue: 2)
}

extension MonotonicTime {
  fileprivate static let zero = MonotonicTime(nanoseconds: 0)
}
