/// A mistake put into the simulated broker on purpose: the checkers must find it, or they would find nothing.
package enum Sabotage: String, CaseIterable, Hashable, Sendable {
  /// Producers get their answer before the flush that it promises.
  case acknowledgeBeforeFlush
  /// A flush reports success without having flushed.
  case skipFlush
  /// The directory of the log is never synced.
  case skipDirectorySync
  /// A flush or sync that failed is taken for one that succeeded.
  case ignoreSyncErrors
  /// That a topic was deleted is not recorded.
  case forgetDeletion
  /// A start leaves the record of deletions as it is, though it names places of the log that a power loss took.
  case keepDeletion
  /// A topic that is deleted begins anew before that is recorded.
  case beginAnewTooSoon
}
