/// How many processors a control group leaves to this process, as containers and service managers limit it. With more
/// threads than that all of them stand still together, for the rest of each tenth of a second.
///
/// | Version | File | Content |
/// |---|---|---|
/// | 2 | `cpu.max` | quota or `max`, and period, in microseconds |
/// | 1 | `cpu.cfs_quota_us`, `cpu.cfs_period_us` | the same two; −1 for no quota |
///
/// The group's own and those of the groups above it count. Where a container shows its own group as the root, that is
/// found there.
enum ProcessorQuota {
  /// The text of a file; nil for one that cannot be read.
  typealias Read = (_ path: String) -> String?

  private static let root = "/sys/fs/cgroup"

  /// The smallest quota, rounded up to whole processors; nil when there is none.
  static func processors(_ read: Read = text) -> Int? {
    var counts: [Int] = []
    for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
      // A number, the controllers (none in version 2) and the group.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isUnified = parts[1].isEmpty
      guard isUnified || parts[1].split(separator: ",").contains("cpu") else { continue }
      for group in withAncestors(parts[2]) {
        let directory = isUnified ? root + group : "\(root)/cpu\(group)"
        let numbers = isUnified ? unified(in: directory, read) : legacy(in: directory, read)
        if let count = count(numbers) { counts.append(count) }
      }
    }
    return counts.min()
  }

  private static func text(_ path: String) -> String? {
    ProcessIO.read(path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `/a/b`, `/a` and the root, which is empty.
  private static func withAncestors(_ path: Substring) -> [String] {
    let names = path.split(separator: "/")
    return (0...names.count).reversed().map { count in names.prefix(count).map { "/" + $0 }.joined() }
  }

  private static func unified(in directory: String, _ read: Read) -> [Substring] {
    (read(directory + "/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
  }

  private static func legacy(in directory: String, _ read: Read) -> [Substring] {
    ["/cpu.cfs_quota_us", "/cpu.cfs_period_us"].flatMap { file in
      (read(directory + file) ?? "").split(separator: "\n")
    }
  }

  private static func count(_ numbers: [Substring]) -> Int? {
    guard numbers.count == 2, let quota = Int(numbers[0]), let period = Int(numbers[1]), quota > 0, period > 0 else {
      return nil
    }
    let (whole, rest) = quota.quotientAndRemainder(dividingBy: period)
    return rest > 0 ? whole + 1 : whole
  }
}
