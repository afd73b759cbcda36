import ApusBase
import ApusCommandLine
import Testing

@testable import ApusAdmin
@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct TopicCommandTests {
  @Test func `a topic is made, listed, changed and deleted`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    let made = await tool.output("updateTopic -b \(broker) -t Orders -r 3 -w 2 -u true")
    #expect(
      made.masked == """
        create topic to 127.0.0.1:##### success.
        TopicConfig [topicName=Orders, readQueueNums=3, writeQueueNums=2, perm=RW-, topicFilterType=SINGLE_TAG, \
        topicSysFlag=1, order=false]

        """)
    #expect(await tool.output("topicList").lines.contains("Orders"))
    #expect(await tool.output("topicClusterList -t Orders").output == "TestCluster\n")
    let perm = await tool.output("updateTopicPerm -t Orders -p 4 -b \(broker)")
    #expect(
      perm.masked == """
        update topic perm from 6 to 4 in 127.0.0.1:##### success.
        TopicConfig [topicName=Orders, readQueueNums=3, writeQueueNums=2, perm=R--, topicFilterType=SINGLE_TAG, \
        topicSysFlag=1, order=false].

        """)
    try await until { await tool.output("topicRoute -t Orders -l").lines.contains { $0.hasSuffix(" 4    ") } }
    #expect(
      await tool.output("updateTopicPerm -t Orders -p 6 -c TestCluster").masked
        == "update topic perm from 4 to 6 in 127.0.0.1:##### success.\n")
    // The broker has told of it: no registration that is still under way brings the topic back.
    try await until { await tool.output("topicRoute -t Orders -l").lines.contains { $0.hasSuffix(" 6    ") } }
    #expect(
      await tool.output("deleteTopic -t Orders -c TestCluster").output == """
        delete topic [Orders] from cluster [TestCluster] success.
        delete topic [Orders] from NameServer success.

        """)
    #expect(await !tool.output("topicList").lines.contains("Orders"))
    let gone = await tool.run("topicStatus -t Orders")
    #expect(gone.status == .failure)
    #expect(gone.notes.contains("topicStatus: unknown topic"), "\(gone.notes)")
  }

  @Test func `a topic that no broker has cannot be deleted, one of another cluster neither`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders")
    let mistyped = await tool.run("deleteTopic -t Order -c TestCluster")
    #expect(mistyped.status == .failure && mistyped.output.isEmpty)
    #expect(mistyped.notes == "apus: deleteTopic: no broker of the cluster 'TestCluster' has the topic 'Order'\n")
    try tool.cluster.start("fx-b", [("brokerClusterName", "Other")])
    try await until { await tool.output("clusterList").output.contains("Other ") }
    #expect(await tool.run("deleteTopic -t Orders -c Other").status == .failure)
    #expect(await tool.output("topicList").lines.contains("Orders"))
  }

  @Test func `a topic's route and offsets are shown as mqadmin shows them`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 2 -w 2")
    let producer = try tool.client.producer(group: "PG")
    let receipt = try await producer.send(Message(topic: "Orders", text: "one"))
    let status = await tool.output("topicStatus -t Orders")
    #expect(status.lines.count == 4)
    #expect(
      status.lines[0]
        == "#Broker Name                      #QID  #Min Offset           #Max Offset             #Last Updated")
    #expect(
      status.lines[1 + Int(receipt.queue.queueID)]
        == "fx-a                              \(receipt.queue.queueID)     0                     1"
        + "                       YYYY-MM-DD HH:MM:SS,mmm")
    #expect(
      status.lines[2 - Int(receipt.queue.queueID)]
        == "fx-a                              \(1 - receipt.queue.queueID)     0                     0"
        + "                       ")
    let route = await tool.output("topicRoute -t Orders")
    #expect(route.masked.hasPrefix("{\n\t\"brokerDatas\":["), "\(route.masked)")
    let list = await tool.output("topicRoute -t Orders -l").lines
    #expect(
      list[0]
        == "#ClusterName                                  #BrokerName                      "
        + "#BrokerAddrs                                       #ReadQueue #WriteQueue #Perm")
    #expect(
      list[1]
        == "TestCluster                                   fx-a                             "
        + "{0=127.0.0.1:#####}                                2          2           6    ")
    #expect(list[2] == String(repeating: "-", count: 158))
    #expect(list[3].hasPrefix("Total:                                        1    "))
  }

  @Test func `with groups, topics are listed beside those who consume them`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders")
    let list = await tool.output("topicList -c")
    #expect(
      list.lines[0]
        == "#Cluster Name         #Topic                                            #Consumer Group"
        + String(repeating: " ", count: 33))
    let row = "TestCluster           Orders" + String(repeating: " ", count: 60 + 64)
    #expect(list.lines.contains(row), "\(list.lines)")
    let objects = try await tool.output("topicList -c --json").objects
    #expect(objects.contains { $0["topic"]?.text == "Orders" && $0["cluster"]?.text == "TestCluster" })
  }

  @Test func `the order of a topic's queues is kept by the name servers`() async throws {
    let tool = try await ToolUnderTest()
    let made = await tool.output("updateTopic -b \(try tool.address()) -t Steps -w 4 -o true")
    #expect(made.lines[1] == "set broker orderConf. isOrder=true, orderConf=[fx-a:4]")
    #expect(
      await tool.output("updateOrderConf -t Steps -m get").output
        == "get orderConf success. topic=[Steps], orderConf=[fx-a:4]\n")
    #expect(
      await tool.output("updateOrderConf -t Steps -m put -v fx-a:2;fx-b:2").output
        == "update orderConf success. topic=[Steps], orderConf=[fx-a:2;fx-b:2]\n")
    #expect(
      await tool.output("updateTopic -c TestCluster -t Steps -w 3 -o true").lines.contains(
        "set cluster orderConf. isOrder=true, orderConf=[fx-a:3]"))
    let kept = await tool.run("updateOrderConf -t Steps -m delete", answer: "no")
    #expect(kept.status == .failure)
    #expect(kept.notes.contains("this will delete the order configuration of the topic 'Steps'"), "\(kept.notes)")
    #expect(await tool.run("updateOrderConf -t Steps -m get", answer: "no").status == .success)
    #expect(
      await tool.output("updateOrderConf -t Steps -m delete").output == "delete orderConf success. topic=[Steps]\n")
    let none = await tool.run("updateOrderConf -t Steps -m get")
    #expect(none.status == .failure)
    #expect(none.notes == "apus: updateOrderConf: the topic 'Steps' has no order configuration\n")
    let twice = await tool.run("updateOrderConf -t Steps -m delete")
    #expect(twice.status == .failure && twice.notes == none.notes, "\(twice.notes)")
    #expect(await tool.run("updateOrderConf -t Steps -m take").notes.contains("takes get, put or delete"))
  }

  @Test func `an order configuration is added to what each name server knows`() async throws {
    let tool = try await ToolUnderTest()
    let (first, second) = (tool.cluster.nameServerAddress, try Cluster([]))
    let set = await ToolUnderTest.run(
      "updateOrderConf -t Steps -m put -v fx-z:2 -n \(second.nameServerAddress)")
    #expect(set.status == .success, "\(set.notes)")
    let made = await ToolUnderTest.run(
      "updateTopic -b \(try tool.address()) -t Steps -w 4 -o true -n \(first);\(second.nameServerAddress)")
    #expect(made.status == .success, "\(made.notes)")
    for (server, order) in [(first, "fx-a:4"), (second.nameServerAddress, "fx-z:2;fx-a:4")] {
      let known = await ToolUnderTest.run("updateOrderConf -t Steps -m get -n \(server)")
      #expect(known.output == "get orderConf success. topic=[Steps], orderConf=[\(order)]\n")
    }
    // It is needed until here.
    #expect(second.members.isEmpty)
  }

  @Test func `a permission is changed where the topic is, and nothing else of it`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -b \(try tool.address()) -t Steps -w 4")
    let changed = await tool.output("updateTopicPerm -t Steps -p 4 -b \(try tool.address())")
    #expect(changed.output.contains("writeQueueNums=4, perm=R--,"), "\(changed.output)")
    try tool.cluster.start("fx-b", [("brokerClusterName", "Other")])
    try await until { await tool.output("clusterList").output.contains("Other ") }
    let absent = await tool.run("updateTopicPerm -t Steps -p 6 -c Other")
    #expect(absent.status == .failure)
    #expect(absent.notes.contains("no master of the cluster has the topic 'Steps'"), "\(absent.notes)")
  }

  @Test func `a permission that only the name servers took away is still the broker's`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    _ = await tool.output("updateTopic -b \(broker) -t Steps")
    _ = await tool.output("wipeWritePerm -b fx-a")
    let changed = await tool.output("updateTopicPerm -t Steps -p 4 -b \(broker)")
    #expect(changed.output.hasPrefix("update topic perm from 6 to 4 in \(broker) success.\n"), "\(changed.output)")
    let again = await tool.output("updateTopicPerm -t Steps -p 4 -b \(broker)")
    #expect(again.output == "new perm equals to the old one!\n")
  }

  @Test func `queues are shared as the averaging strategy shares them`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 3")
    #expect(
      await tool.output("allocateMQ -t Orders -i 10.0.0.1,10.0.0.2").output
        == #"{"result":{"10.0.0.1":[{"brokerName":"fx-a","queueId":0,"topic":"Orders"},"#
        + #"{"brokerName":"fx-a","queueId":1,"topic":"Orders"}],"#
        + #""10.0.0.2":[{"brokerName":"fx-a","queueId":2,"topic":"Orders"}]}}"# + "\n")
  }

  @Test func `who sits at a terminal is asked before a topic is deleted`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders")
    let refused = await tool.run("deleteTopic -t Orders -c TestCluster", answer: "y")
    #expect(refused.status == .failure)
    #expect(refused.notes.contains("this will delete the topic 'Orders' of cluster 'TestCluster'"))
    #expect(await tool.output("topicList").lines.contains("Orders"))
    #expect(await tool.run("deleteTopic -t Orders -c TestCluster", answer: "yes").status == .success)
    let confirmed = await tool.run("deleteTopic -t Orders -c TestCluster --yes", answer: "no")
    #expect(!confirmed.notes.contains("Type yes"))
  }
}
