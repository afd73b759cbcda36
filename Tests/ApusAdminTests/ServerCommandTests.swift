import ApusBase
import ApusClient
import ApusCommandLine
import ApusProtocol
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct ServerCommandTests {
  @Test func `brokers are listed with their figures`() async throws {
    let tool = try await ToolUnderTest()
    let list = await tool.output("clusterList")
    #expect(
      list.lines[0]
        == "#Cluster Name     #Broker Name            #BID  #Addr                  #Version         "
        + "       #InTPS(LOAD)       #OutTPS(LOAD) #PCWait(ms) #Hour #SPACE")
    let place = "TestCluster       fx-a                    0     127.0.0.1:#####        V4_9_8           "
    #expect(list.lines[1].hasPrefix(place), "\(list.lines[1])")
    let figures = /\s+0\.00\(0,0ms\)\s+0\.00\(0,0ms\)\s+0\s+\d+\.\d\d\s+0\.\d{4}/
    #expect(list.lines[1].dropFirst(place.count).wholeMatch(of: figures) != nil, "\(list.lines[1])")
    let totals = await tool.output("clusterList -m").lines
    #expect(
      totals[0]
        == "#Cluster Name     #Broker Name                       #InTotalYest  #OutTotalYest"
        + "  #InTotalToday #OutTotalToday"
    )
    #expect(totals[1].hasPrefix("TestCluster       fx-a                                          0 "))
  }

  @Test func `a broker's figures come one a line, with its address when there may be several`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    let one = await tool.output("brokerStatus -b \(broker)")
    #expect(one.lines.contains("brokerVersionDesc               : V4_9_8"))
    let all = await tool.output("brokerStatus -c TestCluster")
    #expect(all.lines.contains("127.0.0.1:#####          brokerVersionDesc               : V4_9_8"))
    let objects = try await tool.output("brokerStatus -b \(broker) --json").objects
    #expect(objects.contains { $0["key"]?.text == "brokerName" && $0["value"]?.text == "fx-a" })
  }

  @Test func `a broker's settings are changed and shown`() async throws {
    let tool = try await ToolUnderTest()
    let broker = try tool.address()
    #expect(
      await tool.output("updateBrokerConfig -b \(broker) -k fileReservedTime -v 48").masked
        == "update broker config success, 127.0.0.1:#####\n")
    let one = await tool.output("getBrokerConfig -b \(broker)")
    #expect(one.lines[0] == "============127.0.0.1:#####============")
    let setting = "fileReservedTime                                  =  48"
    #expect(one.lines.contains(setting))
    let all = await tool.output("getBrokerConfig -c TestCluster")
    #expect(all.lines[0] == "============Master: 127.0.0.1:#####============")
    #expect(all.lines.contains(setting))
    let later = await tool.output("updateBrokerConfig -b \(broker) -k defaultTopicQueueNums -v 9")
    #expect(later.masked == "update broker config success, 127.0.0.1:#####\n")
    let remark = "from the next start on: defaultTopicQueueNums"
    #expect(later.notes == "updateBrokerConfig: \(broker): \(remark)\n")
    let object = try await tool.output("updateBrokerConfig -b \(broker) -k defaultTopicQueueNums -v 10 --json").objects
    #expect(object.first?["remark"]?.text == remark)
    let refused = await tool.run("updateBrokerConfig -c TestCluster -k fileReservedTime -v soon")
    #expect(refused.status == .failure)
    #expect(refused.notes.contains("fileReservedTime"), "\(refused.notes)")
    let fixed = await tool.run("updateBrokerConfig -b \(broker) -k storePathRootDir -v /elsewhere")
    #expect(fixed.notes.contains("black list"), "\(fixed.notes)")
    #expect(!fixed.notes.contains("Check the topic's permission"), "\(fixed.notes)")
  }

  @Test(arguments: ["cleanExpiredCQ", "cleanUnusedTopic", "deleteExpiredCommitLog"])
  func `housekeeping is done at once`(command: String) async throws {
    let tool = try await ToolUnderTest()
    for place in ["-b \(try tool.address())", "-c TestCluster", ""] {
      #expect(await tool.output("\(command) \(place)").output == "success\n")
    }
    #expect(await tool.run(command, answer: "no").status == .failure)
    let unknown = await tool.run("\(command) -c Elsewhere")
    #expect(unknown.notes.contains("there is no cluster 'Elsewhere' at this name server; it knows TestCluster"))
  }

  @Test func `the permission to write is taken and given back`() async throws {
    let tool = try await ToolUnderTest()
    let server = tool.cluster.nameServerAddress
    let wiped = await tool.output("wipeWritePerm -b fx-a").output
    #expect(
      wiped.wholeMatch(of: /wipe write perm of broker\[fx-a\] in name server\[127.0.0.1:\d+\] OK, \d+\n/) != nil)
    #expect(await tool.output("topicRoute -t TBW102 -l").lines[1].hasSuffix(" 5    "))
    let added = await tool.output("addWritePerm -b fx-a").output
    #expect(added.hasPrefix("add write perm of broker[fx-a] in name server[\(server)] OK, "))
    #expect(await tool.output("topicRoute -t TBW102 -l").lines[1].hasSuffix(" 7    "))
    for command in ["wipeWritePerm", "addWritePerm"] {
      let unknown = await tool.run("\(command) -b fx-z")
      #expect(unknown.status == .failure && unknown.output.hasSuffix(" OK, 0\n"))
      #expect(unknown.notes == "apus: \(command): no name server knows a topic of the broker group 'fx-z'\n")
    }
  }

  @Test func `a name server that knows nothing yet is passed over while another one knows`() async throws {
    let (tool, new) = (try await ToolUnderTest(), try Cluster([]))
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    _ = await tool.output("updateSubGroup -c TestCluster -g Workers")
    // A command begins with any of them.
    let servers = Array(repeating: new.nameServerAddress, count: 7) + [tool.cluster.nameServerAddress]
    let broker = try tool.address()
    for (line, shown) in [
      ("clusterList", " fx-a "), ("topicList", "Orders\n"), ("topicRoute -t Orders", "fx-a"),
      ("getBrokerConfig -c TestCluster", "=Master: "), ("getConsumerConfig -g Workers", "TestCluster:fx-a="),
      ("updateTopic -b \(broker) -t Orders -w 1 -o true", "orderConf=[fx-a:1]"),
    ] {
      let run = await ToolUnderTest.run("\(line) -n \(servers.joined(separator: ";"))")
      #expect(run.status == .success, "\(line): \(run.notes)")
      #expect(run.output.contains(shown), "\(line): \(run.output)")
    }
    // It is needed until here.
    #expect(new.members.isEmpty)
  }

  @Test func `key-value configuration and settings of name servers`() async throws {
    let tool = try await ToolUnderTest()
    #expect(
      await tool.output("updateKvConfig -s SPACE -k one -v 1").output
        == "create or update kv config to namespace success.\n")
    let client = try AdminClient(.patient([tool.cluster.nameServerAddress]))
    #expect(try await client.value(of: "one", in: "SPACE") == "1")
    #expect(try await client.values(in: "SPACE").rows.map(\.key) == ["one"])
    #expect(
      await tool.output("deleteKvConfig -s SPACE -k one").output == "delete kv config from namespace success.\n")
    #expect(try await client.value(of: "one", in: "SPACE") == nil)
    let twice = await tool.run("deleteKvConfig -s SPACE -k one")
    #expect(twice.status == .failure)
    #expect(twice.notes == "apus: deleteKvConfig: no name server has the key 'one' in the namespace 'SPACE'\n")
    let server = tool.cluster.nameServerAddress
    #expect(
      await tool.output("updateNamesrvConfig -k productEnvName -v here").output
        == "update name server config success![\(server)]\nproductEnvName : here\n")
    let mistyped = await tool.output("updateNamesrvConfig -k productEnvNam -v here")
    #expect(mistyped.notes == "updateNamesrvConfig: \(server): not known, not changed: productEnvNam\n")
    let shown = await tool.output("getNamesrvConfig")
    #expect(shown.lines[0] == "============127.0.0.1:#####============")
    #expect(shown.lines.contains("productEnvName                                    =  here"))
    let json = try await tool.output("getNamesrvConfig --json").objects
    #expect(json.first?["settings"]?["productEnvName"]?.text == "here")
    #expect(json.first?["nameServer"]?.text == server)
  }
}
