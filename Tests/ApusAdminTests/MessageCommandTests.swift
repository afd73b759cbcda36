import ApusBase
import ApusClient
import ApusCommandLine
import ApusModel
import ApusSystem
import Foundation
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct MessageCommandTests {
  @Test func `a message is sent and found by every id and key`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let sent = await tool.output("sendMessage -t Orders -p 'a body' -k one -c blue")
    #expect(sent.lines[0] == "#Broker Name                      #QID  #Send Result            #MsgId")
    #expect(sent.lines[1].hasPrefix("fx-a                              0     SEND_OK                 "))
    let id = try #require(sent.lines[1].split(separator: " ").last)
    let queued = await tool.output("sendMessage -t Orders -p two -b fx-a -i 0").lines[1]
    #expect(queued.contains(" 0     SEND_OK "))
    #expect(await tool.run("sendMessage -t Orders -p x -i 0").notes.contains("Broker name must be set"))

    let byKey = await tool.eventually("queryMsgByKey -t Orders -k one")
    #expect(
      byKey.lines[0]
        == "#Message ID                                        #QID                                  #Offset")
    #expect(
      byKey.lines[1]
        == id + String(repeating: " ", count: 50 - id.count) + "    0" + String(repeating: " ", count: 40) + "0")

    let byUnique = await tool.output("queryMsgByUniqueKey -t Orders -i \(id)")
    #expect(byUnique.lines[0] == "Topic:               Orders")
    #expect(byUnique.lines[1] == "Tags:                [blue]")
    #expect(byUnique.lines[2] == "Keys:                [one]")
    #expect(byUnique.lines.contains("Queue Offset:        0"))
    #expect(byUnique.lines.contains("Born Timestamp:      YYYY-MM-DD HH:MM:SS,mmm"))
    #expect(byUnique.lines.contains("Store Host:          127.0.0.1:#####"))
    #expect(byUnique.lines.contains("Message Body Path:   /tmp/rocketmq/msgbodys/\(id)"))
    #expect(byUnique.lines.contains("WARN: No Consumer"))
    #expect(try String(contentsOfFile: "/tmp/rocketmq/msgbodys/\(id)", encoding: .utf8) == "a body")

    let byOffset = await tool.output("queryMsgByOffset -t Orders -b fx-a -i 0 -o 0")
    #expect(byOffset.lines[0].hasPrefix("OffsetID:            "))
    let offsetID = try #require(byOffset.lines[0].split(separator: " ").last)
    let byID = await tool.output("queryMsgById -i \(offsetID)")
    #expect(byID.output == byOffset.output)
    let absent = "\(offsetID.dropLast(4))FFFF"
    let both = await tool.run("queryMsgById -i \(absent),\(offsetID)")
    #expect(both.status == .failure)
    #expect(both.output == byOffset.output)
    #expect(both.notes.contains("queryMsgById: failed for \(absent), 1 of 2"), "\(both.notes)")
    let again = await tool.output("queryMsgById -i \(offsetID) -s true")
    #expect(
      again.output.hasPrefix("prepare resend msg. originalMsgId=\(offsetID)SendResult [sendStatus=SEND_OK, msgId="))
    #expect(await tool.output("queryMsgById -i \(offsetID) -s true -u here").output.contains("SEND_OK"))
    let twice = await tool.output("queryMsgById -i \(offsetID),\(offsetID) -s true")
    #expect(twice.lines.count { $0.contains("SEND_OK") } == 2, "\(twice.output)")
    let json = try #require(try await tool.output("queryMsgById -i \(offsetID) --json").objects.first)
    #expect(json["message"]?["body"]?.text == "a body")
    let wrong = await tool.run("queryMsgById -i \(id)")
    #expect(wrong.notes.contains("queryMsgByUniqueKey takes those of producers"), "\(wrong.notes)")
    #expect(await tool.run("queryMsgByOffset -t Orders -b fx-a -i 0 -o 99").notes.contains("OFFSET_ILLEGAL"))
    try FileManager.default.removeItem(atPath: "/tmp/rocketmq/msgbodys/\(id)")
  }

  @Test func `a message of a transaction is sent once more as a plain one`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    let producer = try tool.client.transactionProducer(group: "TP") { _ in .commit }
    _ = try await producer.send(Message(topic: "Orders", text: "paid")) { _ in .commit }
    // It is delivered when the broker has heard of its end.
    func stored() async throws -> [JSONValue] { try await tool.output("printMsg -t Orders --json").objects }
    try await until { try await !stored().isEmpty }
    let id = try #require(try await stored()[0]["offsetMsgId"]?.text)
    #expect(await tool.output("queryMsgById -i \(id) -s true").output.contains("SEND_OK"))
    #expect(try await stored().map { $0["body"]?.text } == ["paid", "paid"])
  }

  @Test func `messages are printed, counted and read`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 1")
    for tag in ["a", "b", "b"] { _ = await tool.output("sendMessage -t Orders -p body-\(tag) -c \(tag)") }
    let queue = "MessageQueue [topic=Orders, brokerName=fx-a, queueId=0]"
    let printed = await tool.output("printMsg -t Orders").lines
    #expect(printed[0] == "minOffset=0, maxOffset=3, \(queue)")
    #expect(printed.count { $0.hasPrefix("MSGID: ") && $0.hasSuffix(" BODY: body-b") } == 2)
    #expect(printed[1].contains(" MessageExt [brokerName=fx-a, queueId=0, storeSize="), "\(printed[1])")
    #expect(printed[1].contains("Message{topic='Orders', flag=0, properties={"))
    let first = try #require(try await tool.output("printMsg -t Orders --json").objects.first)
    #expect(printed[1].hasPrefix("MSGID: \(first["msgId"]?.text ?? "none") MessageExt ["), "\(printed[1])")
    #expect(printed[1].contains(", msgId=\(first["offsetMsgId"]?.text ?? "none"), "), "\(printed[1])")
    #expect(printed[1].contains(", transactionId='null'}] BODY: "), "\(printed[1])")
    #expect(printed[4] == String(repeating: "-", count: 56))
    #expect(await tool.output("printMsg -t Orders -s a -d false").lines[1].hasSuffix(" BODY: NOT PRINT BODY"))
    let later = await tool.output("printMsg -t Orders -b 4102444800000").lines
    #expect(later[0].contains("maxOffset=3"))
    #expect(!later.contains { $0.hasPrefix("MSGID: ") })
    let now = SystemClock.wall().milliseconds + 1
    while SystemClock.wall().milliseconds <= now { await Task.yield() }
    for line in ["consumeMessage -t Orders", "printMsg -t Orders", "printMsgByQueue -t Orders -a fx-a -i 0 -p true"] {
      let all = await tool.output("\(line) -e \(now)").lines
      #expect(all.count { $0.hasPrefix("MSGID: ") } == 3, "\(line): \(all)")
      let none = await tool.output("\(line) -e 1").lines
      #expect(!none.contains { $0.hasPrefix("MSGID: ") }, "\(line): \(none)")
    }
    #expect(
      await tool.output("printMsgByQueue -t Orders -a fx-a -i 0 -f true").output
        == "Tag: b                              Count: 2\nTag: a                              Count: 1\n")
    let body = await tool.output("printMsgByQueue -t Orders -a fx-a -i 0 -p true -d true -c ISO-8859-1")
    #expect(body.lines[0].hasSuffix(" BODY: body-a"))
    let consumed = await tool.output("consumeMessage -t Orders -c 2").lines
    #expect(consumed[0] == "The older 2 message of the 0 queue will be provided")
    #expect(consumed[1] == "Consume ok")
    #expect(consumed.count { $0.hasPrefix("MSGID: ") } == 2)
    let one = await tool.output("consumeMessage -t Orders -b fx-a -i 0 -o 2").lines
    #expect(one.count { $0.hasPrefix("MSGID: ") } == 1)
    #expect(
      await tool.output("consumeMessage -t Orders -b fx-a -i 0 -o 9").output == "\(queue) no matched msg, offset=9\n")
    for (line, reason) in [
      ("-i 0", "Please set the brokerName before queueId!"), ("-o 0", "Please set queueId before offset!"),
      ("-c 0", "takes a whole number from 1"), ("-s 4102444800000", "Please set the beginTimestamp before now!"),
      ("-s 2 -e 1", "the beginTimestamp is less than or equal to the endTimestamp"),
    ] {
      let run = await tool.run("consumeMessage -t Orders \(line)")
      #expect(run.status == .failure && run.notes.contains(reason), "\(run.notes)")
    }
  }

  @Test func `sends are measured`() async throws {
    let tool = try await ToolUnderTest()
    _ = await tool.output("updateTopic -c TestCluster -t Orders -r 1 -w 2")
    let times = await tool.output("checkMsgSendRT -t Orders -a 3").lines
    #expect(times[0] == "#Broker Name                      #QID  #Send Result            #RT")
    #expect(times[1].wholeMatch(of: /fx-a                              0     true                    \d+/) != nil)
    #expect(times[2].wholeMatch(of: /fx-a                              1     true                    \d+/) != nil)
    #expect(times[4].wholeMatch(of: /Avg RT: \d+\.\d\d/) != nil)
    _ = await tool.output("updateTopic -c TestCluster -t Shown -p 4")
    let unwritable = await tool.run("checkMsgSendRT -t Shown -a 1")
    #expect(unwritable.status == .failure)
    #expect(unwritable.notes.contains("the topic 'Shown' has no queue that may be written to"), "\(unwritable.notes)")
    let status = await tool.output("sendMsgStatus -b fx-a -c 2").lines
    let start = #/rt=\d+ms, SendResult=SendResult \[sendStatus=SEND_OK, msgId=[0-9A-F]+, offsetMsgId=[0-9A-F]+, /#
    let end = /messageQueue=MessageQueue \[topic=fx-a, brokerName=fx-a, queueId=\d+\], queueOffset=\d+\]/
    let rest = try #require(status[0].prefixMatch(of: start), "\(status[0])").range.upperBound
    #expect(status[0][rest...].wholeMatch(of: end) != nil, "\(status[0])")
    #expect(status.count == 3)
    let cluster = await tool.output("clusterRT -a 2 -i 0").lines
    #expect(cluster[0] == "#Cluster Name             #Broker Name              #RT   #successCount  #failCount")
    #expect(
      cluster[1].wholeMatch(
        of: #/TestCluster               fx-a                      \d+\.\d\d {2,}2                 0               /#)
        != nil,
      "\(cluster[1])")
    let log = await tool.output("clusterRT -a 2 -i 0 -p true -m here -c TestCluster")
    #expect(
      log.output.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|here\|TestCluster\|fx-a\|\d+\n/) != nil,
      "\(log.output)")
  }

  @Test func `a producer's id says where and when`() async throws {
    let run = await ToolUnderTest.run("DecodeMessageId -i 7F0000017A2E4E25154F0F1F2B3C0000")
    #expect(run.status == .success, "\(run.notes)")
    #expect(run.output.hasPrefix("ip=127.0.0.1date="))
    #expect(await ToolUnderTest.run("DecodeMessageId -i 12").notes.contains("is no id that a producer gives"))
  }

  @Test func `an id of the end of a month was made in that month`() throws {
    let key = try UniqueKey(Array("C00002022C887D4CAC3988FE7F8B0000".utf8).rawSpan)
    #expect(key.description == "C00002022C887D4CAC3988FE7F8B0000")
    let now = LocalTime.moment(year: 2026, month: 11, day: 28)
    let made = LocalTime(DecodeMessageIDCommand.time(of: key, now: now))
    #expect((made.year, made.month, made.day) == (2026, 11, 27))
    // The hour depends on where clocks are changed in that month.
    #expect((made.minute, made.second) == (26, 20))
  }

  @Test func `a trace says who sent and who consumed a message`() async throws {
    let tool = try await ToolUnderTest([("fx-a")], [("traceTopicEnable", "true")])
    let own = await tool.output("sendMessage -t Orders -p x -m true").lines[1].split(separator: " ").last ?? ""
    let pub = await tool.eventually("queryMsgTraceById -i \(own)").lines
    #expect(pub[1].hasPrefix("Pub        apus-send-message    127.0.0.1            "), "\(pub)")
    let (field, record) = ("\u{1}", "\u{2}")
    let sent = ["Pub", "1700000000000", "Region", "PG", "Orders", "ID1", "", "k", "h:1", "3", "7", "0", "OFF", "true"]
    let before = ["SubBefore", "1700000000000", "Region", "CG", "R1", "ID1", "0", "k"]
    let after = ["SubAfter", "R1", "ID1", "5", "false", "k", "0"]
    let text = [sent, before, after].map { $0.joined(separator: field) }.joined(separator: record) + record
    let producer = try tool.client.producer(group: "TRACE")
    try await producer.send(Message(topic: SystemTopics.trace, text: text, keys: ["ID1"]))
    let shown = await tool.eventually("queryMsgTraceById -i ID1").lines
    #expect(
      shown[0] == "#Type      #ProducerGroup       #ClientHost          #SendTime            #CostTimes #Status   ")
    #expect(
      shown[1] == "Pub        PG                   127.0.0.1            YYYY-MM-DD HH:MM:SS  7ms        success   ")
    #expect(
      shown[3] == "#Type      #ConsumerGroup       #ClientHost          #ConsumerTime        #CostTimes #Status   ")
    #expect(shown[4].hasPrefix("Sub        CG                   127.0.0.1            "))
    #expect(shown[4].hasSuffix("5ms        failed    "))
    #expect(await tool.run("queryMsgTraceById -i ID2").notes.contains("has no trace of a message with the id ID2"))
  }

  @Test(arguments: ["", "Pub", "Pub\u{1}x\u{2}", "SubAfter\u{1}a\u{1}b", "\u{2}\u{2}", "What\u{1}1"])
  func `a trace that is cut short says nothing`(text: String) {
    #expect(TraceRecord.records(in: text).isEmpty)
  }
}
