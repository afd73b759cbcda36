import Testing

@testable import ApusSystem

@Suite struct ProcessorQuotaTests {
  private static let unlimited = [
    "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n",
  ]
  private static let container = [
    "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n",
  ]
  private static let service = [
    "/proc/self/cgroup": "0::/system.slice/broker.service\n",
    "/sys/fs/cgroup/system.slice/broker.service/cpu.max": "800000 100000\n",
    "/sys/fs/cgroup/system.slice/cpu.max": "400000 100000\n",
  ]
  private static let firstVersion = [
    "/proc/self/cgroup": "9:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  ]
  private static let firstVersionUnlimited = [
    "/proc/self/cgroup": "4:cpu,cpuacct:/\n", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  ]
  private static let damaged = [
    "/proc/self/cgroup": "\n::\n0::/\n", "/sys/fs/cgroup/cpu.max": "9223372036854775808 0\n",
  ]

  private static let cases: [(files: [String: String], count: Int?)] = [
    ([:], nil), (unlimited, nil), (container, 2), (service, 4), (firstVersion, 3), (firstVersionUnlimited, nil),
    (damaged, nil),
  ]

  @Test(arguments: cases)
  func `the smallest quota of the group and those above it is rounded up`(files: [String: String], count: Int?) {
    #expect(ProcessorQuota.processors { files[$0] } == count)
  }
}
