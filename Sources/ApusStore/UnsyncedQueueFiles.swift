import ApusBase

/// What of the queues the next checkpoint has to bring to the device: files that were written, and directories that got
/// new names. Beyond `limit` of them the file system is synced at once, and names are not needed.
struct UnsyncedQueueFiles: Sendable {
  private(set) var files: [QueueFileCache.Key: String] = [:]
  private(set) var directories: Set<String> = []
  /// Whether there were more than `limit`.
  private(set) var isEverything = false
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// A file was written. Its path is only asked for when it matters.
  mutating func insert(_ key: QueueFileCache.Key, path: @autoclosure () -> String) {
    guard !isEverything, files[key] == nil else { return }
    files[key] = path()
    checkLimit()
  }

  /// A directory, and with it those above it up to `root`, has new names.
  mutating func insert(directory: String, topic: String, root: String) {
    // Those above were noted with the first one: all are forgotten together.
    guard !isEverything, directories.insert(directory).inserted else { return }
    directories.insert(root + "/" + topic)
    directories.insert(root)
    checkLimit()
  }

  /// Files that were removed need no sync.
  mutating func remove(where matches: (QueueFileCache.Key) -> Bool) {
    files = files.filter { !matches($0.key) }
  }

  /// Directories that were removed need no sync.
  mutating func remove(directories removed: [String]) {
    directories = directories.filter { new in !removed.contains { new == $0 || new.hasPrefix($0 + "/") } }
  }

  /// What a checkpoint did not bring to the device after all.
  mutating func formUnion(_ other: UnsyncedQueueFiles) {
    files.merge(other.files) { newer, _ in newer }
    directories.formUnion(other.directories)
    isEverything = isEverything || other.isEverything
    checkLimit()
  }

  /// Hands everything over to a checkpoint.
  mutating func take() -> UnsyncedQueueFiles {
    defer { self = UnsyncedQueueFiles(limit: limit) }
    return self
  }

  private mutating func checkLimit() {
    guard isEverything || files.count + directories.count > limit else { return }
    isEverything = true
    files = [:]
    directories = []
  }
}
