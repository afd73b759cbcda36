import ApusBase
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// What waits for the I/O threads, over real sockets: one client's flood against another's request.
@Suite(.timeLimit(.minutes(10))) struct IOFairnessTests {
  /// Occupies the only I/O thread of a broker until it is opened.
  final class Gate: Sendable {
    private let entered = WakeUp()
    private let opened = WakeUp()
    private let state = Locked((isEntered: false, isOpen: false))

    func occupy(_ io: IOThreads) {
      let isAccepted = io.submit { [self] in
        state.withLock { $0.isEntered = true }
        entered.signal()
        while !state.withLock({ $0.isOpen }) { opened.wait(until: nil) }
      }
      #expect(isAccepted)
    }

    func waitUntilEntered() { while !state.withLock({ $0.isEntered }) { entered.wait(until: nil) } }

    func open() {
      state.withLock { $0.isOpen = true }
      opened.signal()
    }
  }

  /// A request that an I/O thread answers.
  private static func ask(_ client: RawClient, times: Int = 1) {
    for _ in 0..<times { client.send(.getAllTopicConfig) }
  }

  /// Waits until so many pieces of work wait.
  private static func wait(for count: Int, _ io: IOThreads) throws {
    try Patience.wait { io.figures.waiting >= count }
  }

  @Test func `a flood of one connection does not hold up another`() throws {
    let served = try ServedBroker([("ioThreads", "1")])
    let io = served.broker.parts.io
    let (first, second) = (Gate(), Gate())
    first.occupy(io)
    first.waitUntilEntered()
    let (flooding, modest) = (try RawClient(port: served.port), try RawClient(port: served.port))
    Self.ask(flooding, times: 500)
    try Self.wait(for: 500, io)
    let id = modest.send(.getAllTopicConfig)
    try Self.wait(for: 501, io)
    second.occupy(io)
    first.open()
    second.waitUntilEntered()
    // One of the flood, then the other connection's, then what holds the thread again.
    let answer = try #require(try modest.receive())
    #expect(answer.header.id == id)
    #expect(answer.responseCode == .success)
    #expect(io.figures.waiting == 499)
    // Sends do not wait for these threads.
    #expect(try modest.ask(.sendMessageV2, Fields.send(to: "FxTopic")).responseCode == .success)
    second.open()
    for _ in 0..<500 { #expect(try flooding.receive()?.responseCode == .success) }
  }

  @Test func `a connection's credit is bounded, and the refusal says how long to wait`() throws {
    let served = try ServedBroker([("ioThreads", "1")])
    let io = served.broker.parts.io
    let gate = Gate()
    gate.occupy(io)
    gate.waitUntilEntered()
    let (flooding, modest) = (try RawClient(port: served.port), try RawClient(port: served.port))
    Self.ask(flooding, times: 1025)
    let refused = try #require(try flooding.receive())
    #expect(refused.responseCode == .systemBusy)
    let wait = try #require(refused["retryAfterMillis"])
    #expect(refused.remark == "too many requests wait for the disk: try again in \(wait) ms")
    #expect(io.figures.refused == 1)
    // The credit is the connection's own.
    Self.ask(modest)
    try Self.wait(for: 1025, io)
    gate.open()
    #expect(try modest.receive()?.responseCode == .success)
    for _ in 0..<1024 { #expect(try flooding.receive()?.responseCode == .success) }
    #expect(try flooding.ask(.getAllTopicConfig).responseCode == .success)
  }

  @Test func `what the fields of requests take counts in the credit`() throws {
    let served = try ServedBroker([("ioThreads", "1")])
    let io = served.broker.parts.io
    let gate = Gate()
    gate.occupy(io)
    gate.waitUntilEntered()
    let flooding = try RawClient(port: served.port)
    let large = [ReplyField("x", String(repeating: "x", count: 1 << 20))]
    for _ in 0..<16 { flooding.send(.getAllTopicConfig, large) }
    #expect(try flooding.receive()?.responseCode == .systemBusy)
    #expect(io.figures.waiting == 15)
    gate.open()
    for _ in 0..<15 { #expect(try flooding.receive()?.responseCode == .success) }
  }

  // MARK: What requests wait for with their connections

  @Test func `what several requests wait for is read once`() throws {
    let served = try ServedBroker([("ioThreads", "1")])
    let (parts, state) = (served.broker.parts, served.broker.service.loops[0])
    let gate = Gate()
    gate.occupy(parts.io)
    gate.waitUntilEntered()
    let reads = Locked(0)
    @Sendable func read() {
      do throws(Refusal) {
        try parts.read(
          .log(PhysicalOffset(7)), on: state,
          {
            reads.withLock { $0 += 1 }
            return nil
          })
      } catch {
        Issue.record("refused: \(error)")
      }
    }
    for _ in 0..<100 { state.loop.executeAndWait { read() } }
    #expect(parts.io.figures.waiting == 1)
    gate.open()
    try Patience.wait { reads.withLock { $0 } == 1 && Self.reads(state) == 0 }
    state.loop.executeAndWait { read() }
    try Patience.wait { reads.withLock { $0 } == 2 }
  }

  @Test func `a request that finds no room waits for what is read for others`() throws {
    let served = try ServedBroker([("ioThreads", "1")])
    let (parts, state) = (served.broker.parts, served.broker.service.loops[0])
    let gate = Gate()
    gate.occupy(parts.io)
    gate.waitUntilEntered()
    let refused = Locked(0)
    state.loop.executeAndWait {
      for number in 0..<5000 as Range<Int64> {
        do throws(Refusal) {
          try parts.read(.log(PhysicalOffset(number)), on: state, { nil })
        } catch {
          refused.withLock { $0 += 1 }
        }
      }
    }
    #expect(refused.withLock { $0 } == 0)
    #expect(parts.io.figures.waiting == 4096)
    gate.open()
    try Patience.wait { Self.reads(state) == 0 }
  }

  /// How much is being read for a loop.
  private static func reads(_ state: BrokerLoop) -> Int {
    let count = Locked(0)
    state.loop.executeAndWait { count.withLock { $0 = state.beingRead.count } }
    return count.withLock { $0 }
  }

  @Test func `after a restart many producers send at once, each to a queue of its own`() throws {
    let store = ServedBroker.newDirectory()
    let count: Int32 = 150
    do {
      let served = try ServedBroker(kept: store)
      let client = try RawClient(port: served.port)
      let topic = [
        "topic": "Wide", "readQueueNums": "\(count)", "writeQueueNums": "\(count)", "perm": "6",
        "defaultTopic": "TBW102",
      ]
      let made = try client.ask(.updateAndCreateTopic, topic.map { ReplyField($0.key, $0.value) })
      #expect(made.responseCode == .success)
      for queue in 0..<count {
        let sent = try client.ask(.sendMessageV2, Fields.send(to: "Wide", queue: queue), body: [1])
        #expect(sent.responseCode == .success)
      }
      served.stop()
    }
    let served = try ServedBroker([("ioThreads", "1")], last: store)
    let io = served.broker.parts.io
    let gate = Gate()
    gate.occupy(io)
    gate.waitUntilEntered()
    let clients = try (0..<count).map { _ in try RawClient(port: served.port) }
    for (queue, client) in clients.enumerated() {
      client.send(.sendMessageV2, Fields.send(to: "Wide", queue: Int32(queue)), body: [1])
    }
    try Self.wait(for: Int(count), io)
    gate.open()
    for client in clients { #expect(try client.receive()?.responseCode == .success) }
    #expect(io.figures.refused == 0)
  }
}
