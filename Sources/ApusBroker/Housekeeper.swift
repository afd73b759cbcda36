import ApusBase
import ApusBrokerCore
import ApusStore
import ApusStoreCore
import ApusSystem

/// What a broker does now and then on a thread of its own: statistics, configuration files, silent clients, retention.
final class Housekeeper: Sendable {
  /// How often each task is done; the defaults are Java's.
  struct Intervals: Sendable {
    var statistics = Duration.seconds(10)
    /// `flushConsumerOffsetInterval`
    var files = Duration.seconds(5)
    var clients = Duration.seconds(10)
    /// `cleanResourceInterval`. Java waits a minute before the first time; a start on a full disk should not.
    var retention = Duration.seconds(10)
    /// `flushDelayOffsetInterval`
    var delays = Duration.seconds(10)
    /// How often access control files are looked at.
    var access = Duration.seconds(5)
    /// How often the sends remembered last are written, if they are.
    var duplicates = Duration.seconds(1)
    /// `scrubBytesPerSecond`: how much of old log files is read to look for damage; 0 for nothing.
    var scrubBytes = 0
  }

  /// How long is waited for the log to be on the device as far as a file says that messages were delivered.
  private static let flushLimit = Duration.seconds(1)
  /// How long the messages that wait in files about to go may take to be stored anew.
  private static let rollLimit = Duration.seconds(30)

  private struct Due {
    var statistics = MonotonicTime(nanoseconds: .min)
    var files = MonotonicTime(nanoseconds: .min)
    var clients = MonotonicTime(nanoseconds: .min)
    var delays = MonotonicTime(nanoseconds: .min)
    var access = MonotonicTime(nanoseconds: .min)
    var duplicates = MonotonicTime(nanoseconds: .min)
    var scrub = MonotonicTime(nanoseconds: .min)
    var timers = TimedMessages.Kept()
    var retention: MonotonicTime
    var rules: Retention
  }

  private let service: BrokerService
  private let config: ConfigStore
  private let commit: ConfigCommit
  private let store: SharedStore
  private let threads: StoreThreads
  private let index: SharedIndex?
  private let delayed: DelayedMessages?
  /// Nil while access control is off.
  private let access: AccessFiles?
  private let duplicates: DuplicateSends
  private let timed: TimedMessages?
  private let removal: RemovalRequest
  private let topicRemovals: TopicRemovals
  /// Which files go and when is asked anew in every run.
  private let settings: Locked<BrokerSettings>
  private let log: Logger
  private let intervals: Intervals
  private let due: Locked<Due>
  private let thread = StepThread(name: "apus-house")

  init(
    service: BrokerService, config: ConfigStore, commit: ConfigCommit, store: SharedStore, threads: StoreThreads,
    index: SharedIndex?, timed: TimedMessages?, delayed: DelayedMessages?, access: AccessFiles?,
    duplicates: DuplicateSends, removal: RemovalRequest, topicRemovals: TopicRemovals,
    settings: Locked<BrokerSettings>, intervals: Intervals, log: Logger
  ) {
    self.service = service
    self.config = config
    self.commit = commit
    self.store = store
    self.threads = threads
    self.index = index
    self.delayed = delayed
    self.access = access
    self.duplicates = duplicates
    self.timed = timed
    self.removal = removal
    self.topicRemovals = topicRemovals
    self.settings = settings
    self.intervals = intervals
    self.log = log
    let rules = Retention(settings: settings.withLock { Retention.Settings($0.keeping) })
    due = Locked(Due(retention: SystemClock.monotonic() + intervals.retention, rules: rules))
  }

  func start() throws(SystemError) {
    try thread.start { [self] now in step(now) }
    removal.onRequest { [thread] in thread.wake() }
  }

  func stop() { thread.stop() }

  private func step(_ now: MonotonicTime) -> MonotonicTime? {
    var plan = due.withLock { $0 }
    if now >= plan.statistics {
      plan.statistics = now + intervals.statistics
      service.sampleStatistics(now: SystemClock.wall())
      service.tellRefusals()
    }
    if now >= plan.files {
      plan.files = now + intervals.files
      saveFiles()
    }
    if now >= plan.delays {
      plan.delays = now + intervals.delays
      saveDelays(&plan.timers)
    }
    if now >= plan.duplicates {
      // A broker that remembers nothing is not woken up for it.
      plan.duplicates = now + (duplicates.isKept ? intervals.duplicates : intervals.files)
      saveDuplicates()
    }
    if now >= plan.clients {
      plan.clients = now + intervals.clients
      service.removeSilentClients(now: now)
    }
    if let access, now >= plan.access {
      plan.access = now + intervals.access
      access.refresh(now: SystemClock.wall())
    }
    if removal.take() {
      plan.rules.request()
      plan.retention = now
    }
    if now >= plan.retention {
      plan.retention = now + intervals.retention
      removeTopics()
      plan.rules.settings = Retention.Settings(settings.withLock { $0.keeping })
      retain(&plan.rules)
      threads.filesMayBeMapped()
    }
    if now >= plan.scrub { plan.scrub = now + scrub() }
    due.withLock { $0 = plan }
    log.flushRepeats()
    let next = min(
      plan.statistics, plan.files, plan.delays, plan.duplicates, plan.clients, plan.retention, plan.scrub)
    return access == nil ? next : min(next, plan.access)
  }

  /// Reads a second's worth of old log files and returns how long to wait then: longer after a record that is larger,
  /// a minute when there are no old files.
  private func scrub() -> Duration {
    guard intervals.scrubBytes > 0, let plan = store.withLock({ $0.planScrub(limit: intervals.scrubBytes) }) else {
      return .seconds(60)
    }
    let outcome = plan.run(on: store.disk)
    let events = store.withLock { store -> [StoreEvent] in
      store.finish(plan, outcome)
      return outcome.damaged.isEmpty && outcome.error == nil ? [] : store.takeEvents()
    }
    for event in events { log.report(event) }
    return .seconds(max(1, outcome.bytesRead / intervals.scrubBytes))
  }

  private func saveFiles() {
    // Not beside a round: it may be deleting a topic, which is not recorded yet.
    commit.saveNow(.topics)
    for failure in config.save([.groups, .offsets, .filters]).map({ $0.cause }) {
      log.error("broker", "a configuration file cannot be written", ["cause": failure])
    }
  }

  private func saveDelays(_ timers: inout TimedMessages.Kept) {
    do throws(DiskError) {
      try delayed?.save(waitingUpTo: Self.flushLimit)
    } catch {
      log.error("broker", "how far delayed messages are delivered cannot be written", ["cause": error])
    }
    do throws(DiskError) {
      try timed?.save(&timers, waitingUpTo: Self.flushLimit)
    } catch {
      log.error("broker", "the file of timers cannot be written", ["cause": error])
    }
  }

  private func saveDuplicates() {
    do throws(DiskError) {
      try duplicates.save()
    } catch {
      log.error("broker", "recentSends cannot be written", ["cause": error])
    }
  }

  /// Tries again to remove the queues of a deleted topic.
  private func removeTopics() {
    do throws(DiskError) {
      try topicRemovals.retry()
    } catch {
      log.warning("store", "the queues of a deleted topic cannot be removed, tried again", ["cause": error])
    }
  }

  /// Removes what has expired, and says so; a full device is looked at in every round, so that sends resume by
  /// themselves.
  private func retain(_ rules: inout Retention) {
    guard let survey = store.withLock({ $0.planRetention() }) else { return }
    do throws(DiskError) {
      let answer = try survey.run(on: store.disk)
      let now = SystemClock.wall()
      let hour = LocalTime(now).hour
      var needed: PhysicalOffset?
      if let timed {
        // What the run is about to remove, asked of a copy of the rules, so that what waits there is saved first.
        var preview = rules
        let end = store.withLock {
          $0.end(ofRemovalIn: survey, answer, retention: &preview, now: now, localHour: hour)
        }
        needed = end.map { timed.roll(before: $0, waitingUpTo: Self.rollLimit) }
        if let end, let needed, needed < end {
          log.warning("store", "old files stay, as messages that wait in them cannot be stored anew now")
        }
      }
      let removal = store.withLock {
        $0.finish(survey, answer, retention: &rules, now: now, localHour: hour, keeping: needed)
      }
      guard let removal else { return }
      // What was made of messages in these files, when they were delivered, committed or taken back, must be on the
      // device before they go. A store that failed keeps them for the next start.
      guard threads.waitUntilFlushed(store.withLock { $0.marks.appended }) else { return }
      let outcome = removal.run(on: store.disk)
      store.withLock { $0.finish(removal, outcome) }
      tell(outcome)
      index?.removeExpired(before: store.withLock { $0.minOffsetOnDevice })
    } catch {
      log.error("store", "looking for expired files failed", ["cause": error])
    }
  }

  /// Says which messages are gone. What could not be removed is told once, as an event of the store's.
  private func tell(_ outcome: RetentionRemoval.Outcome) {
    let expired = outcome.removedLogFiles - outcome.removedEarly
    let begin = store.withLock { $0.minOffset.rawValue }
    if expired > 0 { log.info("store", "removed expired log files", ["files": expired, "logBegins": begin]) }
    guard outcome.removedEarly > 0 else { return }
    log.warning(
      "store", "removed log files before their time, as the device is full",
      ["files": outcome.removedEarly, "logBegins": begin])
  }
}
