import Testing

@testable import ApusSystem

@Suite struct MemoryQuotaTests {
  private static let unlimited = ["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"]
  private static let service = [
    "/proc/self/cgroup": "0::/system.slice/broker.service\n",
    "/sys/fs/cgroup/system.slice/broker.service/memory.max": "4294967296\n",
    "/sys/fs/cgroup/system.slice/memory.max": "1073741824\n",
  ]
  private static let firstVersion = [
    "/proc/self/cgroup": "9:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
    "/sys/fs/cgroup/cpu/memory.limit_in_bytes": "1\n",
  ]
  private static let damaged = ["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "9223372036854775808\n"]

  private static let cases: [(files: [String: String], bytes: Int64?)] = [
    ([:], nil), (unlimited, nil), (service, 1 << 30), (firstVersion, 512 << 20), (damaged, nil),
  ]

  @Test(arguments: cases)
  func `the smallest quota of the group and those above it counts`(files: [String: String], bytes: Int64?) {
    #expect(MemoryQuota.smallest { files[$0] } == bytes)
  }
}
