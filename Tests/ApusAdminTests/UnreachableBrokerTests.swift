import ApusBase
import ApusCommandLine
import Foundation
import Testing

@testable import ApusAdmin

/// Of two broker groups the first one cannot be reached: what the other one knows is shown, the first one is named, and
/// the command fails.
@Suite(.timeLimit(.minutes(10))) struct UnreachableBrokerTests {
  @Test func `what the others know is shown`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    _ = await tool.output("updateSubGroup -c TestCluster -g Workers")
    try await tool.consuming("Orders", group: "Workers", messages: 3) { _ in }
    _ = await tool.output("sendMessage -t Orders -p 'a body' -k one")
    _ = await tool.eventually("queryMsgByKey -t Orders -k one")
    try await tool.registerUnreachable(topics: ["Orders", "%RETRY%Workers"])
    for (line, shown) in [
      ("topicStatus -t Orders", "\nfx-a "), ("getConsumerConfig -g Workers", "TestCluster:fx-a="),
      ("consumerProgress -g Workers", "\nOrders "), ("printMsg -t Orders", " BODY: a body"),
      ("consumeMessage -t Orders", " BODY: a body"), ("queryMsgByKey -t Orders -k one", " 3\n"),
      ("clusterList", " fx-a "), ("clusterList -m", " fx-a "),
    ] {
      let run = await tool.run(line)
      #expect(run.status == .failure, "\(line)")
      #expect(run.output.contains(shown), "\(line): \(run.output)")
      #expect(run.notes.contains("\(ToolUnderTest.nobody): "), "\(line): \(run.notes)")
      #expect(run.notes.contains("failed at \(ToolUnderTest.nobody), 1 of 2"), "\(line): \(run.notes)")
    }
    for (line, shown) in [
      ("consumerProgress", "\nWorkers "), ("statsAll -t Orders", "\nOrders "), ("top --once", "\nOrders "),
      ("startMonitoring --once", "endRound\n"),
    ] {
      let run = await tool.run(line)
      #expect(run.status == .failure, "\(line)")
      #expect(run.output.contains(shown), "\(line): \(run.output)")
      #expect(run.notes.contains("not all is known of "), "\(line): \(run.notes)")
    }
  }

  @Test func `a topic whose consumers nobody tells is listed, and the list is no success`() async throws {
    let tool = try await ToolUnderTest([])
    try await tool.registerUnreachable(topics: ["Orders"])
    let run = await tool.run("topicList -c")
    #expect(run.status == .failure)
    #expect(run.output.contains("\nTestCluster           Orders "), "\(run.output)")
    #expect(run.notes.contains("not all is known of Orders, as brokers do not answer"), "\(run.notes)")
  }

  @Test func `of thousands that are not known completely ten are named`() {
    let names = (1...12).map { "T\($0)" }
    let known = "T1, T2, T3, T4, T5, T6, T7, T8, T9, T10"
    let twelve = AdminError(incomplete: names)
    #expect(twelve.message == "not all is known of \(known) and 2 others, as brokers do not answer")
    let ten = AdminError(incomplete: Array(names.prefix(10)))
    #expect(ten.message == "not all is known of \(known), as brokers do not answer")
  }

  @Test func `exports hold what the others told, and are no success`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 3 -w 3")
    try await tool.registerUnreachable(topics: [])
    let directory = NSTemporaryDirectory() + "apus-export-" + UUID().uuidString
    func document(_ name: String) throws -> JSONValue {
      try JSONParser.parse(try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8))
    }
    for command in ["exportConfigs", "exportMetadata", "exportMetrics"] {
      let run = await tool.run("\(command) -c TestCluster -f \(directory)")
      #expect(run.status == .failure, "\(command)")
      #expect(run.output.isEmpty, "\(command): \(run.output)")
      #expect(run.notes.contains("holds only what the other brokers told"), "\(run.notes)")
      #expect(run.notes.contains("failed at \(ToolUnderTest.nobody), 1 of 2"), "\(run.notes)")
    }
    let configs = try document("configs.json")
    #expect(configs["brokerConfigs"]?["fx-a"]?["brokerClusterName"]?.text == "TestCluster")
    #expect(configs["clusterScale"]?["masterBrokerSize"]?.int64 == 1)
    #expect(try document("metadata.json")["topicConfigTable"]?["Orders"]?["readQueueNums"]?.int64 == 3)
    #expect(try document("metrics.json")["evaluateReport"]?["fx-a"]?["runtimeQuota"]?["topicSize"]?.int64 == 1)
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `a broker group whose master is away is no success`() async throws {
    let tool = try await ToolUnderTest()
    try await tool.registerFirst(at: ToolUnderTest.nobody, number: 1, topics: [])
    let directory = NSTemporaryDirectory() + "apus-export-" + UUID().uuidString
    func run(_ line: String) async -> ToolUnderTest.Run {
      let run = await tool.run(line)
      #expect(run.status == .failure, "\(line)")
      #expect(run.notes.contains("the broker group fx-0 has no master"), "\(line): \(run.notes)")
      #expect(run.notes.contains("no master has registered of fx-0\n"), "\(line): \(run.notes)")
      return run
    }
    #expect(await run("updateTopic -c TestCluster -t Orders").output.contains("create topic to "))
    _ = await tool.eventually("topicRoute -t Orders")
    #expect(await run("updateSubGroup -c TestCluster -g Workers").output.contains("create subscription group to "))
    #expect(await run("updateTopicPerm -c TestCluster -t Orders -p 4").output.contains("update topic perm from 6 to 4"))
    for command in ["exportConfigs", "exportMetadata", "exportMetrics"] {
      let export = await run("\(command) -c TestCluster -f \(directory)")
      #expect(export.notes.contains("holds only what the other brokers told"), "\(export.notes)")
    }
    let group = await run("deleteSubGroup -c TestCluster -g Workers")
    #expect(group.output.hasPrefix("delete subscription group [Workers] from broker "), "\(group.output)")
    let deleted = await run("deleteTopic -c TestCluster -t Orders")
    #expect(deleted.output == "delete topic [Orders] from NameServer success.\n")
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `offsets are set at masters, and not at a replica whose master is away`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    try await tool.consuming("Orders", group: "Workers", messages: 3) { _ in }
    // The master goes, what it registered stays.
    try await tool.registerFirst(at: ToolUnderTest.nobody, topics: ["Orders"])
    try await tool.registerFirst(at: ToolUnderTest.nobody, number: 1, topics: [])
    let reset = "resetOffsetByTimeOld -g Workers -t Orders -s 1"
    for line in [reset, "cloneGroupOffset -s Workers -d Others -t Orders"] {
      let run = await tool.run(line)
      #expect(run.status == .failure, "\(line)")
      #expect(run.output.contains("\nfx-a ") == (line == reset), "\(line): \(run.output)")
      #expect(run.notes.contains("the broker group fx-0 has no master and is passed over"), "\(line): \(run.notes)")
      #expect(!run.notes.contains(ToolUnderTest.nobody), "\(line): \(run.notes)")
    }
  }

  @Test func `when nobody answers, nothing is shown or written`() async throws {
    let tool = try await ToolUnderTest([])
    try await tool.registerUnreachable(topics: ["Orders", "%RETRY%Workers"])
    let directory = NSTemporaryDirectory() + "apus-export-" + UUID().uuidString
    for line in [
      "topicStatus -t Orders", "getConsumerConfig -g Workers", "consumerProgress -g Workers",
      "queryMsgByKey -t Orders -k one", "exportConfigs -c TestCluster -f \(directory)",
      "exportMetadata -c TestCluster -f \(directory)", "exportMetrics -c TestCluster -f \(directory)",
    ] {
      let run = await tool.run(line)
      #expect(run.status == .failure, "\(line)")
      #expect(run.output.isEmpty, "\(line): \(run.output)")
      #expect(run.notes.contains("failed at \(ToolUnderTest.nobody), 1 of 1"), "\(line): \(run.notes)")
    }
    #expect(!FileManager.default.fileExists(atPath: directory))
  }
}
