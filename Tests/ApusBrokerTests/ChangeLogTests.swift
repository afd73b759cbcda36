import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// What the log of a broker tells of changes of settings, topics and groups.
@Suite(.timeLimit(.minutes(10))) struct ChangeLogTests {
  let file: LogFile
  let broker: BrokerUnderTest

  init() throws {
    file = try LogFile()
    broker = try BrokerUnderTest(log: file.logger)
  }

  @Test func `changed settings are told with both values and who asked, and no key that is not known`() throws {
    let body = Array("maxMessageSize=1000\nlistenPort=7\ntraceOn=true\nsecretOfOthers=hush\n".utf8)
    #expect(broker.ask(.updateBrokerConfig, body: body).code == .success)
    #expect(broker.ask(.updateBrokerConfig, body: body).code == .success)
    #expect(
      try file.lines(with: "settings changed") == [
        #"INFO broker: settings changed changes="maxMessageSize: 4194304 -> 1000, listenPort: 10911 -> 7" "#
          + "atNextStart=listenPort by=127.0.0.1:43410"
      ])
    #expect(try file.lines(with: "hush") == [])
  }

  @Test func `settings that are refused are not told`() throws {
    #expect(broker.ask(.updateBrokerConfig, body: Array("maxMessageSize=big".utf8)).code == .systemError)
    #expect(try file.lines(with: "settings changed") == [])
  }

  @Test func `topics that an administrator makes, changes and deletes are told, and those that stay are not`() throws {
    var fields = ["topic": "T", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6"]
    #expect(broker.ask(.updateAndCreateTopic, fields).code == .success)
    fields["perm"] = "4"
    #expect(broker.ask(.updateAndCreateTopic, fields).code == .success)
    #expect(broker.ask(.updateAndCreateTopic, fields).code == .success)
    #expect(broker.ask(.deleteTopicInBroker, ["topic": "T"]).code == .success)
    #expect(broker.ask(.deleteTopicInBroker, ["topic": "T"]).code == .success)
    let who = "by=127.0.0.1:43410"
    #expect(
      try file.lines(with: "topic=T ") == [
        #"INFO broker: topic made topic=T with="4 read and 4 write queues, perm 6" \#(who)"#,
        #"INFO broker: topic changed topic=T from="4 read and 4 write queues, perm 6" "#
          + #"to="4 read and 4 write queues, perm 4" \#(who)"#,
        "INFO broker: topic deleted topic=T \(who)",
      ])
  }

  @Test func `groups that an administrator makes, changes and deletes are told`() throws {
    for retries in [16, 3, 3] {
      let body = Array(#"{"groupName":"g","retryMaxTimes":\#(retries)}"#.utf8)
      #expect(broker.ask(.updateAndCreateSubscriptionGroup, body: body).code == .success)
    }
    let delete = ["groupName": "g", "removeOffset": "true"]
    #expect(broker.ask(.deleteSubscriptionGroup, delete).code == .success)
    #expect(broker.ask(.deleteSubscriptionGroup, delete).code == .success)
    let lines = try file.lines(with: "group=g ")
    try #require(lines.count == 3)
    #expect(lines[0].hasPrefix("INFO broker: group made group=g with="))
    #expect(lines[1].hasPrefix("INFO broker: group changed group=g from="))
    #expect(lines[1].contains("retryMaxTimes 16") && lines[1].contains("retryMaxTimes 3"))
    #expect(lines[2] == "INFO broker: group deleted group=g withOffsets=true by=127.0.0.1:43410")
  }

  @Test func `who asked is told with the account`() throws {
    let directory = try AccessDirectory()
    let served = try directory.served(log: file.logger)
    let client = try RawClient(port: served.port)
    let body = Array("maxMessageSize=1000".utf8)
    #expect(try client.ask(.updateBrokerConfig, [], body: body, by: .admin).responseCode == .success)
    served.stop()
    let lines = try file.lines(with: "settings changed")
    #expect(lines.count == 1)
    #expect(lines.first?.contains(" by=fxadmin@127.0.0.1:") == true)
  }

  @Test func `what is made by its use is told once, and a part of what is made in masses`() throws {
    let served = try ServedBroker(log: file.logger)
    let client = try served.client()
    let topics = 100
    for number in 0..<topics { #expect(try client.send("x", to: "T\(number)").responseCode == .success) }
    for _ in 0..<2 {
      try client.heartbeat("10.0.0.1@1", consumer: ConsumerData(group: "cg"))
    }
    served.stop()
    let groups = try file.lines(with: "group made by its use")
    #expect(groups == ["INFO broker: group made by its use group=cg"])
    let lines = try file.lines(with: "topic made by its use")
    #expect(lines.first?.hasPrefix("INFO broker: topic made by its use topic=T0 with=") == true)
    #expect(lines.first?.hasSuffix(#" by="producer group pg""#) == true)
    let repeats = lines.compactMap { $0.components(separatedBy: " repeated=").dropFirst().first.flatMap { Int($0) } }
    // The retry topic of the group is one more.
    #expect(lines.count { $0.contains(" topic=") } + repeats.reduce(0, +) == topics + 1)
  }
}
