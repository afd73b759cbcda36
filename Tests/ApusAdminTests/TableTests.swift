import ApusBase
import ApusProtocol
import Foundation
import Testing

@testable import ApusAdmin

/// What scripts cut apart: every table has the heads, the columns and the widths of mqadmin 4.9.8, as they stand in
/// Fixtures/admin/tables.txt.
@Suite struct TableTests {
  /// A table with a row of it.
  struct Sample: Sendable, CustomTestStringConvertible {
    /// Its name in the fixture.
    var name: String
    var table: Table
    var cells: [Cell]

    init(_ name: String, _ table: Table, _ cells: [Cell]) {
      self.name = name
      self.table = table
      self.cells = cells
    }

    var testDescription: String { name }
  }

  private static let seconds: Cell = "2026-01-02 03:04:05"
  private static let milliseconds: Cell = "2026-01-02 03:04:05,678"
  private static let member: Cell = "10.0.0.7@4711"
  private static let now = WallTime(milliseconds: 1_767_323_045_678)

  private static let topics: [Sample] = [
    Sample("topicList -c", TopicListCommand.table, ["DefaultCluster", "Orders", "Workers"]),
    Sample(
      "topicRoute -l", TopicRouteCommand.table,
      ["DefaultCluster", "broker-a", "{0=10.0.0.1:10911, 1=10.0.0.2:10911}", Cell(8), Cell(8), Cell(6)]),
    Sample("topicStatus", TopicStatusCommand.table, ["broker-a", Cell(3), Cell(17), Cell(4711), milliseconds]),
    Sample(
      "statsAll", StatsAllCommand.table,
      StatsAllCommand.cells(
        TopicFlow(topic: "Orders", group: "Workers", lag: 11, inRate: 2.5, outRate: 2.25, inDay: 100, outDay: 90))),
    Sample(
      "statsAll, no group", StatsAllCommand.table,
      StatsAllCommand.cells(TopicFlow(topic: "Orders", inRate: 2.5, inDay: 100))),
  ]

  private static let groups: [Sample] = [
    Sample(
      "consumerProgress -g", ConsumerProgressCommand.queues,
      ["Orders", "broker-a", Cell(3), Cell(4711), Cell(4700), Cell(11), seconds]),
    Sample(
      "consumerProgress -g -s true", ConsumerProgressCommand.queuesWithClients,
      ["Orders", "broker-a", Cell(3), Cell(4711), Cell(4700), "10.0.0.7", Cell(11), seconds]),
    Sample(
      "consumerProgress", ConsumerProgressCommand.groups,
      ["Workers", Cell(2), "V4_9_8", "PUSH", "CLUSTERING", ConsumerProgressCommand.rate(12.9), Cell(11)]),
    Sample(
      "brokerConsumeStats", BrokerConsumeStatsCommand.table,
      ["Orders", "Workers", "broker-a", Cell(3), Cell(4711), Cell(4700), Cell(11), seconds]),
    Sample(
      "consumerConnection", ConsumerConnectionCommand.members, [member, "10.0.0.7:50123", "JAVA", "V4_9_8"]),
    Sample(
      "consumerConnection, subscriptions", ConsumerConnectionCommand.subscriptions, ["Orders", "blue || red"]),
    Sample(
      "producerConnection", ProducerConnectionCommand.members,
      [.text(zeroed(1, 4)), member, "10.0.0.7:50123", "JAVA", "V4_9_8"]),
    Sample(
      "consumerStatus", ConsumerStatusCommand.table, [Cell(1), member, "V4_9_8", "1767323045678/10.0.0.7@4711"]),
    Sample(
      "consumer", ConsumerCommand.table,
      [.text(zeroed(1, 3)), member, "V4_9_8", "1767323045678/10.0.0.7@4711"]),
    Sample("getConsumerConfig", GetConsumerConfigCommand.lines, ["retryMaxTimes", "16"]),
    Sample("resetOffsetByTime", OffsetReset.memberTable, ["broker-a", Cell(3), Cell(17)]),
    Sample(
      "resetOffsetByTimeOld", OffsetReset.brokerTable,
      ["broker-a", Cell(3), Cell(4711), Cell(4700), Cell(17), Cell(17)]),
    Sample("getConsumerStatus", GetConsumerStatusCommand.table, [member, "broker-a", Cell(3), Cell(17)]),
  ]

  private static let figures = KVTable([
    KVTable.Row("brokerVersionDesc", "V4_9_8"), KVTable.Row("putTps", "1234.5 1.0 1.0"),
    KVTable.Row("getTransferedTps", "0.25 1.0 1.0"), KVTable.Row("sendThreadPoolQueueSize", "0"),
    KVTable.Row("sendThreadPoolQueueHeadWaitTimeMills", "3"), KVTable.Row("pullThreadPoolQueueSize", "2"),
    KVTable.Row("pullThreadPoolQueueHeadWaitTimeMills", "0"), KVTable.Row("pageCacheLockTimeMills", "1"),
    KVTable.Row("earliestMessageTimeStamp", "1767317645678"), KVTable.Row("commitLogDiskRatio", "0.4321"),
    KVTable.Row("msgPutTotalYesterdayMorning", "5"), KVTable.Row("msgPutTotalTodayMorning", "15"),
    KVTable.Row("msgPutTotalTodayNow", "45"), KVTable.Row("msgGetTotalYesterdayMorning", "5"),
    KVTable.Row("msgGetTotalTodayMorning", "25"), KVTable.Row("msgGetTotalTodayNow", "65"),
  ])
  private static let place: [Cell] = ["DefaultCluster", "broker-a", Cell(0), "10.0.0.1:10911"]

  private static let brokers: [Sample] = [
    Sample("getBrokerConfig", SettingsList.table, ["fileReservedTime", "72"]),
    Sample("brokerStatus -b", BrokerStatusCommand.lines, ["brokerVersionDesc", "V4_9_8"]),
    Sample("brokerStatus -c", BrokerStatusCommand.brokerLines, ["10.0.0.1:10911", "brokerVersionDesc", "V4_9_8"]),
    Sample("clusterList", ClusterListCommand.overview, place + ClusterListCommand.overview(figures, now: now)),
    Sample(
      "clusterList, a figure that is not told", ClusterListCommand.overview,
      place + ClusterListCommand.overview(KVTable([KVTable.Row("brokerVersionDesc", "V4_9_8")]), now: now)),
    Sample(
      "clusterList, a broker that does not answer", ClusterListCommand.overview,
      place + ClusterListCommand.overview(nil, now: now)),
    Sample(
      "clusterList -m", ClusterListCommand.totals,
      ["DefaultCluster", "broker-a"] + ClusterListCommand.totals(figures)),
    Sample(
      "clusterRT", ClusterRTCommand.table,
      ["DefaultCluster", "broker-a", .decimal(1.25, digits: 2), Cell(100), Cell(0)]),
    Sample(
      "clusterAclConfigVersion", ClusterAclConfigVersionCommand.table,
      ["DefaultCluster", "broker-a", "10.0.0.1:10911", "/conf/plain_acl.yml", Cell(2), seconds]),
  ]

  private static let messages: [Sample] = [
    Sample("queryMsgByKey", QueryMsgByKeyCommand.table, ["0A0000074711000000000000", Cell(3), Cell(17)]),
    Sample("queryMsgById", MessageDetails.line, ["Store Timestamp:", milliseconds]),
    Sample(
      "queryMsgTraceById, sent", QueryMsgTraceByIDCommand.sent,
      ["Pub", "Senders", "10.0.0.7", seconds, "7ms", "success"]),
    Sample(
      "queryMsgTraceById, consumed", QueryMsgTraceByIDCommand.consumed,
      ["Sub", "null", "10.0.0.7", seconds, "7ms", "failed"]),
    Sample("sendMessage", SendMessageCommand.table, ["broker-a", Cell(3), "SEND_OK", "0A0000074711000000000000"]),
    Sample("checkMsgSendRT", CheckMsgSendRTCommand.table, ["broker-a", Cell(3), "true", Cell(7)]),
  ]

  private static let samples = topics + groups + brokers + messages

  /// The lines of heads (`H`) or rows (`R`) in the fixture, by the tables' names.
  private static func lines(_ kind: String) throws -> [String: String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("Fixtures/admin/tables.txt"), encoding: .utf8)
    var (name, found) = ("", [String: String]())
    for line in text.split(separator: "\n") {
      if line.hasPrefix("== ") { name = String(line.dropFirst(3)) }
      if line.hasPrefix("\(kind)|") { found[name] = String(line.dropFirst(2).dropLast()) }
    }
    return found
  }

  @Test(arguments: samples) func `a table has mqadmin's heads and columns`(sample: Sample) throws {
    let row = try #require(try Self.lines("R")[sample.name])
    #expect(sample.table.line(sample.cells) == row + "\n")
    if let heads = try Self.lines("H")[sample.name] {
      #expect(sample.table.hasHead)
      #expect(sample.table.headLine == heads + "\n")
    }
  }

  @Test func `every table of the fixture is compared, and every other one has no heads in mqadmin either`() throws {
    let rows = try Set(Self.lines("R").keys)
    #expect(rows == Set(Self.samples.map(\.name)))
    let shown = try Set(Self.lines("H").keys)
    for sample in Self.samples where !sample.table.hasHead { #expect(!shown.contains(sample.name), "\(sample.name)") }
  }

  @Test func `the same thing has one name in JSON, whatever mqadmin calls it, and numbers are numbers`() {
    let names = [
      "#Group": "group", "#Consumer Group": "group", "#Addr": "broker", "#Broker Addr": "broker", "#Diff": "lag",
      "#Diff Total": "lag", "#Accumulation": "lag",
    ]
    for sample in Self.samples {
      for column in sample.table.columns {
        guard let name = names[column.head] else { continue }
        #expect(column.key == name, "\(sample.name): \(column.head)")
      }
    }
    #expect(ClusterListCommand.overview(Self.figures, now: Self.now)[3].json == .integer(1))
    #expect(ClusterListCommand.overview(nil, now: Self.now)[3].json == .null)
    #expect(ConsumerProgressCommand.rate(12.5).json == .number(12.5))
  }

  @Test func `a trace that does not say its group or time moves no columns`() {
    let record = TraceRecord(
      kind: .consumed, messageID: "ID", group: "", time: WallTime(milliseconds: 0), milliseconds: 7, isSuccess: false)
    let cells = QueryMsgTraceByIDCommand.cells(record, host: "10.0.0.7:50123", told: Self.now)
    let words: [Substring] = QueryMsgTraceByIDCommand.consumed.line(cells).split(separator: " ")
    #expect(words.joined(separator: " ") == "Sub null 10.0.0.7 \(Self.now.secondsText) 7ms failed \n")
    #expect(cells[1].json == .string(""))
  }
}
