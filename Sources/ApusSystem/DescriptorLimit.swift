import CPosix

/// How many descriptors the process may have open.
package struct DescriptorLimit: Hashable, Sendable {
  /// What holds now.
  package var soft: UInt64
  /// Up to where the process may raise it.
  package var hard: UInt64

  /// Fewer than this and a server cannot keep its files open.
  package static let least: UInt64 = 256
  /// With fewer than this, connections and files are limited more than anybody expects.
  package static let enough: UInt64 = 4096

  /// How many connections may be open at once: an eighth is left for files, without which messages can be accepted no
  /// more.
  package var connections: Int { Int(clamping: soft - soft / 8) }

  /// The limits in force.
  package static func current() throws(SystemError) -> DescriptorLimit {
    var limit = apus_limit()
    try unsafe Syscall.check(apus_descriptor_limit(&limit), "getrlimit RLIMIT_NOFILE")
    return DescriptorLimit(soft: limit.soft, hard: limit.hard)
  }

  /// Raises the limit as far as it goes and answers what holds then.
  package static func raise() throws(SystemError) -> DescriptorLimit {
    let limit = try current()
    if limit.soft < limit.hard {
      try Syscall.check(apus_set_descriptor_limit(limit.hard, limit.hard), "setrlimit RLIMIT_NOFILE")
    }
    return try current()
  }
}
