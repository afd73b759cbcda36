/// The control groups by which containers and service managers limit this process: its own and those above it. Where a
/// container shows its own group as the root, that is found there.
enum ControlGroups {
  /// The text of a file; nil for one that cannot be read.
  typealias Read = (_ path: String) -> String?

  /// A directory with the files of a group.
  struct Directory {
    /// Where it is.
    let path: String
    /// Whether the files are those of version 2.
    let isUnified: Bool
  }

  private static let root = "/sys/fs/cgroup"

  /// The directories of the groups that `controller` limits, innermost first.
  static func directories(of controller: String, _ read: Read) -> [Directory] {
    var directories: [Directory] = []
    for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
      // A number, the controllers (none in version 2) and the group.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isUnified = parts[1].isEmpty
      guard isUnified || parts[1].split(separator: ",").contains(Substring(controller)) else { continue }
      for group in withAncestors(parts[2]) {
        let path = isUnified ? root + group : "\(root)/\(controller)\(group)"
        directories.append(Directory(path: path, isUnified: isUnified))
      }
    }
    return directories
  }

  /// Reads a file as a whole, as `/proc` and the groups' file systems show them.
  static func text(_ path: String) -> String? {
    ProcessIO.read(path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `/a/b`, `/a` and the root, which is empty.
  private static func withAncestors(_ path: Substring) -> [String] {
    let names = path.split(separator: "/")
    return (0...names.count).reversed().map { count in names.prefix(count).map { "/" + $0 }.joined() }
  }
}
