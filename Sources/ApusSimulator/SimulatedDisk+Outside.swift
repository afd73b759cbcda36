import ApusBase

/// What is looked at, and done, from outside of the store: no call is counted and none fails.
extension SimulatedDisk {
  /// The visible files of a directory with their content, by name, for checkers.
  package func contents(of directory: String) -> [(name: String, bytes: [UInt8])] {
    let inside = names.visible.keys.filter { SimulatedNames.parent(of: $0) == directory }.sorted()
    return inside.compactMap { path in
      names.visible[path]?.file.map { (String(path.dropFirst(directory.count + 1)), $0.content) }
    }
  }

  /// All visible files with their content, by path.
  package var files: [(path: String, bytes: [UInt8])] {
    names.visible.keys.sorted().compactMap { path in names.visible[path]?.file.map { (path, $0.content) } }
  }

  /// What a visible file holds; nil when there is none.
  package func bytes(at path: String) -> [UInt8]? { names.visible[path]?.file?.content }

  /// Takes a file, or a directory with all that is in it, away for good, as another program does while the store is
  /// closed.
  package func lose(_ path: String) {
    guard names.visible[path] != nil else { return }
    for path in names.paths(under: path) + [path] {
      names.remove(path)
      names.sync(SimulatedNames.parent(of: path))
    }
  }

  /// Replaces what a file holds, on the device too, as another program does while the store is closed.
  package func replace(_ path: String, with bytes: [UInt8]) {
    guard let file = names.visible[path]?.file else { return }
    file.setLength(bytes.count)
    unsafe bytes.withUnsafeBytes { unsafe file.write($0, at: 0) }
    file.persist(file.dirtySectors(in: 0..<bytes.count))
    file.persistLength()
  }

  /// Changes bytes of a file in memory and on the device, as when the device gives back other bytes than it was given.
  package func damage(_ path: String, at offset: Int, with bytes: [UInt8]) {
    guard let file = names.visible[path]?.file, !bytes.isEmpty else { return }
    precondition(offset + bytes.count <= file.length, "damage lies within the file")
    file.damage(bytes, at: offset)
  }
}
