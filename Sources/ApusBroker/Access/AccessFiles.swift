package import ApusAccess
package import ApusBase
package import ApusModel
import ApusSigning
package import ApusSystem

/// The access control files of a broker: every `.yml` and `.yaml` below `acl/` of one directory, and `plain_acl.yml` in
/// it, read in this order. Where they are is said by the broker's settings and by nobody else.
///
/// They are looked at anew every few seconds, as by Java. Files that cannot be used are reported with place and reason,
/// and what was read before goes on to count.
///
/// The lock is held while files are read and written: it is taken by I/O threads and the housekeeper, by no loop. Loops
/// have the list itself.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:acl/src/main/java/org/apache/rocketmq/acl/plain/PlainPermissionManager.java.
/// Deviations: at the start some file must be there and all must be good; one bad file leaves all as they were.
package final class AccessFiles: Sendable {
  /// What counts from some moment on.
  package struct Snapshot: Sendable {
    /// Grows with every change.
    package var generation: Int
    /// The accounts.
    package var list: AccessList
  }

  /// More files than anybody keeps; how deep directories may lie in each other.
  private static let (fileLimit, depthLimit) = (256, 8)
  /// The name of the usual file, to which new accounts go.
  package static let usualName = "plain_acl.yml"

  private struct Known: Sendable, Equatable {
    var path: String
    /// A hash of the content.
    var fingerprint: [UInt8]
    var version: DataVersion

    static func == (first: Known, second: Known) -> Bool {
      first.path == second.path && first.fingerprint == second.fingerprint
    }
  }

  private struct State: Sendable {
    var snapshot: Snapshot
    var files: [Known]
    /// What has been reported, so that it is reported once.
    var complaint: AccessFileError?
    var onChange: (@Sendable (Snapshot) -> Void)?
  }

  private let directory: String
  private let log: Logger
  private let state: Locked<State>

  /// Reads the files. Throws the first one that cannot be used, or that there is none.
  package init(directory: String, now: WallTime, log: Logger) throws(AccessFileError) {
    self.directory = directory
    self.log = log
    let (files, known) = try Self.read(directory, now: now)
    let list = AccessList(files)
    state = Locked(State(snapshot: Snapshot(generation: 1, list: list), files: known))
    announce(list, "access control is on")
  }

  private func announce(_ list: AccessList, _ event: String) {
    for warning in list.warnings { log.warning("access", "\(warning)") }
    log.info("access", event, ["accounts": list.count, "directory": directory])
  }

  /// What counts now.
  package var snapshot: Snapshot { state.withLock { $0.snapshot } }

  /// Calls `onChange` after each change, on the thread that made it.
  package func join(_ onChange: @escaping @Sendable (Snapshot) -> Void) { state.withLock { $0.onChange = onChange } }

  /// The path of the usual file.
  package var usualPath: String { directory + "/" + Self.usualName }

  /// The state of the usual file, and of every file by its path.
  package var versions: (usual: DataVersion, files: [(path: String, version: DataVersion)]) {
    state.withLock { state in
      let files = state.files.map { ($0.path, $0.version) }
      let usual = files.first { $0.0 == usualPath } ?? files[0]
      return (usual.1, files)
    }
  }

  // MARK: Changes on the disk

  /// Reads the files again when they have changed. What cannot be used is reported once and has no effect.
  package func refresh(now: WallTime) {
    let (change, complaint, isNew) = state.withLock { state in
      do throws(AccessFileError) {
        let (files, known) = try Self.read(directory, now: now)
        state.complaint = nil
        guard known != state.files else { return (nil as Change?, nil as AccessFileError?, false) }
        return (Self.change(&state, files, known), nil, false)
      } catch {
        let isNew = state.complaint != error
        state.complaint = error
        return (nil, error, isNew)
      }
    }
    if let complaint, isNew {
      log.error(
        "access", "changed access control files cannot be used; what was read before goes on to count",
        ["cause": complaint])
    }
    guard let change else { return }
    announce(change.snapshot.list, "changed access control files were read")
    change.tell()
  }

  /// A change that is to be told of, outside of the lock.
  private struct Change {
    var snapshot: Snapshot
    var onChange: (@Sendable (Snapshot) -> Void)?

    func tell() { onChange?(snapshot) }
  }

  private static func change(_ state: inout State, _ files: [AccessFile], _ known: [Known]) -> Change {
    state.snapshot = Snapshot(generation: state.snapshot.generation + 1, list: AccessList(files))
    state.files = known
    return Change(snapshot: state.snapshot, onChange: state.onChange)
  }

  // MARK: Changes by request

  /// Why a change by request was not made.
  package enum ChangeError: Error, Sendable {
    /// The change, or a file that is there, cannot be used.
    case file(AccessFileError)
    /// A file cannot be written.
    case system(SystemError)
    /// No file knows the account.
    case unknownAccount
    /// The path is not that of a file that is in use.
    case unknownFile
  }

  /// Changes an account where it is, or adds it to the usual file. When this returns the file is written and every loop
  /// goes by it.
  package func update(_ account: AccountChange, now: WallTime) throws(ChangeError) {
    try edit(now: now) { (files) throws(ChangeError) in
      var index = files.firstIndex { $0.accounts.contains { $0.accessKey == account.accessKey } }
      if index == nil { index = usual(in: &files) }
      guard let index else { throw .unknownFile }
      do throws(AccessFileError) { try files[index].update(account, now: now) } catch { throw .file(error) }
      return index
    }
  }

  /// Removes an account.
  package func remove(accessKey: String, now: WallTime) throws(ChangeError) {
    try edit(now: now) { (files) throws(ChangeError) in
      do throws(AccessFileError) {
        for index in files.indices where try files[index].remove(accessKey: accessKey, now: now) { return index }
      } catch {
        throw .file(error)
      }
      throw .unknownAccount
    }
  }

  /// Replaces the global addresses of a file; of the usual one unless told.
  package func replaceGlobalAddresses(
    by addresses: [String], path: String?, now: WallTime
  ) throws(ChangeError) {
    try edit(now: now) { (files) throws(ChangeError) in
      let index = path.map { path in files.firstIndex { $0.path == path } } ?? usual(in: &files)
      guard let index else { throw .unknownFile }
      do throws(AccessFileError) {
        try files[index].replaceGlobalAddresses(by: addresses, now: now)
      } catch {
        throw .file(error)
      }
      return index
    }
  }

  /// Where the usual file is among the others, as which it begins when it is missing.
  private func usual(in files: inout [AccessFile]) -> Int {
    if let index = files.firstIndex(where: { $0.path == usualPath }) { return index }
    files.append(AccessFile(path: usualPath))
    return files.count - 1
  }

  /// Reads the files, changes one and writes it. `body` returns which.
  private func edit(
    now: WallTime, _ body: (inout [AccessFile]) throws(ChangeError) -> Int
  ) throws(ChangeError) {
    let change = try state.withLock { state throws(ChangeError) in
      var files: [AccessFile]
      do throws(AccessFileError) { files = try Self.read(directory, now: now).files } catch { throw .file(error) }
      let index = try body(&files)
      let content = files[index].bytes
      do throws(SystemError) { try PrivateFile.replace(files[index].path, with: content) } catch {
        throw .system(error)
      }
      do throws(AccessFileError) {
        let (files, known) = try Self.read(directory, now: now)
        return Self.change(&state, files, known)
      } catch {
        throw .file(error)
      }
    }
    change.tell()
  }

  // MARK: Reading

  private static func read(
    _ directory: String, now: WallTime
  ) throws(AccessFileError) -> (files: [AccessFile], known: [Known]) {
    var paths = try list(directory + "/acl", depth: 0)
    let usual = directory + "/" + usualName
    var files: [AccessFile] = []
    var known: [Known] = []
    paths.append(usual)
    for path in paths {
      guard let bytes = try content(of: path, isOptional: path == usual) else { continue }
      let file = try AccessFile(path: path, bytes: bytes)
      files.append(file)
      known.append(
        Known(
          path: path, fingerprint: SignatureKey(secret: "").signature(of: bytes.rawSpan).bytes,
          version: file.version ?? DataVersion(timestamp: now)))
    }
    guard !files.isEmpty else {
      throw AccessFileError(
        path: usual, reason: "does not exist, and neither does a .yml file below \(directory)/acl: accounts are needed")
    }
    return (files, known)
  }

  private static func list(_ directory: String, depth: Int) throws(AccessFileError) -> [String] {
    let entries: [DiskEntry]
    do throws(DiskError) {
      entries = try PosixDisk().list(directory)
    } catch {
      throw AccessFileError(path: directory, reason: "\(error)")
    }
    var paths: [String] = []
    for entry in entries {
      let path = directory + "/" + entry.name
      if entry.isDirectory {
        guard depth < depthLimit else { throw AccessFileError(path: path, reason: "lies too deep") }
        paths += try list(path, depth: depth + 1)
      } else if entry.name.hasSuffix(".yml") || entry.name.hasSuffix(".yaml") {
        paths.append(path)
      }
    }
    guard paths.count <= fileLimit else {
      throw AccessFileError(path: directory, reason: "more than \(fileLimit) access control files")
    }
    return paths
  }

  private static func content(of path: String, isOptional: Bool) throws(AccessFileError) -> [UInt8]? {
    do throws(SystemError) {
      return try ProcessIO.contents(of: path, byteLimit: AccessFile.byteLimit)
    } catch {
      if isOptional, error.isNotFound { return nil }
      throw AccessFileError(path: path, reason: "\(error)")
    }
  }
}
