package import ApusBase

/// Several devices below one root.
extension SimulatedDisk {
  /// Whether the same mount point is above both.
  package func sharesDevice(_ directory: String, with other: String) throws(DiskError) -> Bool {
    device(of: directory) == device(of: other)
  }

  /// The mount point that a path is or lies in; empty where there is none.
  func device(of path: String) -> String {
    var path = SimulatedNames.canonical(path)
    while !path.isEmpty, path != "/" {
      if mountPoints.contains(path) { return path }
      path = SimulatedNames.parent(of: path)
    }
    return ""
  }

  /// The files that a sync of everything reaches, in a fixed order.
  func files(onDeviceOf path: String) -> [SimulatedFile] {
    guard !mountPoints.isEmpty else { return names.files }
    let wanted = device(of: path)
    let paths = names.visible.keys.sorted().filter { device(of: $0) == wanted }
    return paths.compactMap { names.visible[$0]?.file }
  }

  /// Makes the names durable that a sync of everything reaches.
  func syncNames(onDeviceOf path: String) {
    guard !mountPoints.isEmpty else { return names.syncAll() }
    let wanted = device(of: path)
    for directory in names.visible.keys.sorted() where names.isDirectory(directory) && device(of: directory) == wanted {
      names.sync(directory)
    }
  }
}
