import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusClient

/// What a client does in time although the application holds every thread that tasks share.
@Suite(.timeLimit(.minutes(10))) struct BlockedThreadsTests {
  /// Holds threads until each of some requests has come often enough meanwhile.
  private final class Held: Sendable {
    private struct State {
      var waiting: [WakeUp] = []
      /// How often each request came before a thread was held, and since.
      var before: [RequestCode: Int] = [:]
      var since: [RequestCode: Int] = [:]
      var isOver = false
    }

    private let codes: [RequestCode]
    private let state = Locked(State())

    init(until codes: [RequestCode]) { self.codes = codes }

    /// Whether all of the requests have come before a thread was held.
    var haveBegun: Bool { state.withLock { state in codes.allSatisfy { state.before[$0] != nil } } }

    func came(_ code: RequestCode) {
      let released = state.withLock { state -> [WakeUp] in
        guard !state.waiting.isEmpty else {
          state.before[code, default: 0] += 1
          return []
        }
        state.since[code, default: 0] += 1
        // More than what was on its way when the threads were held.
        state.isOver = codes.allSatisfy { state.since[$0, default: 0] >= 5 }
        return state.isOver ? state.waiting : []
      }
      for one in released { one.signal() }
    }

    /// Holds the calling thread. False when the requests do not come until `end`.
    func hold(until end: MonotonicTime) -> Bool {
      let wakeUp = WakeUp()
      let isOver = state.withLock { state in
        state.waiting.append(wakeUp)
        return state.isOver
      }
      return isOver || wakeUp.wait(until: end)
    }
  }

  @Test func `heartbeats and locks need no thread that a listener can hold`() async throws {
    let held = Held(until: [.heartbeat, .lockBatchMessageQueue])
    let queue = MessageQueue(topic: "T", brokerName: "mute", queueID: 0)
    let server = try MuteServer { code, _ in
      held.came(code)
      return code == .lockBatchMessageQueue ? Reply(body: LockResponseBody([queue]).bytes()) : Reply()
    }
    var configuration = ClientConfiguration.patient([server.address])
    configuration.heartbeatBrokerInterval = .milliseconds(10)
    let client = try MessageClient(configuration, log: Logger(level: .error))
    _ = try await client.runtime.routes.route("T")
    var settings = ConsumerConfiguration()
    settings.lockInterval = .milliseconds(10)
    let consumer = try client.pushConsumer(
      group: "cg", subscriptions: [Subscription("T")], settings, listener: .orderly { _ in .success })
    consumer.add(QueueWork(queue, from: 0))
    try await running(client, [consumer]) {
      try await until { held.haveBegun }
      let end = SystemClock.monotonic() + Patience.limit
      await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<64 { group.addTask { held.hold(until: end) } }
        for await isReleased in group { #expect(isReleased) }
      }
    }
    server.stop()
  }
}
