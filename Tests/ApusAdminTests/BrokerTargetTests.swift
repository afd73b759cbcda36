import ApusProtocol
import Testing

@testable import ApusAdmin

@Suite struct BrokerTargetTests {
  private let clusters = ClusterInfo(
    brokers: [
      "a": BrokerData(cluster: "C", brokerName: "a", addresses: [0: "a:1", 1: "a:2"]),
      "b": BrokerData(cluster: "C", brokerName: "b", addresses: [1: "b:2"]),
    ], clusters: ["C": ["b", "a"], "D": ["b"]])

  @Test func `of a cluster the masters are taken, or all brokers`() throws {
    let masters = try clusters.addresses(of: "C", .masters)
    #expect(masters.found == ["a:1"])
    #expect(masters.missing == ["b"])
    let all = try clusters.addresses(of: "C", .all)
    #expect(all.found == ["a:1", "a:2", "b:2"])
    #expect(all.missing.isEmpty)
  }

  @Test func `a cluster without a master is a failure, not a success at nobody`() {
    let error = #expect(throws: AdminError.self) { _ = try clusters.addresses(of: "D", .masters) }
    #expect(error?.message == "no master of the cluster 'D' has registered with this name server")
  }
}
