import ApusBase
import ApusHTTP
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// What code 315 tells of counters that requests move.
@Suite(.timeLimit(.minutes(10))) struct StatsDataTests {
  /// Lets the broker take over what its loops counted.
  private func collect(_ served: ServedBroker) {
    let done = WakeUp()
    let isDone = Locked(false)
    served.broker.pages.answer(HTTPRequest(method: .get, path: "/metrics", keepsAlive: true)) { _ in
      isDone.withLock { $0 = true }
      done.signal()
    }
    while !isDone.withLock({ $0 }) { done.wait(until: nil) }
  }

  private func code(_ client: TestClient, _ name: String, _ key: String) throws -> ResponseCode? {
    try client.ask(.viewBrokerStatsData, [ReplyField("statsName", name), ReplyField("statsKey", key)]).responseCode
  }

  @Test func `pulls and messages given back are counted under Java's names`() throws {
    let served = try ServedBroker([("accessMessageInMemoryMaxRatio", "0")])
    let client = try served.client()
    let sent = try client.send("x", to: "Counted")
    try #require(sent.responseCode == .success)
    #expect(try client.pull("Counted").count == 1)
    let back = ConsumerSendMessageBack.Request(
      offset: try sent.recordOffset, group: "test_group", delayLevel: 5, maxReconsumeTimes: nil)
    #expect(try client.ask(back).responseCode == .success)
    collect(served)
    for name in ["SNDBCK_PUT_NUMS", "GROUP_GET_NUMS", "GROUP_GET_SIZE", "GROUP_GET_FROM_DISK_NUMS"] {
      #expect(try code(client, name, "Counted@test_group") == .success, "\(name)")
    }
    #expect(try code(client, "GROUP_GET_FROM_DISK_SIZE", "Counted@test_group") == .success)
    #expect(try code(client, "GROUP_GET_LATENCY", "0@Counted@test_group") == .success)
    #expect(try code(client, "BROKER_GET_FROM_DISK_NUMS", "FxCluster") == .success)
    #expect(try code(client, "BROKER_GET_FROM_DISK_SIZE", "FxCluster") == .success)
    let missing = [
      ("GROUP_GET_LATENCY", "1@Counted@test_group"), ("GROUP_GET_LATENCY", "Counted@test_group"),
      ("GROUP_GET_LATENCY", "99999999999@Counted@test_group"), ("SNDBCK_PUT_NUMS", "Counted@other"),
      ("COMMERCIAL_SEND_TIMES", "Owner@Counted@pg@SEND_SUCCESS"), ("GROUP_GET_FALL_SIZE", "0@Counted@test_group"),
    ]
    for (name, key) in missing { #expect(try code(client, name, key) == .systemError, "\(name) \(key)") }
  }

  @Test func `light topics and groups are counted together, as by Java`() throws {
    let served = try ServedBroker([("enableLmq", "true"), ("enableMultiDispatch", "true")])
    let client = try served.client()
    for name in ["%LMQ%a", "%LMQ%b"] {
      let sent = try client.send("x", to: "Counted", [("INNER_MULTI_DISPATCH", name)])
      #expect(sent.responseCode == .success)
      #expect(try client.pull(name).count == 1)
    }
    collect(served)
    #expect(try code(client, "GROUP_GET_NUMS", "%LMQ%@test_group") == .success)
    #expect(try code(client, "GROUP_GET_LATENCY", "0@%LMQ%@test_group") == .success)
    #expect(try code(client, "GROUP_GET_NUMS", "%LMQ%a@test_group") == .systemError)
    #expect(try code(client, "GROUP_GET_NUMS", "Counted@test_group") == .systemError)
  }
}
