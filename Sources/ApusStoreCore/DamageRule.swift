package import ApusBase

/// What counts as durable when the log is read again after a stop: below it damage is isolated and what follows is
/// kept, above it the log ends at the first bad record.
package enum DamageRule: Hashable, Sendable {
  /// Everything: the store was closed in order.
  case everything
  /// What lies before the durable mark.
  case before(PhysicalOffset)
  /// Without a mark: what was stored before the checkpoint's time.
  case storedBefore(WallTime)

  /// Whether a whole record at `offset`, stored at `storeTime`, is on the device for sure, so that damage before it is
  /// isolated.
  package func covers(_ offset: PhysicalOffset, storedAt storeTime: WallTime) -> Bool {
    switch self {
    case .everything: true
    case .before(let mark): offset < mark
    case .storedBefore(let time): storeTime < time
    }
  }

  /// Whether durable records may follow bytes at `offset` that cannot be read, the last good record before having been
  /// stored at `lastTime`.
  package func mayFollow(_ offset: PhysicalOffset, after lastTime: WallTime?) -> Bool {
    switch self {
    case .everything: true
    case .before(let mark): offset < mark
    case .storedBefore(let time): lastTime.map { $0 < time } ?? true
    }
  }
}

/// Where recovery begins to read, and what it may cut.
package struct RecoveryPlan: Hashable, Sendable {
  /// Why it begins there.
  package enum Basis: String, Hashable, Sendable {
    /// The durable mark matches the log.
    case mark
    /// The store was closed in order by Java: the third-last file.
    case closed
    /// The newest file that begins before the checkpoint's time.
    case checkpoint
    /// Nothing says what is durable: the first file.
    case nothing
  }

  /// Where reading begins: the start of a file or the durable mark.
  package var start: PhysicalOffset
  /// What is durable.
  package var rule: DamageRule
  /// Why.
  package var basis: Basis

  /// Puts a plan together.
  package init(start: PhysicalOffset, rule: DamageRule, basis: Basis) {
    self.start = start
    self.rule = rule
    self.basis = basis
  }

  /// One file of the log, as far as planning looks.
  package struct File: Hashable, Sendable {
    /// Where it begins.
    package var start: PhysicalOffset
    /// When its first record was stored; nil when that is not whole.
    package var firstStoreTime: WallTime?
    /// Whether it begins with anything but zeroes.
    package var hasData: Bool

    /// Describes a file.
    package init(start: PhysicalOffset, firstStoreTime: WallTime?, hasData: Bool) {
      self.start = start
      self.firstStoreTime = firstStoreTime
      self.hasData = hasData
    }
  }

  /// Decides for a store without a matching mark. `files` in order; `queuesCover` is the greatest end of a record that
  /// any queue knows, nil when the queues are empty: what lies after it has no entry yet, so reading never begins
  /// later.
  package static func withoutMark(
    files: [File], wasClosed: Bool, checkpoint: Checkpoint?, queuesCover: PhysicalOffset?
  ) -> RecoveryPlan {
    let first = files.first?.start ?? .zero
    let basis: Basis
    let rule: DamageRule
    var start: PhysicalOffset
    if wasClosed {
      basis = .closed
      rule = .everything
      start = files.count > 3 ? files[files.count - 3].start : first
    } else if let checkpoint {
      basis = .checkpoint
      rule = .storedBefore(checkpoint.log)
      let qualifying = files.last { file in
        file.firstStoreTime.map { $0 <= checkpoint.recoveryTime } ?? false
      }
      start = qualifying?.start ?? first
    } else {
      basis = .nothing
      rule = .before(files.last(where: \.hasData)?.start ?? first)
      start = first
    }
    // Go back to the file in which the queues end.
    let covered = queuesCover ?? first
    if covered < start { start = files.last { $0.start <= covered }?.start ?? first }
    return RecoveryPlan(start: start, rule: rule, basis: basis)
  }
}
