import ApusBase
import ApusModel
package import ApusStore
package import ApusStoreCore

/// The files that a simulation leaves, and what a store needs to know to open them.
package struct Remains {
  /// The store's settings.
  package let store: StoreSettings
  /// The settings of its index.
  package let index: MessageIndex.Settings
  /// The files by path.
  package let files: [(path: String, bytes: [UInt8])]
}

/// Runs the production store over a ``SimulatedDisk`` for a number of random steps: sends, thirds of the store's own
/// steps, crashes between them and within disk calls, failing calls, full disks, clean stops. After each start, and at
/// the end, everything that the store holds is compared with everything that was sent.
///
/// **Promises.** Kill keeps what was acknowledged, in both flush modes. Power loss keeps what the store said is
/// flushed, and with synchronous flush what was acknowledged. A clean stop keeps everything. What was there when a
/// topic was removed is never readable again once that was answered; a removal that was not answered is completed by
/// the next start or has not begun. Always: the log holds nothing that was lost before or never sent, queue offsets
/// have no holes, queues and index are those of a scan of the log, and a start changes nothing for the next.
package final class Simulation {
  private let settings: SimulationSettings
  private var random: SeededGenerator
  /// What another program does to the store between two runs: a sequence of its own.
  private var meddling: SeededGenerator
  /// When topics are removed and queue files lost: again a sequence of its own.
  private var deleting: SeededGenerator
  private let disk: SimulatedDisk
  private let storeSettings: StoreSettings
  private let indexSettings: MessageIndex.Settings
  private let syncFlush: Bool
  private var workload: Workload
  private var sent = SentMessages()
  private var broker: SimulatedBroker?
  private var report = SimulationReport()
  private var step = 0
  /// How the machine stopped since the log was last looked at; nil after a clean stop.
  private var pendingCrash: CrashKind?
  /// What the last start said about its recovery.
  private var recoveryEvents: [String] = []
  /// Whether all queue files were lost since the last clean stop, so that only the mark says how many are back.
  private var areQueuesLost = false
  private static let largeCapacity: Int64 = 1 << 40

  /// Sets a simulation up.
  package init(_ settings: SimulationSettings) {
    self.settings = settings
    random = SeededGenerator(seed: settings.seed)
    meddling = SeededGenerator(seed: settings.seed ^ 0x4A61_7661)
    deleting = SeededGenerator(seed: settings.seed ^ 0x6465_6C65)
    disk = SimulatedDisk(seed: random.next())
    syncFlush = random.chance(1, in: 2)
    var storeSettings = StoreSettings(root: "store")
    storeSettings.logFileBytes = [4096, 8192, 16_384].randomElement(using: &random) ?? 4096
    storeSettings.queueFileBytes = 20 * Int.random(in: 5...40, using: &random)
    storeSettings.populateAhead = Int.random(in: 1...8192, using: &random)
    storeSettings.populateStep = Int.random(in: 512...8192, using: &random)
    storeSettings.queuesLoadedAhead = 1
    storeSettings.openQueueFiles = Int.random(in: 4...12, using: &random)
    storeSettings.queueTailBytes = Int.random(in: 0...20_000, using: &random)
    storeSettings.extendsQueues = settings.extendsQueues
    storeSettings.extensionFileBytes = 64 + Int(settings.seed % 400)
    storeSettings.filesSyncedSingly = Int.random(in: 0...12, using: &meddling)
    self.storeSettings = storeSettings
    workload = Workload(logFileBytes: storeSettings.logFileBytes)
    let slots = Int.random(in: 1...50, using: &random)
    guard let layout = IndexLayout(slotCount: slots, entryCount: Int.random(in: 2...120, using: &random)) else {
      preconditionFailure("no such index file")
    }
    indexSettings = MessageIndex.Settings(
      directory: "store/index", layout: layout, entriesAhead: Int.random(in: 1...40, using: &random))
    disk.coldPercent = Int.random(in: 0...30, using: &random)
    disk.ignoresDirectorySyncs = settings.sabotage == .skipDirectorySync
    disk.hidesFailedSyncs = settings.sabotage == .ignoreSyncErrors
  }

  /// Runs all steps. Throws what a checker found, with seed and step.
  package func run() throws(SimulationFailure) -> SimulationReport {
    do {
      try start(after: nil)
      while step < settings.steps {
        step += 1
        do { try takeStep() } catch  where disk.hasCrashed {
          // What a call said while the machine stopped under it is nobody's fault.
        }
        if let broker { note(broker) }
        if disk.hasCrashed { try restartAfterCrash() }
      }
      do { try stopCleanly() } catch  where disk.hasCrashed {
        // The start after it was interrupted.
      }
      if disk.hasCrashed { try restartAfterCrash() }
    } catch {
      let said = recoveryEvents.isEmpty ? "" : "; the last start said: " + recoveryEvents.joined(separator: "; ")
      throw SimulationFailure("seed \(settings.seed), step \(step): \(error)\(said)")
    }
    report.steps = step
    report.acknowledged = sent.acknowledgedCount
    report.lost = sent.lostCount
    report.expired = sent.expiredCount
    report.crashes = disk.crashes
    report.faults = disk.faults
    return report
  }

  /// What the store's disk holds now.
  package var remains: Remains {
    Remains(store: storeSettings, index: indexSettings, files: disk.files)
  }

  // MARK: Steps

  private func takeStep() throws {
    disk.now = disk.now.advanced(byMilliseconds: Int64.random(in: 0...3000, using: &random))
    guard let broker else { preconditionFailure("a step without a broker") }
    if settings.deletesTopics, deleting.chance(1, in: 150) { removeTopic(on: broker) }
    if settings.deletesTopics, deleting.chance(1, in: 12) {
      broker.advance(.remover, localHour: 12, using: &deleting)
      if disk.hasCrashed { return }
      note(broker)
    }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<40: try send(on: broker)
    case 40..<55:
      if broker.store.failure == nil { _ = broker.store.dispatch() }
    case 55..<90:
      let threads = SimulatedBroker.Thread.allCases.filter { $0 != .remover }
      let thread = threads.randomElement(using: &random) ?? .flusher
      broker.advance(thread, localHour: Int.random(in: 0...23, using: &random), using: &random)
      note(broker)
    case 90..<92: disk.writeBack()
    case 92..<94: try pull(from: broker)
    case 94: planFaults()
    case 95: planCrash(using: &random)
    case 96: disk.crash(.kill)
    case 97: disk.crash(.powerLoss)
    case 98: try stopCleanly()
    default: disk.capacity = disk.capacity == Self.largeCapacity ? 1 << 18 : Self.largeCapacity
    }
  }

  private func send(on broker: SimulatedBroker) throws {
    let send = workload.next(using: &random)
    switch try broker.send(send) {
    case .notNow, .refused: break
    case .taken(let first):
      let messages = SimulatedBroker.messages(of: send, from: first)
      for message in messages { try sent.append(message) }
      report.sent += messages.count
      guard let end = messages.last?.end, end == first.end.rawValue else {
        throw SimulationFailure("the store says that a send ends at \(first.end), not \(messages.last?.end ?? 0)")
      }
    }
    note(broker)
  }

  /// Begins the removal of a topic, which takes no messages until the store has let go of it; that comes in steps.
  private func removeTopic(on broker: SimulatedBroker) {
    guard broker.store.failure == nil, let topic = Workload.topics.randomElement(using: &deleting),
      broker.remove(topic: topic)
    else { return }
    sent.remove(topic: topic)
    report.removals += 1
    if disk.plan == FaultPlan(), deleting.chance(1, in: 3) { planCrash(using: &deleting) }
  }

  /// What somebody does to the files of a store that is not open.
  private func loseFiles() {
    if settings.sabotage == .forgetDeletion { disk.lose(storeSettings.deletionsPath) }
    guard settings.deletesTopics, !settings.extendsQueues, deleting.chance(1, in: 10) else { return }
    disk.lose(storeSettings.queueDirectory)
    report.lostQueues += 1
    areQueuesLost = true
  }

  /// Writes down what the broker has promised by now.
  private func note(_ broker: SimulatedBroker) {
    for topic in broker.takeRemovedTopics() {
      sent.removed(topic: topic)
      report.answeredRemovals += 1
    }
    sent.acknowledge(upTo: broker.acknowledged.rawValue)
    sent.flush(upTo: broker.store.marks.flushed.rawValue)
    sent.expire(before: broker.store.minOffset.rawValue)
  }

  /// Pulls from a random queue at a random place that was dispatched.
  private func pull(from broker: SimulatedBroker) throws {
    guard broker.store.failure == nil, disk.plan.failures.isEmpty,
      let (queue, messages) = sent.byQueue.sorted(by: { $0.key < $1.key }).randomElement(using: &random),
      let consumeQueue = try broker.store.queue(topic: queue.topic, id: queue.id)
    else { return }
    _ = broker.store.dispatch()
    let visible = messages.filter { $0.queueOffset >= consumeQueue.minOffset.rawValue }
    guard let message = visible.randomElement(using: &random) else { return }
    try StoreCheck(store: broker.store, disk: disk).check(consumeQueue, at: message.queueOffset, visible)
  }

  private func planFaults() {
    let calls: [DiskCall] = [.flush, .sync, .write, .allocate, .populate, .open, .syncDirectory, .rename, .map]
    let call = calls.randomElement(using: &random) ?? .flush
    // A thin volume says that it is full only when a file is synced.
    let isFull =
      [.allocate, .populate, .write].contains(call) && random.chance(3, in: 4)
      || [.flush, .sync].contains(call) && meddling.chance(1, in: 4)
    disk.plan = FaultPlan(failures: [
      .init(
        call, occurrence: Int.random(in: 1...5, using: &random), repeats: Int.random(in: 1...2, using: &random),
        code: isFull ? .full : .failed(ErrorNumber.inputOutput))
    ])
  }

  private func planCrash(using random: inout SeededGenerator) {
    disk.plan = FaultPlan(
      crashAtCall: Int.random(in: 1...25, using: &random), crashKind: random.chance(1, in: 2) ? .kill : .powerLoss)
  }

  // MARK: Stopping and starting

  private func stopCleanly() throws {
    guard let broker else { preconditionFailure("a stop without a broker") }
    disk.plan = FaultPlan()
    disk.capacity = Self.largeCapacity
    broker.finishAll(localHour: 12, using: &random)
    note(broker)
    guard broker.store.failure == nil else {
      // A store that failed does not stop cleanly: its process ends, and the next start recovers.
      disk.crash(.kill)
      return try restartAfterCrash()
    }
    try broker.close()
    note(broker)
    report.cleanStops += 1
    self.broker = nil
    areQueuesLost = false
    // Where files of a removed topic stand in the way, those of one that was made again wait for the next start.
    if settings.deletesTopics, !broker.hasUnfinishedRemovals, deleting.chance(1, in: 3) { try inspect() }
    if meddling.chance(1, in: 3) {
      // As Java leaves a store that it has closed: there is no mark, or none that fits. The start that reads such a
      // store may be interrupted, too.
      disk.lose(storeSettings.markPath)
      report.foreignStops += 1
      if meddling.chance(1, in: 2) { planCrash(using: &meddling) }
    } else {
      loseFiles()
    }
    try start(after: nil)
  }

  /// A look through a store that was closed in order finds queues that fit the log.
  private func inspect() throws {
    let kinds: [StoreFinding.Kind] = [.entriesMissing, .entryDiffers, .entryDangling]
    var found: StoreFinding?
    try StoreInspection(disk: disk, settings: storeSettings, index: nil) { finding in
      if kinds.contains(finding.kind), finding.severity == .problem { found = found ?? finding }
    }.run()
    if let found { throw SimulationFailure("a look through the closed store finds that \(found.path) \(found.text)") }
  }

  /// Starts again until a start comes through: a crash may come in the middle of recovery, too.
  private func restartAfterCrash() throws {
    while disk.hasCrashed {
      let crash = disk.lastCrash
      broker?.abandonSteps()
      broker = nil
      disk.restart()
      disk.capacity = Self.largeCapacity
      // Java's crash leaves no mark that fits: the checkpoint says what is durable. Of extension files only the mark
      // says it.
      if meddling.chance(1, in: 8), !settings.extendsQueues, !areQueuesLost {
        disk.lose(storeSettings.markPath)
      } else {
        loseFiles()
      }
      if random.chance(1, in: 4) { planCrash(using: &random) }
      do {
        try start(after: crash)
      } catch  where disk.hasCrashed {
        continue
      }
    }
  }

  /// Starts a broker and checks everything it has found.
  private func start(after crash: CrashKind?) throws {
    let broker = try open(after: crash)
    if random.chance(1, in: 4) {
      try checkSecondRecovery(changesNothingIn: broker)
    } else {
      self.broker = broker
    }
    note(self.broker ?? broker)
  }

  private func open(after crash: CrashKind?) throws -> SimulatedBroker {
    // What one crash left was judged when it was read; a crash in a start adds to it, and the worse kind counts.
    if let crash { pendingCrash = pendingCrash == .powerLoss ? .powerLoss : crash }
    recoveryEvents = []
    let recorded = disk.bytes(at: storeSettings.deletionsPath)
    let broker = try SimulatedBroker(
      disk: disk, store: storeSettings, index: indexSettings, syncFlush: syncFlush, sabotage: settings.sabotage
    ) { recoveryEvents.append($0.description) }
    if let recorded, settings.sabotage == .keepDeletion { disk.replace(storeSettings.deletionsPath, with: recorded) }
    let log = ScannedLog(files: disk.contents(of: storeSettings.logDirectory), from: broker.store.minOffset.rawValue)
    try sent.reconcile(with: log, after: pendingCrash, syncFlush: syncFlush)
    pendingCrash = nil
    let appended = broker.store.marks.appended.rawValue
    guard appended >= log.records.last?.end ?? log.start, appended <= log.end else {
      throw SimulationFailure("the store says that its log ends at \(appended), its bytes say \(log.end)")
    }
    _ = broker.store.dispatch()
    let check = StoreCheck(store: broker.store, disk: disk)
    try decideRemovals(check)
    try check.queues(are: sent)
    broker.runIndexer(using: &random)
    if disk.hasCrashed { throw SimulationFailure("stopped while it started") }
    try check.index(broker.index, finds: log.records)
    return broker
  }

  /// Finds out what became of removals that were not answered: any of their outcomes is right, but nothing in between.
  private func decideRemovals(_ check: StoreCheck) throws {
    for topic in sent.undecidedTopics {
      sent.decide(topic: topic, as: try outcome(of: sent.queues(of: topic), check))
    }
  }

  /// The first of the outcomes that queues show.
  private func outcome(of queues: [SentMessages.Queue], _ check: StoreCheck) throws -> SentMessages {
    var failure: (any Error)?
    for outcome in sent.outcomes(of: queues) {
      do {
        try check.queues(queues, are: outcome)
        return outcome
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return sent
  }

  /// Stops right after a start and starts again: log, queues and marks must be the same.
  private func checkSecondRecovery(changesNothingIn broker: SimulatedBroker) throws {
    let before = try Self.state(of: broker, disk, storeSettings)
    note(broker)
    broker.abandonSteps()
    disk.crash(.kill)
    disk.restart()
    let again = try open(after: .kill)
    self.broker = again
    let after = try Self.state(of: again, disk, storeSettings)
    guard after == before else {
      throw SimulationFailure("a second recovery made \(after.description) of \(before.description)")
    }
  }

  private struct State: Equatable, CustomStringConvertible {
    var end: Int64
    var queues: [String]
    var log: [[UInt8]]

    var description: String { "end \(end), queues \(queues), log files \(log.count)" }
  }

  private static func state(
    of broker: SimulatedBroker, _ disk: SimulatedDisk, _ settings: StoreSettings
  ) throws -> State {
    let log = disk.contents(of: settings.logDirectory).map(\.bytes)
    return State(end: broker.store.marks.appended.rawValue, queues: try broker.queueRanges, log: log)
  }
}
