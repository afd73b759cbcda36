package import ApusBase

/// An open file, closed when the last holder lets go of it.
package final class OpenFile: Sendable {
  /// The descriptor.
  package let file: DiskFile
  private let disk: any Disk

  /// Opens a file, with `create` making an empty one when there is none.
  package init(disk: any Disk, path: String, create: Bool) throws(DiskError) {
    self.disk = disk
    file = try disk.open(path, create: create)
  }

  deinit { disk.close(file) }
}
