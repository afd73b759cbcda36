import ApusBase
import ApusModel
import Testing

@testable import ApusBrokerCore

@Suite struct SubscriptionGroupsTests {
  let now = WallTime(milliseconds: 1_000)

  @Test func `starts with the groups that every Java broker has`() throws {
    let text = try Fixture.text("config-json/store-4.9.8.subscriptionGroup.json")
    let stored = try StoredSubscriptionGroups(json: JSONParser.parse(text))
    let recorded = Dictionary(uniqueKeysWithValues: stored.groups.map { ($0.name, $0) })
    let fresh = SubscriptionGroups(autoCreates: true, now: now)
    #expect(fresh.count == 7)
    for group in fresh.all { #expect(group.config == recorded[group.name], "\(group.name)") }
  }

  @Test func `a Java broker's file comes back as it was`() throws {
    let stored = try StoredSubscriptionGroups(
      json: JSONParser.parse(Fixture.text("config-json/subscriptionGroup.json")))
    let table = SubscriptionGroups(autoCreates: true, stored: stored, now: now)
    let written = try StoredSubscriptionGroups(json: JSONParser.parse(table.json.text(.pretty)))
    #expect(written.version == stored.version)
    #expect(Set(written.groups) == Set(stored.groups))
  }

  @Test func `makes a group at first use, once, unless told not to`() {
    var table = SubscriptionGroups(autoCreates: true, now: now)
    let made = table.findOrMake("g", now: now)
    #expect(made?.config == SubscriptionGroupConfig(name: "g"))
    #expect(table.findOrMake("g", now: now) === made)
    #expect(table.version.counter == 1)
    var manual = SubscriptionGroups(autoCreates: false, now: now)
    #expect(manual.findOrMake("g", now: now) == nil)
    #expect(manual.findOrMake("CID_RMQ_SYS_TRANS", now: now) != nil)
    #expect(manual.findOrMake("TOOLS_CONSUMER", now: now) != nil)
  }

  @Test(arguments: ["", " ", "bad name", "ünder", String(repeating: "g", count: 256), "a@b"])
  func `makes no group of a name that cannot be one`(name: String) {
    var table = SubscriptionGroups(autoCreates: true, now: now)
    #expect(table.findOrMake(name, now: now) == nil)
    #expect(table.version.counter == 0)
  }

  @Test func `stops at its limit`() {
    var table = SubscriptionGroups(autoCreates: true, now: now)
    table.limit = 8
    #expect(table.findOrMake("a", now: now) != nil)
    #expect(table.findOrMake("b", now: now) == nil)
  }

  @Test func `replaces and deletes`() {
    var table = SubscriptionGroups(autoCreates: true, now: now)
    var config = SubscriptionGroupConfig(name: "g")
    let first = table.update(config, now: now)
    config.consumeEnabled = false
    #expect(table.update(config, now: now).id == first.id)
    #expect(table.find("g")?.config.consumeEnabled == false)
    #expect(table.delete("g", now: now) != nil)
    #expect(table.delete("g", now: now) == nil)
    #expect(table.version.counter == 3)
  }
}
