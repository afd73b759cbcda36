import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSimulator
import Testing

/// The whole name server over sockets of this machine.
@Suite(.timeLimit(.minutes(10))) struct NameServerSocketTests {
  private let registration = RegisterBroker.Request(
    brokerName: "a", brokerAddress: "a:1", clusterName: "C", haServerAddress: "a:2", brokerID: 0,
    body: RegisterBrokerBody(
      topics: TopicTable(version: DataVersion(timestamp: WallTime(milliseconds: 1)), topics: [TopicConfig(name: "T")])
    ).bytes())

  @Test func `a broker registers, a client finds it, and it is gone with its connection`() async throws {
    let running = try RunningNameServer()
    defer { running.stop() }
    #expect(try await running.call(registration).responseCode == .success)
    let route = try await running.call(GetRouteInfoByTopic.Request(topic: "T"))
    #expect(try TopicRouteData(bytes: route.body).brokers.first?.addresses == [0: "a:1"])
    running.client.disconnect(running.address)
    #expect(
      try await running.eventually(GetRouteInfoByTopic.Request(topic: "T")) { $0.responseCode == .topicNotExist })
  }

  @Test func `a KV setting is answered once it is stored, and found after a restart`() async throws {
    let disk = SimulatedDisk(seed: 1)
    let first = try RunningNameServer(disk: disk)
    let put = try await first.call(PutKVConfig.Request(namespace: "ns", key: "k", value: "v"))
    #expect(put.responseCode == .success)
    #expect(try disk.list("home").map(\.name) == ["kvConfig.json"])
    first.stop()
    let second = try RunningNameServer(disk: disk)
    defer { second.stop() }
    #expect(try await second.call(GetKVConfig.Request(namespace: "ns", key: "k"))["value"] == "v")
  }
}
