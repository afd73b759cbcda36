import ApusBase
import ApusModel
import ApusProtocol
import Testing

@testable import ApusAdmin
@testable import ApusClient

/// Numbers that no honest server tells end neither the tool nor a sum.
@Suite struct HostileAnswerTests {
  private static let queue = MessageQueue(topic: "T", brokerName: "b", queueID: 0)

  private static func entry(_ broker: Int64, _ consumer: Int64) -> ConsumeStats.Entry {
    ConsumeStats.Entry(
      queue: queue, brokerOffset: QueueOffset(broker), consumerOffset: QueueOffset(consumer),
      lastTimestamp: WallTime(milliseconds: 0))
  }

  private static let sums: [(left: Int64, right: Int64, sum: Int64, difference: Int64)] = [
    (Int64.max, 1, Int64.max, Int64.max - 1), (Int64.min, -1, Int64.min, Int64.min + 1),
    (Int64.max, -1, Int64.max - 1, Int64.max), (Int64.min, 1, Int64.min + 1, Int64.min),
    (0, Int64.min, Int64.min, Int64.max), (-2, Int64.max, Int64.max - 2, Int64.min), (3, 4, 7, -1),
  ]

  @Test func `sums and differences stay within the range`() {
    for row in Self.sums {
      #expect(row.left.clampedAdding(row.right) == row.sum, "\(row)")
      #expect(row.left.clampedSubtracting(row.right) == row.difference, "\(row)")
    }
  }

  @Test func `the lag of a queue and of a group`() {
    #expect(Self.entry(.max, .min).lag == .max)
    #expect(Self.entry(.min, .max).lag == .min)
    #expect(ConsumeStats([Self.entry(.max, 0), Self.entry(.max, 0)], consumeRate: 0).lag == .max)
  }

  @Test(arguments: [1e300: 0, -.infinity: 0, .nan: 0, 2.9: 2, -2.9: -2] as [Double: Int64])
  func `the whole part of a rate`(rate: Double, whole: Int64) {
    #expect(Cell(wholePartOf: rate) == .integer(whole))
  }

  @Test(arguments: [
    (PullResult.Status.found, Int64(0), false), (.found, 5, false), (.found, 6, true), (.noMatch, 5, false),
    (.noMatch, 6, true), (.noNewMessage, 5, true), (.offsetIllegal, 0, true),
  ])
  func `a pull that sends back to where it was asked is not followed`(
    status: PullResult.Status, next: Int64, goesOn: Bool
  ) {
    var pulled = PullResult.nothing(goOnAt: next)
    pulled.status = status
    #expect(pulled.goesOn(from: 5) == goesOn)
  }

  @Test(arguments: [
    ("7F00000100002A9F0000000000000010", "7F00000100002A9F0000000000000010"), ("../../x y", "______x_y"),
    ("\u{FC}\u{301}\u{0}", "_____"), (String(repeating: "a", count: 300), String(repeating: "a", count: 128)),
    (String(repeating: "\u{4E2D}", count: 128), String(repeating: "_", count: 128)),
  ])
  func `an id becomes the name of a file that there can be`(id: String, name: String) {
    #expect(MessageDetails.fileName(of: id) == name)
  }

  @Test(arguments: ["-9223372036854775808", "9223372036854775807"])
  func `a broker's figures`(number: String) {
    let names = [
      "earliestMessageTimeStamp", "msgPutTotalTodayNow", "msgGetTotalTodayNow", "putTps", "commitLogDiskRatio",
    ]
    var info = KVTable(names.map { KVTable.Row($0, number) })
    info.rows.append(KVTable.Row("msgPutTotalTodayMorning", "-1"))
    info.rows.append(KVTable.Row("msgGetTotalTodayMorning", "1"))
    let now = WallTime(milliseconds: 1_700_000_000_000)
    #expect(ClusterListCommand.totals(info).count == 4)
    #expect(ClusterListCommand.overview(info, now: now).count == 6)
  }

  @Test(arguments: [Int64.min, .max], ["true", "false"])
  func `a member's times`(time: Int64, isOrderly: String) {
    var state = ProcessQueueInfo()
    state.lastLock = WallTime(milliseconds: time)
    state.lastConsume = WallTime(milliseconds: time)
    state.cachedCount = 1
    let info = ConsumerRunningInfo(
      properties: [
        ConsumerRunningInfo.PropertyName.consumeType: ConsumeType.passively.rawValue,
        ConsumerRunningInfo.PropertyName.isOrderly: isOrderly,
        ConsumerRunningInfo.PropertyName.startTime: "\(time)",
      ], subscriptions: [], queues: [ConsumerRunningInfo.Queue(Self.queue, state)], topics: [])
    let now = WallTime(milliseconds: 1_700_000_000_000)
    let isTroubled = isOrderly == "true" || time == Int64.min
    #expect(info.troubles(of: "id", now: now).isEmpty == !isTroubled)
    #expect(ConsumerRunningInfo.subscribesAlike([info, info], now: now) == (time == Int64.max))
    #expect(info.javaText.contains("ProcessQueueInfo ["))
  }
}
