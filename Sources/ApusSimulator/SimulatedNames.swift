import ApusBase

/// The names of a simulated file system: those visible now, and the changes to them that no directory sync has covered.
struct SimulatedNames {
  /// What a name stands for.
  enum Node {
    case file(SimulatedFile)
    case directory

    var file: SimulatedFile? {
      if case .file(let file) = self { return file }
      return nil
    }
  }

  /// One change of the names, which reaches the device whole or not at all. A rename carries what it moved, as the old
  /// name may stand for another file by now.
  private enum Change {
    case add(String, Node)
    case remove(String)
    case rename(String, to: String, Node)

    func touches(_ directory: String) -> Bool {
      switch self {
      case .add(let path, _), .remove(let path): SimulatedNames.parent(of: path) == directory
      case .rename(let path, let newPath, _):
        SimulatedNames.parent(of: path) == directory || SimulatedNames.parent(of: newPath) == directory
      }
    }

    /// Whether it takes a directory away, itself or with one above it.
    func removes(_ directory: String) -> Bool {
      guard case .remove(let path) = self else { return false }
      return directory == path || directory.hasPrefix(path + "/")
    }

    func apply(to names: inout [String: Node]) {
      switch self {
      case .add(let path, let node): names[path] = node
      case .remove(let path):
        // What is in a directory goes with it, also where its own removal was not covered: a directory of this name
        // that comes later is another one.
        if case .directory? = names[path] { names = names.filter { !$0.key.hasPrefix(path + "/") } }
        names[path] = nil
      case .rename(let path, let newPath, let node):
        names[path] = nil
        names[newPath] = node
      }
    }

    var node: Node? {
      switch self {
      case .add(_, let node), .rename(_, _, let node): node
      case .remove: nil
      }
    }

    func mapNode(_ transform: (Node) -> Node) -> Change {
      switch self {
      case .add(let path, let node): .add(path, transform(node))
      case .remove: self
      case .rename(let path, let newPath, let node): .rename(path, to: newPath, transform(node))
      }
    }
  }

  private(set) var visible: [String: Node] = [:]
  private var durable: [String: Node] = [:]
  /// In the order they were made.
  private var pending: [Change] = []

  /// The path without a `/` at its end; `.` is where relative paths start, as the empty path is.
  static func canonical(_ path: String) -> String {
    path == "." ? "" : path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// The directory of a path; empty for a name without one.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Whether `path` is there without ever having been made: where paths start.
  private static func isRoot(_ path: String) -> Bool { path.isEmpty || path == "/" || path == "." }

  func isDirectory(_ path: String) -> Bool {
    if Self.isRoot(path) { return true }
    if case .directory = visible[path] { return true }
    return false
  }

  mutating func add(_ path: String, _ node: Node) {
    visible[path] = node
    pending.append(.add(path, node))
  }

  mutating func remove(_ path: String) {
    guard visible.removeValue(forKey: path) != nil else { return }
    pending.append(.remove(path))
  }

  mutating func rename(_ path: String, to newPath: String) {
    guard let node = visible.removeValue(forKey: path) else { return }
    visible[newPath] = node
    pending.append(.rename(path, to: newPath, node))
  }

  mutating func addDirectories(_ path: String) {
    guard !isDirectory(path) else { return }
    addDirectories(Self.parent(of: path))
    add(path, .directory)
  }

  /// The paths within a directory, deepest first.
  func paths(under directory: String) -> [String] {
    visible.keys.filter { $0.hasPrefix(directory + "/") }.sorted(by: >)
  }

  /// Makes the changes within a directory durable.
  mutating func sync(_ directory: String) {
    // One of its name that was removed before goes first, lest it takes along what is in the new one.
    for change in pending where change.removes(directory) { change.apply(to: &durable) }
    pending.removeAll { $0.removes(directory) }
    for change in pending where change.touches(directory) { change.apply(to: &durable) }
    pending.removeAll { $0.touches(directory) }
  }

  /// Makes all changes durable.
  mutating func syncAll() {
    for change in pending { change.apply(to: &durable) }
    pending = []
  }

  /// Loses a random part of the changes that no sync covered; a name whose directory is gone is gone with it.
  mutating func losePending(using random: inout SeededGenerator) {
    let share = Int.random(in: 0...4, using: &random)
    for change in pending where random.chance(share, in: 4) { change.apply(to: &durable) }
    pending = []
    for path in durable.keys.sorted() where !Self.isRoot(Self.parent(of: path)) && durable[Self.parent(of: path)] == nil
    {
      durable[path] = nil
    }
    visible = durable
  }

  /// Every file that a visible or durable name or an undecided change stands for, in a fixed order.
  var files: [SimulatedFile] {
    var found: [Int: SimulatedFile] = [:]
    let nodes = Array(visible.values) + Array(durable.values) + pending.compactMap(\.node)
    for file in nodes.compactMap(\.file) { found[file.id] = file }
    return found.values.sorted { $0.id < $1.id }
  }

  /// Puts other files in the place of those with the same number.
  mutating func replace(_ files: [SimulatedFile]) {
    let byID = Dictionary(uniqueKeysWithValues: files.map { ($0.id, $0) })
    func replaced(_ node: Node) -> Node { node.file.flatMap { byID[$0.id] }.map { .file($0) } ?? node }
    visible = visible.mapValues(replaced)
    durable = durable.mapValues(replaced)
    pending = pending.map { $0.mapNode(replaced) }
  }
}
