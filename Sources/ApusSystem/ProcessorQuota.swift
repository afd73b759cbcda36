/// How many processors a control group leaves to this process, as containers and service managers limit it. With more
/// threads than that all of them stand still together, for the rest of each tenth of a second.
///
/// | Version | File | Content |
/// |---|---|---|
/// | 2 | `cpu.max` | quota or `max`, and period, in microseconds |
/// | 1 | `cpu.cfs_quota_us`, `cpu.cfs_period_us` | the same two; −1 for no quota |
enum ProcessorQuota {
  /// The smallest quota, rounded up to whole processors; nil when there is none.
  static func processors(_ read: ControlGroups.Read = ControlGroups.text) -> Int? {
    ControlGroups.directories(of: "cpu", read).compactMap { directory in
      count(directory.isUnified ? unified(in: directory.path, read) : legacy(in: directory.path, read))
    }.min()
  }

  private static func unified(in directory: String, _ read: ControlGroups.Read) -> [Substring] {
    (read(directory + "/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
  }

  private static func legacy(in directory: String, _ read: ControlGroups.Read) -> [Substring] {
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
