package import ApusBase
import ApusStoreCore

/// Something that a look through a store found.
package struct StoreFinding: Hashable, Sendable {
  /// How bad it is.
  package enum Severity: String, Hashable, Sendable {
    /// What was stored is not all there, or parts of the store contradict each other.
    case problem
    /// What a store looks like that was not closed in order: the next start puts it in order.
    case note
  }

  /// What kind it is.
  package enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Bytes of the log that are no records, or records that are not what was stored.
    case logDamage = "log-damage"
    /// A log file is missing, has the wrong length or the wrong name.
    case logFile = "log-file"
    /// The log ends in a record that was not finished.
    case tornTail = "torn-tail"
    /// Messages of the log lack their entry.
    case entriesMissing = "entries-missing"
    /// An entry says something else of its message than the log.
    case entryDiffers = "entry-differs"
    /// An entry points to no message.
    case entryDangling = "entry-dangling"
    /// Offsets of a queue whose messages were lost.
    case entryBlank = "entry-blank"
    /// A file of a queue cannot be used.
    case queueFile = "queue-file"
    /// An index file cannot be used.
    case indexFile = "index-file"
    /// The index lacks a key of a message.
    case keyMissing = "key-missing"
    /// The index has a key that no message has.
    case keyDangling = "key-dangling"
    /// `checkpoint` or the durable mark cannot be used or says what is not so.
    case marks
    /// A configuration file cannot be used.
    case config
  }

  /// How bad it is.
  package var severity: Severity
  /// What kind it is.
  package var kind: Kind
  /// The file or directory.
  package var path: String
  /// Where: a log offset, a queue offset or the number of an index entry; nil for the whole file.
  package var offset: Int64?
  /// One sentence.
  package var text: String

  /// Describes a finding.
  package init(_ severity: Severity, _ kind: Kind, path: String, at offset: Int64? = nil, _ text: String) {
    self.severity = severity
    self.kind = kind
    self.path = path
    self.offset = offset
    self.text = text
  }
}

/// What a look through a store came to.
package struct StoreTotals: Hashable, Sendable {
  /// Whole records in the log.
  package internal(set) var records = 0
  /// The bytes they have.
  package internal(set) var recordBytes = 0
  /// Log files.
  package internal(set) var logFiles = 0
  /// Where the log begins.
  package internal(set) var logStart = PhysicalOffset.zero
  /// Where it ends.
  package internal(set) var logEnd = PhysicalOffset.zero
  /// Queues.
  package internal(set) var queues = 0
  /// Entries of queues that stand for a message which is still in the log.
  package internal(set) var entries = 0
  /// Index files.
  package internal(set) var indexFiles = 0
  /// Keys in them.
  package internal(set) var keys = 0
  /// Whether the store was closed in order.
  package internal(set) var wasClosed = true

  /// Starts with nothing.
  package init() {}
}

/// The measures of a store's files, which are not in the files: found from their lengths.
package struct StoreMeasures: Hashable, Sendable {
  /// The length of a log file; nil when there is none.
  package var logFileBytes: Int?
  /// The length of a queue file; nil when there is none.
  package var queueFileBytes: Int?
  /// The length of an index file; nil when there is none.
  package var indexFileBytes: Int?

  /// Looks at the files of a store: the length that most log files have, the greatest of the first queues' files, as
  /// damage only shortens them, and that of the first index file.
  package init(of root: String, logDirectory: String, on disk: any Disk) throws(DiskError) {
    let lengths = try disk.list(logDirectory).filter { !$0.isDirectory && SegmentName.start($0.name) != nil }
      .map { Int($0.length) }.filter { $0 > 0 }
    logFileBytes = Dictionary(grouping: lengths) { $0 }.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }?.key
    queueFileBytes = try Self.longestQueueFile(root + "/consumequeue", disk)
    indexFileBytes = try disk.list(root + "/index").first { !$0.isDirectory && $0.length > 0 }.map { Int($0.length) }
  }

  private static func longestQueueFile(_ directory: String, _ disk: any Disk) throws(DiskError) -> Int? {
    let entryBytes = Int64(ConsumeQueueEntry.bytes)
    var longest: Int64?
    for queue in try disk.queues(below: directory).prefix(QueueFileSample.queueLimit) {
      for file in try disk.list("\(directory)/\(queue.topic)/\(queue.id)") where !file.isDirectory {
        if file.length > 0, file.length % entryBytes == 0 { longest = max(longest ?? 0, file.length) }
      }
    }
    return longest.map { Int($0) }
  }
}
