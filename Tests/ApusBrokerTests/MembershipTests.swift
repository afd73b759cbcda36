import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBroker

/// Who is in a group, and who hears of it: requests 34, 35, 38 and 40 over sockets.
@Suite(.timeLimit(.minutes(10))) struct MembershipTests {
  private static let consumer = ConsumerData(group: "g", subscriptions: [SubscriptionData(topic: "TBW102")])

  /// Waits until a client has heard more often of a change than `before`; returns how often.
  private static func wait(_ client: TestClient, more before: Int) throws -> Int {
    var count = 0
    try Patience.wait {
      count = client.count(.notifyConsumerIDsChanged)
      return count > before
    }
    return count
  }

  private static func members(_ client: TestClient) throws -> [String] {
    let answer = try client.ask(.getConsumerListByGroup, [ReplyField("consumerGroup", "g")])
    return try JSONParser.parse(answer.body.rawSpan)["consumerIdList"]?.texts?.sorted() ?? []
  }

  @Test func `members hear of one that joins, of one that leaves and of one that is gone`() throws {
    let served = try ServedBroker()
    let (first, second, third) = (try served.client(), try served.client(), try served.client())
    try first.heartbeat("a", consumer: Self.consumer)
    var heard = try Self.wait(first, more: 0)
    try second.heartbeat("b", consumer: Self.consumer)
    heard = try Self.wait(first, more: heard)
    try third.heartbeat("c", consumer: Self.consumer)
    heard = try Self.wait(first, more: heard)
    let notice = try first.request(.notifyConsumerIDsChanged)
    #expect(notice.fields == NotifyConsumerIDsChanged.Request(consumerGroup: "g").fields)
    #expect(notice.header.isOneway)
    #expect(try Self.members(first) == ["a", "b", "c"])
    let left = try second.ask(
      .unregisterClient, [ReplyField("clientID", "b"), ReplyField("consumerGroup", "g")])
    #expect(left.responseCode == .success)
    heard = try Self.wait(first, more: heard)
    #expect(try Self.members(first) == ["a", "c"])
    third.disconnect()
    _ = try Self.wait(first, more: heard)
    try Patience.wait { try Self.members(first) == ["a"] }
  }

  @Test func `a group that does not want it is not told`() throws {
    let served = try ServedBroker([("notifyConsumerIdsChangedEnable", "false")])
    let (first, second) = (try served.client(), try served.client())
    try first.heartbeat("a", consumer: Self.consumer)
    try second.heartbeat("b", consumer: Self.consumer)
    // What it was told before its answer has arrived with the answer.
    #expect(try Self.members(first) == ["a", "b"])
    #expect(try Self.members(first) == ["a", "b"])
    #expect(first.count(.notifyConsumerIDsChanged) == 0)
  }
}
