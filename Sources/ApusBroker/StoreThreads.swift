package import ApusBase
package import ApusBrokerCore
package import ApusStore
import ApusStoreCore
package import ApusSystem
import Synchronization

/// The threads that do the store's slow work, one step machine each: they plan under the store's lock, run outside of
/// it and finish under it.
package final class StoreThreads: Sendable {
  /// How often slow work is looked at.
  package struct Settings: Sendable {
    /// `flushIntervalCommitLog`: how often an asynchronous flush looks at dirty pages.
    package var flushInterval = Duration.milliseconds(500)
    /// `flushIntervalConsumeQueue`: how often queue files are written.
    package var queueInterval = Duration.seconds(1)
    /// How often a checkpoint is written while the store grows.
    package var checkpointInterval = Duration.seconds(5)
    /// How many bytes of log may be dirty before they are flushed and their queue entries written ahead of time: queue
    /// entries wait in memory for that.
    package var dirtyBytes = 64 << 20
    /// After how many bytes of growth it is looked at whether the next segment must be prepared.
    package var preparationBytes = 8 << 20
    /// How long a device that was full is left alone before the next try.
    package var retryInterval = Duration.seconds(1)
    /// After how many seconds without a reader an old log file is unmapped.
    package var idleMappingRounds = 60

    /// Java's numbers.
    package init() {}
  }

  private let store: SharedStore
  private let settings: Settings
  private let bitMaps: (any BitMapSource)?
  private let log: Logger
  private let flusher = StepThread(name: "apus-flush")
  private let preparer = StepThread(name: "apus-prepare")
  private let keeper = StepThread(name: "apus-keep")
  private let policy: Locked<FlushPolicy>
  /// How long flushes take, and whether one more send may wait for one.
  package let admission = Locked(FlushAdmission())
  /// What is told of the flushes.
  package let flushes = FlushFigures()
  private let nextPreparation = Atomic<Int64>(0)
  private let nextFlush = Atomic<Int64>(0)
  private let dueCheckpoint = Locked(MonotonicTime(nanoseconds: .min))
  /// Called on the flusher's thread after the acknowledged mark moved, or when the store failed.
  private let onFlushed: @Sendable () -> Void
  /// Called on the preparer's thread when sends that waited for a segment may go on, or are to be refused.
  private let onSegment: @Sendable () -> Void

  /// How often the marks are looked at by who waits for a flush.
  private static let waitInterval = Duration.milliseconds(5)

  /// Sets the threads up; they do not run yet. `bitMaps` works out the bit maps of extension units; nil for none.
  package init(
    store: SharedStore, settings: Settings, bitMaps: (any BitMapSource)? = nil, log: Logger,
    onFlushed: @escaping @Sendable () -> Void, onSegment: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.settings = settings
    self.bitMaps = bitMaps
    self.log = log
    self.onFlushed = onFlushed
    self.onSegment = onSegment
    var policy = FlushPolicy()
    policy.interval = settings.flushInterval
    self.policy = Locked(policy)
  }

  /// Prepares the first segment, waiting for it, then starts the threads.
  package func start() throws(SystemError) {
    _ = prepare(SystemClock.monotonic(), once: true)
    try flusher.start { [self] now in flush(now) }
    try preparer.start { [self] now in prepare(now, once: false) }
    try keeper.start { [self] now in keep(now) }
  }

  /// Ends the threads. What they left undone is up to the store's own close.
  package func stop() {
    flusher.stop()
    preparer.stop()
    keeper.stop()
  }

  /// Somebody waits for the device: flush now.
  package func flushNow() { flusher.wake() }

  /// Waits until everything before `end` is on the device, at most as long as told, nil for as long as it takes. False
  /// when it is not by then, or the store failed. Not to be called on a loop.
  func waitUntilFlushed(_ end: PhysicalOffset, for limit: Duration? = nil) -> Bool {
    let deadline = limit.map { SystemClock.monotonic() + $0 }
    let pause = WakeUp()
    while true {
      let (flushed, refusal) = store.withLock { ($0.marks.flushed, $0.refusal) }
      if flushed >= end { return true }
      if case .failed = refusal { return false }
      let now = SystemClock.monotonic()
      if let deadline, now >= deadline { return false }
      store.want(end)
      flushNow()
      pause.wait(until: now + Self.waitInterval)
    }
  }

  /// The log grew to `end`: makes sure that the threads which follow it are awake. Cheap enough for every turn of a
  /// loop.
  package func logGrew(to end: PhysicalOffset) {
    flusher.nudge()
    keeper.nudge()
    if isDue(nextPreparation, end, every: settings.preparationBytes) { preparer.wake() }
    if isDue(nextFlush, end, every: settings.dirtyBytes) { flusher.wake() }
  }

  private func isDue(_ next: borrowing Atomic<Int64>, _ end: PhysicalOffset, every bytes: Int) -> Bool {
    guard end.rawValue >= next.load(ordering: .relaxed) else { return false }
    next.store(end.rawValue + Int64(bytes), ordering: .relaxed)
    return true
  }

  /// A send found no segment: prepare one now.
  package func segmentMissing() { preparer.wake() }

  /// Old log files may have been mapped, which pulls do also while nothing is stored: they are let go of in time.
  package func filesMayBeMapped() { if store.withLock({ $0.hasOldMappings }) { keeper.nudge() } }

  /// Damage was found on reading: it is told in the log soon.
  package func damageFound() { keeper.wake() }

  // MARK: Steps

  private func flush(_ now: MonotonicTime) -> MonotonicTime? {
    let marks = store.withLock { $0.marks }
    let dirty = marks.appended - marks.flushed
    let isWanted = store.wanted > marks.flushed
    let isUrgent = isWanted || dirty >= settings.dirtyBytes
    guard policy.withLock({ $0.shouldFlush(dirty: dirty, waiting: isUrgent, now: now) }),
      let plan = store.withLock({ $0.planFlush() })
    else { return dirty > 0 ? now + settings.flushInterval : nil }
    admission.withLock { $0.flushBegan(now: now) }
    flushes.began(now: now)
    let failure = plan.run(on: store.disk)
    let flushed = store.withLock { store in
      store.finish(plan, failure)
      return store.marks.flushed
    }
    let end = SystemClock.monotonic()
    flushes.ended(now: end)
    admission.withLock { $0.flushEnded(bytes: flushed - marks.flushed, now: end) }
    store.acknowledge(upTo: flushed)
    if dirty >= settings.dirtyBytes { keeper.wake() }
    if store.isSynchronous || failure != nil { onFlushed() }
    if let failure {
      log.error("store", "flush failed, the store accepts nothing any more", ["cause": failure])
      return nil
    }
    return store.wanted > flushed ? now : now + settings.flushInterval
  }

  private func prepare(_ now: MonotonicTime, once: Bool) -> MonotonicTime? {
    while let plan = store.withLock({ $0.planPreparation() }) {
      let outcome = plan.run(on: store.disk)
      let ready = store.withLock { $0.finish(plan, outcome) }
      if case .failed(let error) = outcome {
        // What may end by itself is told once, as an event of the store's, though it is tried again and again.
        if error.code != .full, error.code != .exhausted {
          log.error("store", "preparing a log segment failed", ["cause": error])
        }
        keeper.wake()
        // Sends that wait are refused now.
        onSegment()
        return now + settings.retryInterval
      }
      if ready { onSegment() }
      if once { break }
    }
    return nil
  }

  private func keep(_ now: MonotonicTime) -> MonotonicTime? {
    var worked = false
    while let plan = store.withLock({ $0.planQueueWrites() }) {
      worked = true
      let outcome = plan.run(on: store.disk, bitMaps: bitMaps)
      store.withLock { $0.finish(plan, outcome) }
      // A round at a time: under load more has been flushed meanwhile, and the checkpoint must have its turn.
      if outcome.error != nil || plan.endsRound { break }
    }
    let (isDue, due) = dueCheckpoint.withLock { due -> (Bool, MonotonicTime) in
      guard now >= due else { return (false, due) }
      due = now + settings.checkpointInterval
      return (true, due)
    }
    if isDue, let plan = store.withLock({ $0.planCheckpoint() }) {
      worked = true
      let outcome = plan.run(on: store.disk)
      store.withLock { $0.finish(plan, outcome) }
    }
    let (released, events, isNeeded) = store.withLock { store in
      (
        store.releaseIdleMappings(after: settings.idleMappingRounds), store.takeEvents(),
        store.hasUnwrittenEntries || store.hasOldMappings
      )
    }
    // Dropped here, outside of the lock: unmapping takes time.
    if !released.isEmpty || isNeeded { worked = true }
    for event in events { log.report(event) }
    if worked { return now + settings.queueInterval }
    // What was written last waits for its checkpoint, also when nothing follows: only a round that was due and found
    // nothing to write ends the waiting.
    return isDue ? nil : due
  }
}
