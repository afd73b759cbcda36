/// Paths of a ``Disk``, as texts. They are taken apart by bytes: a name may begin with a combining mark, which as a
/// `Character` would take in the `/` before it.
package enum DiskPath {
  /// The directory that a path lies in; `.` for a bare name.
  package static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension Disk {
  /// Makes a directory's own name durable, and the names above it. What may not be opened was not made by this process.
  package func syncAncestors(of directory: String) throws(DiskError) {
    var current = directory
    while current != "/" && current != "." {
      current = DiskPath.directory(of: current)
      do throws(DiskError) {
        try syncDirectory(current)
      } catch  where error.code == .denied {
        return
      }
    }
  }
}
