import ApusBase
import ApusClient
import ApusCommandLine
import Foundation
import Testing

@testable import ApusAdmin

/// The commands that brokers pass on to consumers.
@Suite(.timeLimit(.minutes(10))) struct RelayCommandTests {
  @Test func `consumers say how they are doing, and consume what they are told to`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let before = FileManager.default.currentDirectoryPath
    let directory = NSTemporaryDirectory() + "apus-relay-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    _ = FileManager.default.changeCurrentDirectoryPath(directory)
    defer { _ = FileManager.default.changeCurrentDirectoryPath(before) }
    try await tool.consuming("Orders", group: "Workers", messages: 2) { id in
      let status = await tool.output("consumerStatus -g Workers").lines
      #expect(
        status[0]
          == "#Index     #ClientId                                #Version             #ConsumerRunningInfoFile")
      #expect(status[1].hasPrefix("1          " + id), "\(status[1])")
      #expect(status.contains("Same subscription in the same group of consumer"))
      #expect(status.contains("Rebalance OK"))
      let path = try #require(status[1].split(separator: " ").last)
      let text = try String(contentsOfFile: directory + "/" + path, encoding: .utf8)
      #expect(text.hasPrefix("#Consumer Properties#\n"))
      let one = await tool.output("consumerStatus -g Workers -i \(id)").lines
      #expect(one.contains("#Consumer Offset#"))
      #expect(one.contains { $0.hasPrefix("PROP_CONSUME_TYPE                       : CONSUME_PASSIVELY") })
      #expect(one.contains { $0.hasPrefix("001 Topic: ") })
      #expect(
        one.contains { $0.hasPrefix("Orders                            fx-a                              0     2") })
      #expect(await tool.output("consumer -g Workers").lines[0].hasPrefix("001  " + id))

      let progress = await tool.output("consumerProgress -g Workers -s true").lines
      #expect(progress[0].contains("#Client IP           #Diff "))
      let address = String(id.prefix { $0 != "@" })
      #expect(progress.contains { $0.hasPrefix("Orders ") && $0.contains(" \(address) ") }, "\(progress)")

      let offsets = await tool.output("getConsumerStatus -g Workers -t Orders").lines
      #expect(offsets[0] == "get consumer status from client. group=Workers, topic=Orders, originClientId=")
      #expect(offsets[2].hasPrefix(id), "\(offsets)")

      let found = await tool.output("queryMsgByOffset -t Orders -b fx-a -i 0 -o 0")
      let offsetID = try #require(found.lines[0].split(separator: " ").last)
      #expect(found.lines.contains { $0.hasPrefix("MessageTrack [consumerGroup=Workers, trackType=") })
      let direct = await tool.output("queryMsgById -i \(offsetID) -g Workers -d \(id)")
      #expect(
        direct.output.hasPrefix(
          "ConsumeMessageDirectlyResult [order=false, autoCommit=true, consumeResult=CR_SUCCESS, remark=null, "),
        "\(direct.output)")

      let rounds = await tool.output("startMonitoring --once").lines
      #expect(rounds[0] == "[MONITOR] =========================================beginRound")
      #expect(
        rounds.contains {
          $0.hasPrefix("[MONITOR] reportUndoneMsgs: UndoneMsgs [consumerGroup=Workers, topic=Orders, undoneMsgsTotal=")
        }, "\(rounds)")

      let reset = await tool.output("resetOffsetByTime -g Workers -t Orders -s now").lines
      #expect(
        reset[0] == "rollback consumer offset by specified group[Workers], topic[Orders], force[true], "
          + "timestamp(string)[now], timestamp(long)[-1]")
      #expect(reset[1].hasPrefix("#brokerName                               #queueId   "))
      #expect(reset[2].hasPrefix("fx-a                                      0   "), "\(reset)")
      #expect(await tool.output("resetOffsetByTime -g Workers -t Orders -s now -c").lines.count == 4)
      #expect(await tool.output("skipAccumulatedMessage -g Workers -t Orders").lines[0].hasPrefix("#brokerName   "))
    }
    try FileManager.default.removeItem(atPath: directory)
  }
}
