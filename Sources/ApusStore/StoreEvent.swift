package import ApusBase
package import ApusStoreCore

/// Something that happened to a store which an operator may want to know: given to the log callback of recovery, and
/// collected by the running store for the caller to take.
package enum StoreEvent: Hashable, Sendable, CustomStringConvertible {
  /// Recovery begins to read the log at an offset, for this reason.
  case recoveryStarted(at: PhysicalOffset, basis: RecoveryPlan.Basis)
  /// Entries of a queue are missing before the place where reading began: it begins again further back.
  case recoveryWentBack(to: PhysicalOffset)
  /// Recovery is done: the log's end and how many records were read.
  case recovered(end: PhysicalOffset, records: Int)
  /// The durable mark does not fit the log, as when another broker has run on the store.
  case markIgnored(reason: String)
  /// A log file was shorter or longer than it should be and was given its length.
  case fileLengthRepaired(path: String, was: Int64)
  /// A log file is missing between two others.
  case fileMissing(from: PhysicalOffset, to: PhysicalOffset)
  /// Bytes that are no records lie below what is durable: they are passed over, what follows is kept.
  case damageIsolated(path: String, Range<PhysicalOffset>)
  /// The log was cut at the first bad record.
  case logCut(path: String, at: PhysicalOffset, reason: String)
  /// The blank at the end of a file was missing and was written again.
  case blankRestored(path: String, at: PhysicalOffset)
  /// Entries of a queue from this offset on pointed to nothing and were removed.
  case queueCut(path: String, from: QueueOffset, to: QueueOffset)
  /// A queue's message or messages were lost to damage: their offsets stay empty.
  case queueBlanked(path: String, Range<QueueOffset>)
  /// The log holds a later message with an offset that the queue had already given out: the later one counts.
  case queueRewound(path: String, to: QueueOffset)
  /// A file of a queue could not be used and counts as missing.
  case queueFileUnreadable(path: String, reason: String)
  /// A file could not be read just now.
  case fileUnreadable(path: String, reason: String)
  /// A part of a log file is not what was stored: it is passed over and never served.
  case recordDamaged(path: String, Range<PhysicalOffset>)
  /// The record of deleted topics is damaged: topics that were deleted may come back.
  case deletionsUnreadable(path: String, reason: String)
  /// Files that are no longer needed could not be removed, as many others as told; each run tries again.
  case removalFailed(DiskError, others: Int)
  /// The device is full: sends are refused until there is space.
  case diskFull(path: String)
  /// Too many files or mappings are open: sends are refused until a step that needs one comes through.
  case exhausted(DiskError)
  /// There is space again, or there are descriptors: sends are taken.
  case acceptsAgain
  /// The file system cannot reserve space; the file was filled with zeroes instead.
  case spaceNotReserved(path: String)
  /// The device failed: the store accepts nothing any more.
  case failed(DiskError)

  /// Whether the event is a part of ordinary work, as the end of a recovery is. Of all others an operator should be
  /// warned: something was lost, cut, changed or passed over.
  package var isOrdinary: Bool {
    switch self {
    case .recoveryStarted, .recoveryWentBack, .recovered, .blankRestored, .acceptsAgain: true
    case .markIgnored, .fileLengthRepaired, .fileMissing, .damageIsolated, .logCut, .queueCut, .queueBlanked,
      .queueRewound, .queueFileUnreadable, .fileUnreadable, .recordDamaged, .deletionsUnreadable, .removalFailed,
      .diskFull, .exhausted, .spaceNotReserved, .failed:
      false
    }
  }

  /// One line for the log.
  package var description: String {
    switch self {
    case .recoveryStarted(let at, let basis): "recovery reads the log from \(at) (\(basis.rawValue))"
    case .recoveryWentBack(let to): "queue entries are missing, recovery reads the log again from \(to)"
    case .recovered(let end, let records): "the log ends at \(end), \(records) records read"
    case .markIgnored(let reason): "durable mark ignored: \(reason)"
    case .fileLengthRepaired(let path, let was): "\(path) had \(was) bytes and was given its full length"
    case .fileMissing(let from, let to): "the log has no file for \(from) to \(to)"
    case .damageIsolated(let path, let range):
      "\(path): damaged from \(range.lowerBound) to \(range.upperBound), passed over"
    case .logCut(let path, let at, let reason): "\(path): log cut at \(at): \(reason)"
    case .blankRestored(let path, let at): "\(path): blank at \(at) written again"
    case .queueCut(let path, let from, let to): "\(path): entries \(from) to \(to) point to nothing, removed"
    case .queueBlanked(let path, let range):
      "\(path): messages \(range.lowerBound) up to \(range.upperBound) are lost, their offsets stay empty"
    case .queueRewound(let path, let to): "\(path): offset \(to) was given out twice, the later message counts"
    case .queueFileUnreadable(let path, let reason), .fileUnreadable(let path, let reason): "\(path): \(reason)"
    case .recordDamaged(let path, let range):
      "\(path): damaged from \(range.lowerBound) to \(range.upperBound), found on reading: passed over"
    case .deletionsUnreadable(let path, let reason):
      "\(path): \(reason); topics that were deleted may come back"
    case .removalFailed(let error, let others):
      "old files could not be removed, tried again: \(error)" + (others > 0 ? ", and \(others) more" : "")
    case .diskFull(let path): "no space left for \(path): sends are refused"
    case .exhausted(let error): "\(error): sends are refused"
    case .acceptsAgain: "sends are taken again"
    case .spaceNotReserved(let path): "\(path): the file system cannot reserve space, filled with zeroes"
    case .failed(let error): "the store stops accepting: \(error)"
    }
  }
}

/// Why a store cannot be opened.
package enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The device or file system failed.
  case disk(DiskError)
  /// Another process uses the store.
  case inUse(path: String)
  /// The files do not fit the settings.
  case layout(path: String, reason: String)

  /// One line for the operator.
  package var description: String {
    switch self {
    case .disk(let error): error.description
    case .inUse(let path): "\(path) is locked: another broker uses this store"
    case .layout(let path, let reason): "\(path): \(reason)"
    }
  }
}

/// Why a store refuses a message.
package enum StoreRefusal: Hashable, Sendable {
  /// No space is left; may end by itself.
  case diskFull
  /// Too many files or mappings are open; may end by itself.
  case exhausted
  /// A flush or write failed: for good.
  case failed(DiskError)
  /// The record does not fit a log file.
  case tooLarge
  /// The topic was deleted, and the record of that could not be written; may end by itself.
  case deletionUnrecorded
  /// The store is closed.
  case closed
}
