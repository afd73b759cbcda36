import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// How a broker ends, and what the next one finds.
@Suite(.timeLimit(.minutes(10))) struct ShutdownTests {
  private static let topic = "KeptTopic"

  /// A directory for a store that outlives its broker; removed with this.
  private final class Place {
    let path = ServedBroker.newDirectory()

    deinit {
      do { try FileManager.default.removeItem(atPath: path) } catch { print(error) }
    }
  }

  private func fill(_ client: RawClient, _ count: Int, from first: Int = 0) throws {
    for number in first..<first + count {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: Array("m\(number)".utf8))
      #expect(answer.responseCode == .success)
      #expect(answer["queueOffset"] == "\(number)")
    }
  }

  private func expectMessages(_ client: RawClient, _ count: Int) throws {
    let answer = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(try TestClient.records(answer.body).map(\.body) == (0..<count).map { "m\($0)" })
  }

  @Test func `what was accepted is answered before the connections close`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker([("flushDiskType", "SYNC_FLUSH")], disk: disk)
    defer { disk.open() }
    let (producer, consumer) = (try RawClient(port: served.port), try RawClient(port: served.port))
    try fill(producer, 1)
    _ = try consumer.ask(.pullMessage, Fields.pull(Self.topic, at: 1))
    let waiting = consumer.send(.pullMessage, Fields.pull(Self.topic, at: 1, wait: 300_000))
    let probe = consumer.send(.getMaxOffset, Fields.queue(Self.topic, 1))
    #expect(try consumer.receive()?.header.id == probe)
    disk.shut()
    let ids = (0..<3).map { _ in producer.send(.sendMessageV2, Fields.send(to: Self.topic, queue: 1), body: [1]) }
    #expect(disk.waitForFlush())
    // Answered behind the three, which therefore are accepted.
    _ = try producer.ask(.getMaxOffset, Fields.queue(Self.topic, 1))
    // The device comes back only when the end has begun, which the waiting pull tells.
    let descriptor = consumer.descriptor
    let first = Locked<[UInt8]>([])
    let opener = try Thread.start(name: "opener") {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe Socket.receive(descriptor, into: $0) }
      first.withLock { $0 = Array(buffer[..<max(count, 0)]) }
      disk.open()
    }
    served.stop()
    opener.join()
    let answer = first.withLock { $0 }
    let released = try Command(frame: answer.rawSpan)
    #expect(released.header.id == waiting)
    #expect(released.responseCode == .pullNotFound)
    for id in ids {
      let answer = try #require(try producer.receive())
      #expect(answer.header.id == id)
      #expect(answer.responseCode == .success)
    }
    #expect(try producer.receive() == nil)
  }

  @Test(arguments: ["config/consumerOffset.json.tmp", "checkpoint"])
  func `a stop that finds no space for a file beside the log says which, and the next start recovers`(
    file: String
  ) throws {
    let place = Place()
    let disk = GatedDisk()
    let lazy = [("flushConsumerOffsetInterval", "600000")]
    let first = try ServedBroker(lazy, kept: place.path, disk: disk)
    first.isBroken = true
    let client = try RawClient(port: first.port)
    try fill(client, 20)
    disk.refuseSpace(to: file)
    _ = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 7, group: "kept_group", commit: 7))
    first.stop()
    guard case .unsaved(let failures)? = first.closeFailure else {
      Issue.record("the broker stopped with \(String(describing: first.closeFailure))")
      return
    }
    #expect(failures.map(\.path) == ["\(place.path)/\(file)"])
    #expect(FileManager.default.fileExists(atPath: place.path + "/abort"))
    let second = try ServedBroker(kept: place.path)
    try expectMessages(try RawClient(port: second.port), 20)
  }

  @Test func `a broker that was stopped finds messages, topics, groups and offsets again`() throws {
    let place = Place()
    let first = try ServedBroker(kept: place.path)
    let client = try RawClient(port: first.port)
    try fill(client, 20)
    _ = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 7, group: "kept_group", commit: 7))
    let config = #"{"groupName":"off_group","consumeEnable":false}"#
    _ = try client.ask(.updateAndCreateSubscriptionGroup, body: Array(config.utf8))
    let wide = UpdateAndCreateTopic.Request(
      topic: "WideTopic", defaultTopic: "TBW102", readQueueCount: 12, writeQueueCount: 12, permission: 6,
      filter: "SINGLE_TAG")
    _ = try client.ask(.updateAndCreateTopic, wide.fields)
    first.stop()
    #expect(!FileManager.default.fileExists(atPath: place.path + "/abort"))
    let second = try ServedBroker(
      [("autoCreateTopicEnable", "false"), ("autoCreateSubscriptionGroup", "false")], kept: place.path)
    let again = try RawClient(port: second.port)
    let pulled = try again.ask(.pullMessage, Fields.pull(Self.topic, at: 0, group: "kept_group"))
    #expect(try TestClient.records(pulled.body).map(\.body) == (0..<20).map { "m\($0)" })
    let query = [ReplyField("consumerGroup", "kept_group")] + Fields.queue(Self.topic)
    #expect(try again.ask(.queryConsumerOffset, query)["offset"] == "7")
    let off = try again.ask(.pullMessage, Fields.pull(Self.topic, at: 0, group: "off_group"))
    #expect(off.responseCode == .noPermission)
    #expect(
      try again.ask(.sendMessageV2, Fields.send(to: "WideTopic", queue: 11), body: [1]).responseCode == .success)
    try fill(again, 1, from: 20)
  }

  @Test func `a broker that was killed finds what it had acknowledged`() throws {
    let place = Place()
    let first = try ServedBroker([("flushDiskType", "SYNC_FLUSH")], kept: place.path)
    let client = try RawClient(port: first.port)
    let topic = UpdateAndCreateTopic.Request(
      topic: Self.topic, defaultTopic: "TBW102", readQueueCount: 4, writeQueueCount: 4, permission: 6,
      filter: "SINGLE_TAG")
    #expect(try client.ask(.updateAndCreateTopic, topic.fields).responseCode == .success)
    try fill(client, 30)
    // What a killed process leaves is what its files hold at that moment.
    let copy = try first.killed()
    #expect(FileManager.default.fileExists(atPath: copy + "/abort"))
    let second = try ServedBroker(last: copy)
    let again = try RawClient(port: second.port)
    try expectMessages(again, 30)
    try fill(again, 2, from: 30)
    try fill(client, 1, from: 30)
  }

  @Test func `a store has one broker at a time`() throws {
    let place = Place()
    let first = try ServedBroker(kept: place.path)
    let client = try RawClient(port: first.port)
    try fill(client, 1)
    let refusal = #expect(throws: BrokerError.self) { try ServedBroker(kept: place.path) }
    #expect(refusal?.isStoreInUse == true)
    try fill(client, 1, from: 1)
    first.stop()
    let second = try ServedBroker(kept: place.path)
    try expectMessages(try RawClient(port: second.port), 2)
  }
}
