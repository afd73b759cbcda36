import ApusBase
import ApusCommandLine
import ApusProtocol
import Foundation
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct ExportCommandTests {
  private func document(_ path: String) throws -> JSONValue {
    try JSONParser.parse(try String(contentsOfFile: path, encoding: .utf8))
  }

  @Test func `settings, topics, groups and figures go into files`() async throws {
    let tool = try await ToolUnderTest()
    let directory = NSTemporaryDirectory() + "apus-export-" + UUID().uuidString
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 3 -w 3")
    _ = await tool.output("updateSubGroup -c TestCluster -g Workers")
    let configs = await tool.output("exportConfigs -c TestCluster -f \(directory)")
    #expect(configs.output == "export \(directory)/configs.json success\n")
    let written = try document(directory + "/configs.json")
    #expect(written["brokerConfigs"]?["fx-a"]?["brokerClusterName"]?.text == "TestCluster")
    #expect(written["clusterScale"]?["masterBrokerSize"]?.int64 == 1)
    #expect(
      await tool.output("exportMetadata -c TestCluster -f \(directory)").output
        == "export \(directory)/metadata.json success\n")
    let metadata = try document(directory + "/metadata.json")
    #expect(metadata["topicConfigTable"]?["Orders"]?["readQueueNums"]?.int64 == 3)
    #expect(metadata["topicConfigTable"]?["TBW102"] == nil)
    #expect(metadata["subscriptionGroupTable"]?["Workers"]?["retryMaxTimes"]?.int64 == 16)
    #expect(metadata["subscriptionGroupTable"]?["TOOLS_CONSUMER"] == nil)
    let broker = try tool.address()
    _ = await tool.output("exportMetadata -b \(broker) -t -f \(directory)")
    #expect(try document(directory + "/topic.json")["topicConfigTable"]?["Orders"] != nil)
    _ = await tool.output("exportMetadata -b \(broker) -g -f \(directory)")
    #expect(try document(directory + "/subscriptionGroup.json")["subscriptionGroupTable"]?["Workers"] != nil)
    #expect(await tool.run("exportMetadata -b \(broker)").notes.contains("say what to export"))
    _ = await tool.output("exportMetrics -c TestCluster -f \(directory)")
    let metrics = try document(directory + "/metrics.json")
    let quota = metrics["evaluateReport"]?["fx-a"]?["runtimeQuota"]
    #expect(quota?["topicSize"]?.int64 == 1)
    #expect(quota?["groupSize"]?.int64 == 1)
    #expect(metrics["totalData"]?["totalTps"]?["totalNormalInTps"]?.double == 0)
    #expect(metrics["totalData"]?["totalOneDayNum"]?["normalOneDayInNum"]?.int64 == 0)
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `brokers are not asked for all their groups because of groups that nobody was in so far`() async throws {
    let tool = try await ToolUnderTest()
    let other = try RefusingBroker()
    defer { other.stop() }
    try await tool.registerFirst(at: other.address, topics: [])
    for group in ["A", "B"] { _ = await tool.output("updateSubGroup -b \(try tool.address()) -g \(group)") }
    let directory = NSTemporaryDirectory() + "apus-export-" + UUID().uuidString
    let run = await tool.run("exportMetrics -c TestCluster -f \(directory)")
    #expect(run.status == .failure && run.notes.contains("failed at \(other.address), 1 of 2"), "\(run.notes)")
    let quota = try document(directory + "/metrics.json")["evaluateReport"]?["fx-a"]?["runtimeQuota"]
    #expect(quota?["groupSize"]?.int64 == 2)
    #expect(other.count(of: .getAllSubscriptionGroupConfig) == 0)
    try FileManager.default.removeItem(atPath: directory)
  }
}
