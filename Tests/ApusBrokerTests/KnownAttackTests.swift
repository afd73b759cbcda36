import ApusBase
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Attacks that worked on RocketMQ, replayed against a whole broker from this machine, which may administer.
@Suite(.timeLimit(.minutes(10))) struct KnownAttackTests {
  private static func listing(_ path: String) throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: path))
  }

  /// CVE-2023-33246: code 25 set `filterServerNums` and `rocketmqHome`, and the broker ran a command made of them.
  @Test(arguments: [
    "filterServerNums=1\nrocketmqHome=-c $@|sh . echo touch MARK;", "rocketmqHome=MARK", "rocketmqHome=$(touch MARK)",
    "filterServerNums=1\nnamesrvAddr=;touch MARK;\nbrokerName=$(touch MARK)", "storePathRootDir=MARK",
    "storePathCommitLog=MARK", "storePathDLedgerCommitLog=MARK", "readOnlyCommitLogStorePaths=MARK",
    "aclConfigDir=MARK", "aclEnable=true\naclConfigDir=MARK", "brokerConfigPath=MARK", "messageStorePlugIn=MARK",
    "configBlackList=none\nbrokerConfigPath=MARK\nrocketmqHome=MARK",
  ])
  func `no setting leads to a command or to a file outside of the store`(text: String) throws {
    let mark = ServedBroker.newDirectory()
    let around = NSTemporaryDirectory()
    let broker = try ServedBroker()
    let client = try RawClient(port: broker.port)
    let body = Array(text.replacing("MARK", with: mark).utf8)
    let answer = try client.ask(.updateBrokerConfig, body: body)
    let changesPlace = ["rocketmqHome", "storePath", "aclConfigDir", "readOnly", "brokerConfigPath"].contains {
      text.contains($0)
    }
    if changesPlace { #expect(answer.responseCode == .noPermission) }
    #expect(try client.ask(.sendMessageV2, Fields.send(to: "T"), body: [1]).responseCode == .success)
    #expect(try client.ask(.updateBrokerConfig, body: body).responseCode == answer.responseCode)
    broker.stop()
    #expect(!FileManager.default.fileExists(atPath: mark))
    #expect(try !Self.listing(around).contains { mark.hasSuffix("/" + $0) })
  }

  /// CVE-2019-17572: a topic that was made by its first message became a directory, wherever its name led.
  @Test(arguments: ["../MARK", "../../MARK", "..", ".", "/MARK", "a/../../../MARK", "a\0b", "%RETRY%../../../MARK", ""])
  func `no name of a topic or group leads out of the store`(name: String) throws {
    let mark = UUID().uuidString
    let topic = name.replacing("MARK", with: mark)
    let store = ServedBroker.newDirectory()
    let broker = try ServedBroker(last: store)
    let client = try RawClient(port: broker.port)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: topic), body: [1]).responseCode != .success)
    let create = [
      ReplyField("topic", topic), ReplyField("defaultTopic", "TBW102"), ReplyField("readQueueNums", 4),
      ReplyField("writeQueueNums", 4), ReplyField("perm", 6), ReplyField("topicFilterType", "SINGLE_TAG"),
    ]
    #expect(try client.ask(.updateAndCreateTopic, create).responseCode != .success)
    #expect(try client.ask(.deleteTopicInBroker, [ReplyField("topic", topic)]).responseCode.rawValue >= 0)
    let back = [ReplyField("group", topic), ReplyField("offset", 0), ReplyField("delayLevel", 0)]
    _ = try client.ask(.consumerSendMessageBack, back)
    _ = try client.ask(.pullMessage, Fields.pull(topic, at: 0, group: topic))
    let parent = URL(filePath: store).deletingLastPathComponent().path
    #expect(try !Self.listing(parent).contains(mark))
    #expect(try !Self.listing(store).contains(mark))
    #expect(!FileManager.default.fileExists(atPath: "/" + mark))
    broker.stop()
  }
}
