import ApusBase
import ApusBrokerCore
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// Changes of topics and groups that come while a file is written.
@Suite(.timeLimit(.minutes(10))) struct ConfigCommitTests {
  private static let topicFile = "topics.json.tmp"

  /// Holds the next write of a file back, and counts it and those that follow.
  private final class Gate: Sendable {
    private let state = Locked((writes: 0, isOpen: false))
    private let reached = WakeUp()
    private let opened = WakeUp()

    init(_ name: String, on disk: GatedDisk) {
      disk.onOpen { [state, reached, opened] path in
        guard path.hasSuffix("/" + name) else { return }
        state.withLock { $0.writes += 1 }
        reached.signal()
        let deadline = SystemClock.monotonic() + Patience.limit
        while !state.withLock({ $0.isOpen }), SystemClock.monotonic() < deadline { opened.wait(until: deadline) }
      }
    }

    /// Waits until a write stands before it; false when none comes in time.
    func waitForWrite() -> Bool { reached.wait(until: SystemClock.monotonic() + Patience.limit) }

    func open() {
      state.withLock { $0.isOpen = true }
      opened.signal()
    }

    var writes: Int { state.withLock { $0.writes } }
  }

  private static func topic(_ name: String, queues: Int32 = 4, permission: Int64 = 6) -> [ReplyField] {
    [
      ReplyField("topic", name), ReplyField("defaultTopic", "TBW102"), ReplyField("readQueueNums", Int64(queues)),
      ReplyField("writeQueueNums", Int64(queues)), ReplyField("perm", permission),
    ]
  }

  /// A broker whose `topics.json` has been written once, and is being written for a change of this client.
  private static func held() throws -> (ServedBroker, RawClient, GatedDisk, Gate) {
    let disk = GatedDisk()
    let served = try ServedBroker([("ioThreads", "2")], disk: disk)
    let client = try RawClient(port: served.port)
    #expect(try client.ask(.updateAndCreateTopic, topic("Before")).responseCode == .success)
    let gate = Gate(topicFile, on: disk)
    client.send(.updateAndCreateTopic, topic("First"))
    #expect(gate.waitForWrite())
    return (served, client, disk, gate)
  }

  /// Returns when all that a client sent has been looked at: the answer to this comes from its loop.
  private static func settle(_ client: RawClient) throws {
    _ = try client.ask(.getConsumerListByGroup, [ReplyField("consumerGroup", "nobody")])
  }

  private static func succeeds(_ id: RequestID, _ client: RawClient) throws {
    let answer = try #require(try client.receive())
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .success, "\(answer.remark ?? "")")
  }

  @Test(arguments: [50, 200] as [Int])
  func `changes that come while the file is written share the next write`(count: Int) throws {
    let (served, client, _, gate) = try Self.held()
    defer { gate.open() }
    let requests = (0..<count).map { client.send(.updateAndCreateTopic, Self.topic("T\($0)")) }
    try Self.settle(client)
    // They take no thread from others.
    let other = try RawClient(port: served.port)
    #expect(try other.ask(.getAllTopicConfig).responseCode == .success)
    #expect(gate.writes == 1)
    gate.open()
    #expect(try client.receive()?.responseCode == .success)
    for id in requests { try Self.succeeds(id, client) }
    #expect(gate.writes == 2)
    #expect(served.broker.parts.io.figures.refused == 0)
    let next = try ServedBroker(last: try served.killed())
    for number in 0..<count {
      #expect(next.broker.parts.topics.withLock { $0.find("T\(number)") } != nil)
    }
  }

  @Test func `changes whose write fails are answered with why, and written with the next`() throws {
    let (served, client, disk, gate) = try Self.held()
    defer { gate.open() }
    for number in 0..<20 { client.send(.updateAndCreateTopic, Self.topic("T\(number)")) }
    client.send(.updateAndCreateSubscriptionGroup, [], body: Array(#"{"groupName":"g"}"#.utf8))
    try Self.settle(client)
    disk.refuseSpace(to: Self.topicFile)
    gate.open()
    // This one was being written already.
    #expect(try client.receive()?.responseCode == .success)
    for _ in 0..<20 {
      let answer = try #require(try client.receive())
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark?.contains("topics.json") == true)
    }
    // The group's file is another.
    #expect(try client.receive()?.responseCode == .success)
    disk.refuseSpace(to: "nothing")
    #expect(try client.ask(.updateAndCreateTopic, Self.topic("Last")).responseCode == .success)
    let next = try ServedBroker(last: try served.killed())
    for name in (0..<20).map({ "T\($0)" }) + ["Last"] {
      #expect(next.broker.parts.topics.withLock { $0.find(name) } != nil)
    }
    #expect(next.broker.parts.groups.withLock { $0.find("g") } != nil)
  }

  @Test func `changes of one client are made in its order, and one that is refused holds up no other`() throws {
    let (served, client, _, gate) = try Self.held()
    defer { gate.open() }
    let deletion = [ReplyField("topic", "T")]
    let made = client.send(.updateAndCreateTopic, Self.topic("T", queues: 4))
    let refused = client.send(.updateAndCreateTopic, Self.topic("T", permission: 99))
    let deleted = client.send(.deleteTopicInBroker, deletion)
    let again = client.send(.updateAndCreateTopic, Self.topic("T", queues: 8))
    let gone = client.send(.updateAndCreateTopic, Self.topic("Gone"))
    let last = client.send(.deleteTopicInBroker, [ReplyField("topic", "Gone")])
    try Self.settle(client)
    gate.open()
    #expect(try client.receive()?.responseCode == .success)
    let refusal = try #require(try client.receive())
    #expect(refusal.header.id == refused)
    #expect(refusal.responseCode == .systemError)
    for id in [made, deleted, again, gone, last] { try Self.succeeds(id, client) }
    let next = try ServedBroker(last: try served.killed())
    let topics = next.broker.parts.topics
    #expect(topics.withLock { $0.find("T")?.queueCount } == 8)
    #expect(topics.withLock { $0.find("Gone") } == nil)
  }

  @Test func `more changes than may wait are refused with how long to wait`() throws {
    let (served, client, _, gate) = try Self.held()
    defer { gate.open() }
    for _ in 0..<1025 { client.send(.updateAndCreateTopic, Self.topic("T")) }
    let refused = try #require(try client.receive())
    #expect(refused.responseCode == .systemBusy)
    let wait = try #require(refused["retryAfterMillis"])
    #expect(refused.remark == "too many changes wait for the disk: try again in \(wait) ms")
    gate.open()
    for _ in 0..<1025 { #expect(try client.receive()?.responseCode == .success) }
    #expect(served.broker.parts.io.figures.refused == 0)
  }
}
