import ApusBase

/// What retention runs could not remove so far.
struct UnremovedFiles {
  /// Files of the log, oldest first.
  private(set) var logFiles: [RetentionRemoval.LogFile] = []
  /// Directories of queues.
  private(set) var queues: Set<String> = []

  var isEmpty: Bool { logFiles.isEmpty && queues.isEmpty }

  /// Forgets the queues that are not among these any more, as their topics were removed.
  mutating func keepQueues(_ directories: [String]) { queues.formIntersection(directories) }

  /// Takes in what a run came to; returns what could not be removed for the first time.
  mutating func update(_ removal: RetentionRemoval, _ outcome: RetentionRemoval.Outcome) -> [DiskError] {
    let known = Set(logFiles.map(\.path))
    let tried = Set(removal.logFiles.map(\.path))
    logFiles.removeAll { tried.contains($0.path) }
    logFiles = (outcome.keptLogFiles.map { $0.file } + logFiles).sorted { $0.start < $1.start }
    let new = outcome.keptQueues.filter { !queues.contains($0.directory) }
    if !queues.isEmpty { queues.subtract(removal.queues.map(\.directory)) }
    queues.formUnion(outcome.keptQueues.map { $0.directory })
    return outcome.keptLogFiles.filter { !known.contains($0.file.path) }.map { $0.error } + new.map { $0.error }
  }
}
