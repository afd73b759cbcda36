import ApusBase
import ApusBrokerCore
import ApusFilter
import ApusProtocol
import Testing

@Suite struct ConsumerFiltersTests {
  private let day = Duration.seconds(86_400)

  private func time(_ seconds: Int64) -> WallTime { WallTime(milliseconds: seconds * 1000) }

  private func filters(_ stored: StoredConsumerFilters? = nil, now: WallTime? = nil) -> ConsumerFilters {
    ConsumerFilters(bloom: .standard, lifetime: day, stored: stored, now: now ?? time(0))
  }

  private func sql(_ topic: String, _ expression: String, version: Int64) -> SubscriptionData {
    SubscriptionData(topic: topic, expression: expression, expressionType: "SQL92", version: version)
  }

  @Test func `Java's file comes back as it was, its conditions dead`() throws {
    let bytes = try Fixture.bytes("config/consumerFilter.json")
    let json = try JSONParser.parse(bytes.rawSpan)
    let filters = filters(try StoredConsumerFilters(json: json), now: time(1_795_300_000))
    let filter = try #require(filters.filter(topic: "FxTopic", group: "fx_g_sql"))
    #expect(filter.expression == "n > 3 AND color = 'red'")
    #expect(filter.condition != nil)
    #expect(filter.positions == [17, 3, 24])
    #expect(filters.json == json)
    #expect(filters.changes == 0)
  }

  @Test func `what was alive when it was written has been dead for half a minute`() throws {
    var first = filters()
    first.register(group: "g", subscriptions: [sql("T", "a = 1", version: 5)], now: time(10))
    let stored = try StoredConsumerFilters(json: first.json)
    #expect(stored.entries.first?.deadTime == nil)
    #expect(filters(stored, now: time(100)).filter(topic: "T", group: "g")?.deadTime == time(70))
    #expect(filters(stored, now: time(20)).filter(topic: "T", group: "g")?.deadTime == time(10))
  }

  @Test func `a newer version replaces a condition, an older one does not`() {
    var filters = filters()
    filters.register(group: "g", subscriptions: [sql("T", "a = 1", version: 5)], now: time(1))
    let first = filters.filter(topic: "T", group: "g")
    filters.register(group: "g", subscriptions: [sql("T", "a = 2", version: 4)], now: time(2))
    #expect(filters.filter(topic: "T", group: "g")?.expression == "a = 1")
    filters.register(group: "g", subscriptions: [sql("T", "a = 1", version: 6)], now: time(3))
    #expect(filters.filter(topic: "T", group: "g")?.version == 6)
    #expect(filters.filter(topic: "T", group: "g")?.condition === first?.condition)
    #expect(filters.filter(topic: "T", group: "g")?.bornTime == time(1))
    filters.register(group: "g", subscriptions: [sql("T", "a = 3", version: 7)], now: time(4))
    #expect(filters.filter(topic: "T", group: "g")?.expression == "a = 3")
    #expect(filters.filter(topic: "T", group: "g")?.bornTime == time(4))
    #expect(filters.count == 1)
  }

  @Test func `a condition that cannot be read leaves none`() {
    var filters = filters()
    filters.register(
      group: "g", subscriptions: [sql("T", "a >> 1", version: 1), sql("U", "", version: 1)], now: time(1))
    #expect(filters.count == 0)
    filters.register(group: "g", subscriptions: [sql("T", "a > 1", version: 2)], now: time(2))
    filters.register(group: "g", subscriptions: [sql("T", "a >> 1", version: 3)], now: time(3))
    #expect(filters.filter(topic: "T", group: "g") == nil)
    #expect(filters.count == 0)
  }

  @Test func `the dead are kept for a day, and live again with the same version`() {
    var filters = filters()
    let subscriptions = [sql("T", "a = 1", version: 5), sql("U", "a = 2", version: 5)]
    filters.register(group: "g", subscriptions: subscriptions, now: time(1))
    filters.register(group: "g", subscriptions: [subscriptions[0]], now: time(2))
    #expect(filters.filter(topic: "U", group: "g")?.deadTime == time(2))
    filters.unregister(group: "g", now: time(3))
    #expect(filters.filter(topic: "T", group: "g")?.deadTime == time(3))
    filters.register(group: "g", subscriptions: [subscriptions[0]], now: time(4))
    #expect(filters.filter(topic: "T", group: "g")?.deadTime == nil)
    let before = filters.changes
    filters.removeDead(now: time(86_401))
    #expect(filters.count == 2)
    #expect(filters.changes == before)
    filters.removeDead(now: time(86_402))
    #expect(filters.count == 1)
    #expect(filters.changes > before)
    #expect(filters.conditions(ofGroup: "g").keys.sorted() == ["T"])
  }

  @Test func `a topic takes its conditions along`() {
    var filters = filters()
    filters.register(group: "g", subscriptions: [sql("T", "a = 1", version: 5)], now: time(1))
    filters.register(group: "h", subscriptions: [sql("T", "a = 1", version: 5)], now: time(1))
    filters.remove(topic: "T")
    #expect(filters.count == 0)
    #expect(filters.conditions(ofGroup: "g").isEmpty)
    #expect(filters.json == JSONValue(members: ["filterDataByTopic": .object([])]))
  }

  @Test(arguments: [
    #"{"filterDataByTopic":{"T":{"groupFilterData":{"g":{"expressionType":"SQL92","topic":"T"}}}}}"#,
    #"{"filterDataByTopic":{"T":{"groupFilterData":{"g":{"expressionType":"SQL92","topic":"T","consumerGroup":"g","#
      + #""expression":"a","bornTime":"x"}}}}}"#,
  ])
  func `a damaged file is an error`(text: String) throws {
    let json = try JSONParser.parse(Array(text.utf8).rawSpan)
    #expect(throws: DecodeError.self) { try StoredConsumerFilters(json: json) }
  }

  @Test func `a condition of an earlier run that cannot be read has no effect until a newer one comes`() throws {
    let text =
      #"{"filterDataByTopic":{"T":{"groupFilterData":{"g":{"expressionType":"SQL92","topic":"T","consumerGroup":"g","#
      + #""expression":"a !","clientVersion":5}},"topic":"T"}}}"#
    var filters = filters(try StoredConsumerFilters(json: JSONParser.parse(Array(text.utf8).rawSpan)))
    #expect(filters.filter(topic: "T", group: "g")?.condition == nil)
    #expect(filters.conditions(ofGroup: "g").isEmpty)
    filters.register(group: "g", subscriptions: [sql("T", "a = 1", version: 6)], now: time(1))
    #expect(filters.filter(topic: "T", group: "g")?.condition != nil)
  }

  @Test func `topics of any length take no more than the memory that conditions may take`() {
    var filters = filters()
    for number in 0..<5 {
      let topic = "\(number)" + String(repeating: "t", count: ConsumerFilters.byteLimit / 3)
      filters.register(group: "g", subscriptions: [sql(topic, "a = 1", version: 1)], now: time(1))
    }
    #expect(filters.count == 2)
    filters.unregister(group: "g", now: time(2))
    filters.removeDead(now: time(86_402))
    #expect(filters.count == 0)
    filters.register(group: "g", subscriptions: [sql("T", "a = 1", version: 1)], now: time(86_403))
    #expect(filters.count == 1)
  }

  @Test func `a condition that differs in the spelling of a character only is another one`() {
    var filters = filters()
    filters.register(group: "g", subscriptions: [sql("T", "a = 'caf\u{E9}'", version: 1)], now: time(1))
    let first = filters.filter(topic: "T", group: "g")
    filters.register(group: "g", subscriptions: [sql("T", "a = 'cafe\u{301}'", version: 2)], now: time(2))
    let second = filters.filter(topic: "T", group: "g")
    #expect(second?.condition != nil)
    #expect(second?.condition !== first?.condition)
  }
}
