/// How much memory a control group leaves to this process, its page cache included. What lies further back than that is
/// not in memory, however much of it the machine has.
///
/// | Version | File | Content |
/// |---|---|---|
/// | 2 | `memory.max` | bytes, or `max` |
/// | 1 | `memory.limit_in_bytes` | bytes; without a limit a number beyond any memory |
package enum MemoryQuota {
  /// The smallest quota in bytes; nil when there is none.
  package static var bytes: Int64? { smallest(ControlGroups.text) }

  /// The same by the files that `read` shows.
  static func smallest(_ read: ControlGroups.Read) -> Int64? {
    ControlGroups.directories(of: "memory", read).compactMap { (directory) -> Int64? in
      let file = directory.isUnified ? "/memory.max" : "/memory.limit_in_bytes"
      return read(directory.path + file)?.split(separator: "\n").first.flatMap { Int64($0) }
    }.filter { $0 > 0 }.min()
  }
}
