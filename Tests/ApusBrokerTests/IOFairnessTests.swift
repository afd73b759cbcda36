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
}
