import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import Foundation
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct GroupCommandTests {
  @Test func `a group is made, shown and deleted`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    let made = await tool.output("updateSubGroup -b \(broker) -g Workers -r 3 -d true")
    #expect(
      made.masked == """
        create subscription group to 127.0.0.1:##### success.
        SubscriptionGroupConfig [groupName=Workers, consumeEnable=true, consumeFromMinEnable=false, \
        consumeBroadcastEnable=true, retryQueueNums=1, retryMaxTimes=3, brokerId=0, whichBrokerWhenConsumeSlowly=1, \
        notifyConsumerIdsChangedEnable=true]

        """)
    let shown = await tool.output("getConsumerConfig -g Workers")
    let rule = String(repeating: "=", count: 29)
    #expect(shown.lines[0] == "\(rule)TestCluster:fx-a\(rule)")
    #expect(shown.lines.contains("retryMaxTimes                           =  3"))
    #expect(
      await tool.output("deleteSubGroup -b \(broker) -g Workers").masked
        == "delete subscription group [Workers] from broker [127.0.0.1:#####] success.\n")
    let gone = await tool.run("getConsumerConfig -g Workers")
    #expect(gone.notes == "apus: getConsumerConfig: no broker knows the consumer group 'Workers'\n")
    _ = await tool.output("updateSubGroup -c TestCluster -g Workers")
    let deleted = await tool.output("deleteSubGroup -c TestCluster -g Workers -r true").lines
    #expect(
      deleted[0]
        == "delete subscription group [Workers] from broker [127.0.0.1:#####] in cluster [TestCluster] success.")
    #expect(deleted[1] == "delete topic [%RETRY%Workers] from cluster [TestCluster] success.")
    #expect(deleted[3] == "delete topic [%DLQ%Workers] from cluster [TestCluster] success.")
  }

  @Test func `a group that no broker knows cannot be deleted, but offsets that were left of it can`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    let unknown = await tool.run("deleteSubGroup -b \(broker) -g Worker")
    #expect(unknown.status == .failure && unknown.output.isEmpty)
    #expect(
      unknown.notes == "deleteSubGroup: \(broker) does not know the consumer group 'Worker'\n"
        + "apus: deleteSubGroup: no broker knows the consumer group 'Worker'\n")
    #expect(await tool.run("deleteSubGroup -b \(broker) -g Worker -r true").status == .success)
  }

  @Test func `a group that was made by request is known before its first member comes`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let unknown = await tool.run("consumerProgress -g Planned")
    #expect(unknown.notes == "apus: consumerProgress: no broker knows the consumer group 'Planned'\n")
    _ = await tool.output("updateSubGroup -c TestCluster -g Planned")
    let fresh = await tool.run("consumerProgress -g Planned")
    #expect(fresh.notes.contains("the consumer group 'Planned' has no offsets"), "\(fresh.notes)")
  }

  @Test func `a topic of a group that cannot be deleted does not keep the other one`() async throws {
    let tool = try await ToolUnderTest()
    // The topic of its retries has a longer name than a topic may have, that of its dead letters has not.
    let group = String(repeating: "g", count: 121)
    let run = await tool.run("deleteSubGroup -c TestCluster -g \(group)")
    #expect(run.status == .failure)
    #expect(run.output.contains("delete topic [%DLQ%\(group)] from cluster [TestCluster] success.\n"), "\(run.output)")
    #expect(run.notes.contains("the group is deleted, but not %RETRY%\(group); "), "\(run.notes)")
  }

  @Test func `the members of groups and how far they have come`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    try await tool.consuming("Orders", group: "Workers", messages: 3) { id in
      let members = await tool.output("consumerConnection -g Workers").lines
      #expect(members[0] == "#ClientId                            #ClientAddr            #Language  #Version")
      #expect(
        members[1].hasPrefix(id) && members[1].hasSuffix(" 127.0.0.1:#####        JAVA       V4_9_8"), "\(members[1])")
      #expect(members[2] == "" && members[3] == "Below is subscription:")
      #expect(members[4] == "#Topic               #SubExpression")
      #expect(members.contains("Orders               *"))
      #expect(members.contains("ConsumeType: CONSUME_PASSIVELY"))
      #expect(members.contains("MessageModel: CLUSTERING"))
      #expect(members.contains { $0.hasPrefix("ConsumeFromWhere: CONSUME_FROM_") })

      let all = await tool.output("consumerProgress").lines
      #expect(
        all[0]
          == "#Group                                                            #Count  #Version                 "
          + "#Type  #Model          #TPS     #Diff Total")
      #expect(
        all.contains {
          $0.hasPrefix(
            "Workers" + String(repeating: " ", count: 59) + "1       V4_9_8                   PUSH   CLUSTERING ")
        }, "\(all)")
      let senders = await tool.output("producerConnection -g PG -t Orders").lines
      #expect(senders[0].hasPrefix("0001  "), "\(senders)")
      #expect(senders[0].hasSuffix("127.0.0.1:#####        JAVA     V4_9_8"), "\(senders)")
      let table = await tool.output("producer -b \(try tool.address())")
      #expect(table.output.contains("producer group (PG) instance : clientId="), "\(table.output)")
      #expect(table.output.contains(", language=JAVA, version=409, lastUpdateTimestamp="))
    }
    // The members have left, and have committed what they consumed.
    let one = await tool.output("consumerProgress -g Workers").lines
    #expect(
      one[0]
        == "#Topic                                                            #Broker Name                      #QID  "
        + "#Broker Offset        #Consumer Offset      #Diff                 #LastTime")
    let row =
      "Orders                                                            fx-a                              0     "
      + "3                     3                     0                     YYYY-MM-DD HH:MM:SS"
    #expect(one.contains(row), "\(one)")
    #expect(one.contains("Diff Total: 0"))
    let owners = await tool.output("consumerProgress -g Workers -s true").lines
    #expect(owners.contains { $0.hasPrefix("Orders ") && $0.contains(" N/A ") }, "\(owners)")
    let broker = await tool.output("brokerConsumeStats -b \(try tool.address())").lines
    #expect(
      broker[0]
        == "#Topic                                                            #Group        "
        + "                                                    "
        + "#Broker Name                      #QID  #Broker Offset        #Consumer Offset  "
        + "    #Diff                 #LastTime"
    )
    #expect(broker.contains { $0.hasPrefix("Orders ") && $0.hasSuffix(" YYYY-MM-DD HH:MM:SS") }, "\(broker)")
    #expect(broker.contains("Diff Total: 0"))
    let absent = await tool.run("consumerConnection -g Workers")
    #expect(absent.status == .failure)
    #expect(absent.notes.contains("code 206"), "\(absent.notes)")
  }

  @Test func `rates and lags of topics and groups`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let all = await tool.output("statsAll -t Orders").lines
    #expect(
      all[0]
        == "#Topic                                                            #Consumer Grou"
        + "p                                                  "
        + "#Accumulation      #InTPS     #OutTPS   #InMsg24Hour  #OutMsg24Hour")
    #expect(
      all[1]
        == "Orders" + String(repeating: " ", count: 60 + 64)
        + "            0        0.00                          0    NO_CONSUMER")
    #expect(await tool.output("statsAll -a").lines.count == 2)
    let none = await tool.run("statsAll -t Order")
    #expect(none.status == .failure && none.output.isEmpty && none.notes.contains("the topic 'Order'"), "\(none.notes)")
    let topic = try #require(try await tool.output("statsAll -t Orders --json").objects.first)
    #expect(topic["topic"]?.text == "Orders" && topic["lag"]?.int64 == 0)
  }

  @Test func `offsets are cloned, reset and skipped at brokers when nobody is in the group`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    try await tool.consuming("Orders", group: "Workers", messages: 3) { _ in }
    let reset = await tool.output("resetOffsetByTime -g Workers -t Orders -s 0").lines
    #expect(
      reset[0] == "rollback consumer offset by specified consumerGroup[Workers], topic[Orders], force[true], "
        + "timestamp(string)[0], timestamp(long)[0]")
    #expect(
      reset[1]
        == "#brokerName           #queueId              #brokerOffset         #consumerOffse"
        + "t       #timestampOffset      "
        + "#rollbackOffset     ")
    #expect(
      reset[2]
        == "fx-a                  0                     3                     3             "
        + "        0                     "
        + "0                   ")
    let cloned = await tool.output("cloneGroupOffset -s Workers -d Others -t Orders")
    #expect(
      cloned.output == "clone group offset success. srcGroup[Workers], destGroup=[Others], topic[Orders]\n")
    _ = await tool.output("cloneGroupOffset -s Workers -d Others -t Orders -o true")
    _ = await tool.output("skipAccumulatedMessage -g Workers -t Orders")
    let unknown = await tool.run("cloneGroupOffset -s Nobody -d Workers -t Orders")
    #expect(unknown.status == .failure)
    #expect(unknown.notes.contains("the group 'Nobody' has no offsets of the topic 'Orders'"), "\(unknown.notes)")
    #expect(await tool.output("consumerProgress -g Workers").lines.contains("Diff Total: 0"))
    let skipped = await tool.output("skipAccumulatedMessage -g Workers -t Orders").lines
    #expect(skipped[0].hasPrefix("#brokerName           #queueId "))
    #expect(skipped[1].hasSuffix("3                     3                   "), "\(skipped)")
    let old = await tool.output("resetOffsetByTimeOld -g Workers -t Orders -s 2020-01-01#00:00:00:000 -f false").lines
    #expect(old[0].contains("force[false], timestamp(string)[YYYY-MM-DD HH:MM:SS:mmm], timestamp(long)[15778"))
    #expect(old[2].hasPrefix("fx-a "))
    // As brokers read -1 for members.
    for command in ["resetOffsetByTime", "resetOffsetByTimeOld"] {
      _ = await tool.output("\(command) -g Workers -t Orders -s 0")
      let end = await tool.output("\(command) -g Workers -t Orders -s -1").lines
      #expect(end[0].hasSuffix("timestamp(string)[-1], timestamp(long)[-1]"))
      #expect(end[2].hasSuffix("3                     3                   "), "\(end)")
    }
    #expect(
      await tool.run("resetOffsetByTime -g Workers -t Orders -s soon").notes.contains(
        "option '--timestamp' takes milliseconds or yyyy-MM-dd#HH:mm:ss:SSS, not 'soon'"))
    #expect(await tool.run("skipAccumulatedMessage -g Workers -t Orders", answer: "no").status == .failure)
  }

  @Test func `units of a queue are shown as they lie in its file`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    try await tool.send("Orders", count: 2)
    let rule = String(repeating: "=", count: 38)
    let shown = await tool.output("queryCq -t Orders -q 0 -i 0 -c 1").lines
    #expect(shown[0] == "Queue data: ")
    #expect(shown[1] == "max: 2, min: 0")
    #expect(shown[2] == rule)
    #expect(shown[3] == "idx: 0")
    #expect(shown[4].hasPrefix("ConsumeQueueData{physicOffset=0, physicSize="), "\(shown[4])")
    #expect(shown[5] == rule)
    let json = try await tool.output("queryCq -t Orders -q 0 -i 0 --json").objects
    #expect(json.first?["maxQueueIndex"]?.int64 == 2)
    #expect(await tool.run("queryCq -t Orders -q 0 -i 9").status == .failure)
  }
}
