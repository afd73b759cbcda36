import ApusBase
import ApusBrokerCore
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem
import Testing

@testable import ApusBroker

/// Topics that are deleted while messages come to them.
@Suite(.timeLimit(.minutes(10))) struct TopicRemovalsTests {
  private static let topic = "DeletedTopic"
  private static let recordFile = "apus.deletions.tmp"
  private static let deletion = [ReplyField("topic", topic)]

  /// Holds the record of a deletion back.
  private final class Gate: Sendable {
    private let reached = WakeUp()
    private let opened = WakeUp()

    init(on disk: GatedDisk) {
      disk.onOpen { [reached, opened] path in
        guard path.hasSuffix("/" + TopicRemovalsTests.recordFile) else { return }
        reached.signal()
        opened.wait(until: SystemClock.monotonic() + Patience.limit)
      }
    }

    /// Waits until a record stands before it; false when none comes in time.
    func waitForRecord() -> Bool { reached.wait(until: SystemClock.monotonic() + Patience.limit) }

    func open() { opened.signal() }
  }

  private func send(_ body: String, to topic: String = Self.topic, _ client: RawClient) throws -> Command {
    try client.ask(.sendMessageV2, Fields.send(to: topic), body: Array(body.utf8))
  }

  @Test func `a send waits until the deletion of its topic is recorded, and others do not`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(disk: disk)
    let clients = try (0..<4).map { _ in try RawClient(port: served.port) }
    for topic in [Self.topic, "Other"] { #expect(try send("old", to: topic, clients[0]).responseCode == .success) }
    let gate = Gate(on: disk)
    defer { gate.open() }
    clients[0].send(.deleteTopicInBroker, Self.deletion)
    #expect(gate.waitForRecord())
    let store = served.broker.parts.store
    let end = store.withLock { $0.marks.appended }
    let waiting = clients[1].send(.sendMessageV2, Fields.send(to: Self.topic), body: Array("new".utf8))
    // On each of the loops somebody is answered twice whose request came after the send.
    for client in clients[2...] {
      for _ in 0..<2 { _ = try client.ask(.getMaxOffset, Fields.queue("Other")) }
    }
    let later = store.withLock { $0.marks.appended }
    #expect(later == end)
    #expect(try send("more", to: "Other", clients[2]).responseCode == .success)
    let left = try served.killed()
    gate.open()
    #expect(try clients[0].receive()?.responseCode == .success)
    let answer = try #require(try clients[1].receive())
    #expect(answer.header.id == waiting)
    #expect(answer.responseCode == .success)
    #expect(answer["queueOffset"] == "0")
    #expect(try clients[2].ask(.getMaxOffset, Fields.queue(Self.topic))["offset"] == "1")
    // Who was killed in between has not begun.
    let next = try ServedBroker(last: left)
    let client = try RawClient(port: next.port)
    #expect(try send("after", client)["queueOffset"] == "1")
  }

  @Test func `the file of topics has a topic until its deletion is recorded`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker([("ioThreads", "2")], disk: disk)
    let clients = try (0..<2).map { _ in try RawClient(port: served.port) }
    let settings = [
      ReplyField("topic", Self.topic), ReplyField("defaultTopic", "TBW102"), ReplyField("readQueueNums", 7),
      ReplyField("writeQueueNums", 7), ReplyField("perm", 6),
    ]
    #expect(try clients[0].ask(.updateAndCreateTopic, settings).responseCode == .success)
    #expect(try send("old", clients[0]).responseCode == .success)
    let gate = Gate(on: disk)
    defer { gate.open() }
    clients[0].send(.deleteTopicInBroker, Self.deletion)
    #expect(gate.waitForRecord())
    // This makes a topic, for which the file is to be written too.
    #expect(try send("new", to: "Fresh", clients[1]).responseCode == .success)
    // The one thread that is free answers this after what it was given before.
    #expect(try clients[1].ask(.getAllTopicConfig).responseCode == .success)
    let left = try served.killed()
    gate.open()
    #expect(try clients[0].receive()?.responseCode == .success)
    let next = try ServedBroker(last: left)
    #expect(next.broker.parts.topics.withLock { $0.find(Self.topic)?.queueCount } == 7)
  }

  @Test func `a send is refused while the deletion of its topic cannot be recorded, as it may be tried again`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(disk: disk)
    let client = try RawClient(port: served.port)
    for topic in [Self.topic, "Other"] { #expect(try send("old", to: topic, client).responseCode == .success) }
    disk.refuseSpace(to: Self.recordFile)
    #expect(try client.ask(.deleteTopicInBroker, Self.deletion).responseCode == .systemError)
    #expect(try send("new", client).responseCode == .serviceNotAvailable)
    #expect(try send("more", to: "Other", client).responseCode == .success)
    disk.refuseSpace(to: "nothing")
    #expect(try client.ask(.deleteTopicInBroker, Self.deletion).responseCode == .success)
    #expect(try send("new", client)["queueOffset"] == "0")
  }

  @Test(arguments: [("DELAY", "1"), ("TIMER_DELAY_MS", "500")])
  func `messages that wait for their delivery hold up none for others meanwhile`(name: String, value: String) throws {
    let disk = GatedDisk()
    let served = try ServedBroker([("messageDelayLevel", "0s")], disk: disk)
    let client = try served.client()
    for topic in [Self.topic, "Other"] { #expect(try client.send("old", to: topic).responseCode == .success) }
    disk.refuseSpace(to: Self.recordFile)
    #expect(try client.ask(.deleteTopicInBroker, Self.deletion).responseCode == .systemError)
    for topic in [Self.topic, "Other"] {
      #expect(try client.send("due", to: topic, [(name, value)]).responseCode == .success)
    }
    #expect(try client.pull("Other", from: 1).map(\.body) == ["due"])
    disk.refuseSpace(to: "nothing")
    #expect(try client.ask(.deleteTopicInBroker, Self.deletion).responseCode == .success)
    // It comes, too, as to a topic that somebody deletes while it waits.
    let store = served.broker.parts.store
    try Patience.wait {
      let queue = try store.queue(topic: Self.topic, id: 0)
      return store.withLock { _ in queue?.maxOffset == QueueOffset(1) }
    }
  }
}
