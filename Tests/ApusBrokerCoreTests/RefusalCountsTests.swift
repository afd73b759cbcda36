import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusBrokerCore

/// Which refusals the log hears of, and when.
@Suite struct RefusalCountsTests {
  private static let start = MonotonicTime(nanoseconds: 1_000_000_000)
  private static let full = RefusalCounts.Kind(request: .sendMessage, response: .serviceNotAvailable)
  private static let forbidden = RefusalCounts.Kind(request: .pullMessage, response: .noPermission)

  @Test func `the first of a kind is told at once, the others together after the interval`() throws {
    var counts = RefusalCounts()
    var now = Self.start
    let told = counts.add(Self.full, remark: "disk full", from: .loopback(port: 1), now: now)
    let first = try #require(told)
    #expect(first.kind == Self.full)
    #expect(first.times == 1)
    #expect(first.peer == .loopback(port: 1))
    #expect(first.remark == "disk full")
    for port: Int32 in 2...4 {
      now = now + .seconds(1)
      let told = counts.add(Self.full, remark: "\(port)", from: .loopback(port: port), now: now)
      #expect(told == nil)
    }
    #expect(counts.due(now: Self.start + .seconds(10) + .nanoseconds(-1)).isEmpty)
    let rest = counts.due(now: Self.start + .seconds(10))
    #expect(rest.map(\.times) == [3])
    #expect(rest.first?.peer == .loopback(port: 4))
    #expect(rest.first?.remark == "4")
    #expect(counts.due(now: Self.start + .seconds(60)).isEmpty, "nothing is told twice")
  }

  @Test func `one that comes after the interval tells of those before it`() throws {
    var counts = RefusalCounts()
    _ = counts.add(Self.full, remark: "", from: .loopback(port: 1), now: Self.start)
    _ = counts.add(Self.full, remark: "", from: .loopback(port: 1), now: Self.start)
    let told = counts.add(Self.full, remark: "", from: .loopback(port: 1), now: Self.start + RefusalCounts.interval)
    let report = try #require(told)
    #expect(report.times == 2)
  }

  @Test func `kinds are told apart, and all of them at the end`() {
    var counts = RefusalCounts()
    #expect(counts.add(Self.full, remark: "", from: .loopback(port: 1), now: Self.start) != nil)
    #expect(counts.add(Self.forbidden, remark: "", from: .loopback(port: 1), now: Self.start) != nil)
    #expect(counts.add(Self.forbidden, remark: "", from: .loopback(port: 1), now: Self.start) == nil)
    #expect(counts.due(now: Self.start, all: true).map(\.kind) == [Self.forbidden])
    #expect(counts.totals.map(\.kind) == [Self.full, Self.forbidden])
    #expect(counts.totals.map(\.count) == [1, 2])
  }

  @Test func `of a remark as long as a request the beginning is kept`() throws {
    var counts = RefusalCounts()
    let remark = String(repeating: "é", count: 40_000)
    let told = counts.add(Self.full, remark: remark, from: .loopback(port: 1), now: Self.start)
    let report = try #require(told)
    #expect(report.remark.utf8.count < 1000)
    #expect(report.remark.hasPrefix("éé"))
  }

  @Test(
    arguments: [
      (.pullMessage, .pullNotFound), (.pullMessage, .pullOffsetMoved), (.pullMessage, .subscriptionNotExist),
      (.queryConsumerOffset, .queryNotFound), (.getTopicStatsInfo, .topicNotExist),
      (.getConsumerListByGroup, .systemError), (.getConsumerConnectionList, .consumerNotOnline),
    ] as [(RequestCode, ResponseCode)])
  func `ordinary answers are none of the operator's business`(_ request: RequestCode, _ response: ResponseCode) {
    #expect(RefusalCounts.Kind(request: request, response: response).isOrdinary)
  }

  @Test(
    arguments: [
      (.sendMessageV2, .topicNotExist), (.pullMessage, .topicNotExist), (.sendMessage, .systemBusy),
      (.pullMessage, .noPermission), (.heartbeat, .systemError), (.sendMessage, .flushDiskTimeout),
    ] as [(RequestCode, ResponseCode)])
  func `what a client wanted and did not get is`(_ request: RequestCode, _ response: ResponseCode) {
    #expect(!RefusalCounts.Kind(request: request, response: response).isOrdinary)
  }

  @Test func `codes that nobody knows are one kind`() {
    #expect(!RefusalCounts.Kind(request: nil, response: .requestCodeNotSupported).isOrdinary)
  }
}
