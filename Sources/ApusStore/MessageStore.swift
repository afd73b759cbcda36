package import ApusBase
import ApusModel
package import ApusStoreCore

/// The messages of one broker: commit log and consume queues over a ``Disk``.
///
/// It has no threads and no locks. Its owner keeps it behind one lock; what needs the device is cut in three: `plan…()`
/// and `finish(…)` under the lock, `run(on:)` of the plan outside of it. Of each kind of plan at most one is under way
/// at a time.
///
/// A message goes through it like this: ``append(_:to:now:)`` encodes the record into the log and notes its queue
/// entry, ``dispatch()`` adds the noted entries to the queues' tails up to the dispatchable mark, ``planFlush()``
/// brings the record to the device, ``planQueueWrites()`` the entry into its file, ``planCheckpoint()`` lets the
/// next start begin behind both.
package final class MessageStore {
  /// The layout and the limits, as the store was opened.
  package let settings: StoreSettings
  /// How much one pull may bring from memory, and from the device.
  private(set) var pullLimits: (memory: StoreSettings.PullLimit, disk: StoreSettings.PullLimit)
  let disk: any Disk
  let log: CommitLog
  var queues = QueueTable()
  var queueFiles: QueueFileCache
  var warmedQueues = WarmedQueues()
  private var queueCount = 0
  /// The queues that messages were appended to, by number; nil for others and those that were removed.
  var numbered: [ConsumeQueue?] = []

  /// Entries of appended records that are not in their queues yet, in log order.
  var pending: [PendingEntry] = []
  var pendingHead = 0
  /// Everything before it has its queue entry.
  var dispatched = PhysicalOffset.zero
  var dispatchedTime = WallTime(milliseconds: 0)
  var grown: [ConsumeQueue] = []

  // Queue files.
  var dirtyQueues: [ConsumeQueue] = []
  var roundLeft = 0
  /// Whether the round under way writes the entries of all its queues.
  var roundIsWhole = true
  var roundTarget = PhysicalOffset.zero
  var roundTime = WallTime(milliseconds: 0)
  /// Topics whose directories are being removed, or could not be: the files of new queues of these names wait for that.
  var topicsUnderRemoval: [String] = []
  /// Topics that take no messages until their deletion is recorded.
  var deletionHolds: [String: DeletionHold] = [:]
  /// Which messages of the log are deleted with their topics.
  var deletedTopics = DeletedTopics()
  /// Everything before it has its entry in the queue files.
  var queuesWritten = PhysicalOffset.zero
  var queuesWrittenTime = WallTime(milliseconds: 0)
  var unsyncedQueueFiles: UnsyncedQueueFiles
  var tailBytes = 0
  var unremoved = UnremovedFiles()

  // Steps under way.
  var preparing = false
  var flushing = false
  var writingQueues = false
  var checkpointing = false
  var scrubbing = false

  /// Everything before it was looked at by the scrub of this round.
  var scrubbed = PhysicalOffset.zero
  /// How often the scrub has gone through all files.
  package internal(set) var scrubRounds = 0
  var damageFound = DamageTable()

  // Marks on the device.
  var checkpoint = Checkpoint(
    log: WallTime(milliseconds: 0), queues: WallTime(milliseconds: 0), index: WallTime(milliseconds: 0))
  var mark: DurableMark?
  /// Whether the mark on the device says of this log what is so.
  var markFits = false
  /// Store time of the last record in finished index files, for the checkpoint: kept by the index.
  package var indexTime = WallTime(milliseconds: 0)

  /// Why the store accepts nothing any more; nil while it does.
  package private(set) var failure: DiskError?
  /// Which steps could not be done for want of space or of descriptors, and which of the two: sends are refused until
  /// all of them come through.
  var held: [HoldReason: HoldCause] = [:]
  var isClosed = false
  /// Whether the last stop was clean.
  package internal(set) var wasClosed = false
  var lockFile: DiskFile?
  private var events: [StoreEvent] = []
  /// Counts the rounds of ``releaseIdleMappings(after:)``.
  var round = 0
  let scratch: ScanBuffer
  /// Whether there are extension files, or will be.
  var hasExtensions = false
  var extensionBytes = ExtensionBytes()

  struct PendingEntry {
    /// The queue's number: an entry holds no reference, so that noting it and taking it out count none.
    var queue: Int
    var queueOffset: Int64
    var entry: ConsumeQueueEntry
    var storeTime: WallTime
  }

  enum HoldCause {
    case full
    case exhausted
  }

  enum HoldReason: Hashable {
    case segment
    case queues
    case checkpoint
    case retention
    /// A record is owed that comes before all others (``MessageStore/appendOwed(_:to:now:)``).
    case owedRecord
  }

  init(disk: any Disk, settings: StoreSettings) {
    precondition(settings.logFileBytes >= 1024 && settings.logFileBytes <= Int(Int32.max), "log file length")
    precondition(
      settings.queueFileBytes > 0 && settings.queueFileBytes % ConsumeQueueEntry.bytes == 0, "queue file length")
    precondition(settings.extensionFileBytes >= 64, "extension file length")
    self.disk = disk
    self.settings = settings
    pullLimits = (settings.memoryPull, settings.diskPull)
    log = CommitLog(
      disk: disk, directory: settings.logDirectory, fileBytes: settings.logFileBytes, dispatch: settings.dispatch)
    queueFiles = QueueFileCache(limit: settings.openQueueFiles)
    unsyncedQueueFiles = UnsyncedQueueFiles(limit: settings.filesSyncedSingly)
    scratch = ScanBuffer()
  }

  deinit { if let lockFile { disk.close(lockFile) } }

  /// Changes how much one pull may bring.
  package func limitPulls(fromMemory memory: StoreSettings.PullLimit, fromDisk disk: StoreSettings.PullLimit) {
    pullLimits = (memory, disk)
  }

  // MARK: Marks

  /// How far the log has come.
  package var marks: Marks { log.marks }

  /// Replicas hold everything before `end`.
  package func confirm(to end: PhysicalOffset) { log.marks.confirm(to: end) }

  /// When the newest record was stored; nil when there is none.
  package var newestStoreTime: WallTime? { log.last?.storeTime }

  /// How many bytes of the log have no queue entries yet.
  package var undispatchedBytes: Int64 { Int64(log.marks.appended - dispatched) }

  /// The first byte of the log that is still there.
  package var minOffset: PhysicalOffset { log.minOffset }

  // MARK: Queues

  /// The queue of a topic; nil when it never had a message here. A queue that was not used since the start is loaded
  /// from its files, which waits for the device: who shares the store plans that (``planLoad(topic:id:)``).
  package func queue(topic: String, id: Int32) throws(DiskError) -> ConsumeQueue? {
    switch queues.slot(topic, id) {
    case .loaded(let queue): return queue
    case .known: return try load(topic, id)
    case nil: return nil
    }
  }

  /// Whether ``queue(topic:id:)`` and ``openQueue(topic:id:)`` answer without waiting for the device.
  package func isLoaded(topic: String, id: Int32) -> Bool {
    if case .known = queues.slot(topic, id) { false } else { true }
  }

  /// The queue of a topic, made when it is missing. Its directory is made with its first entries. The topic must be a
  /// valid name.
  package func openQueue(topic: String, id: Int32) throws(DiskError) -> ConsumeQueue {
    if let queue = try queue(topic: topic, id: id) { return queue }
    let queue = makeQueue(topic, id)
    queues.insert(queue)
    return queue
  }

  func makeQueue(_ topic: String, _ id: Int32) -> ConsumeQueue {
    queueCount += 1
    return ConsumeQueue(topic: topic, id: id, number: queueCount, settings: settings)
  }

  /// The queue itself or, when it was removed with its topic, the one that has its name now: a topic that is made again
  /// at once is sent to by those who found the old queue a moment ago. Never waits for the device, as all queues of a
  /// name that was removed are made anew.
  func current(_ queue: ConsumeQueue) -> ConsumeQueue {
    guard queue.isRemoved else { return queue }
    if case .loaded(let current) = queues.slot(queue.topic, queue.id) { return current }
    let made = makeQueue(queue.topic, queue.id)
    made.attachment = queue.attachment
    queues.insert(made)
    return made
  }

  private func load(_ topic: String, _ id: Int32) throws(DiskError) -> ConsumeQueue {
    let queue = makeQueue(topic, id)
    try queue.load(on: disk, logStart: log.minOffset, hasExtensions: hasExtensions) { report($0) }
    queues.insert(queue)
    return queue
  }

  /// All queues, loaded or not.
  package var allQueues: [(topic: String, id: Int32)] { queues.all }

  /// The numbers of a topic's queues, in order.
  package func queueIDs(ofTopic topic: String) -> [Int32] { queues.ids(topic) }

  /// The topics that have queues.
  package var topicsWithQueues: [String] { queues.topicNames }

  // MARK: State

  /// Whether a message would be refused now, and why.
  package var refusal: StoreRefusal? {
    if isClosed { return .closed }
    if let failure { return .failed(failure) }
    if held.isEmpty { return nil }
    return held.values.contains(.full) ? .diskFull : .exhausted
  }

  /// Ends the store's acceptance for good.
  func fail(_ error: DiskError) {
    guard failure == nil else { return }
    failure = error
    report(.failed(error))
  }

  /// A step failed. A lack of space, or of descriptors and mappings, which a flood of connections can bring about, may
  /// end by itself: sends are refused until the step comes through. Any other failure ends acceptance for good.
  func hold(for reason: HoldReason, after error: DiskError, path: String) {
    switch error.code {
    case .full: hold(for: reason, fullAt: path)
    case .exhausted:
      if held.isEmpty { report(.exhausted(error)) }
      held[reason] = .exhausted
    default: fail(error)
    }
  }

  /// The device is full: sends are refused until ``release(_:)``.
  func hold(for reason: HoldReason, fullAt path: String) {
    if !held.values.contains(.full) { report(.diskFull(path: path)) }
    held[reason] = .full
  }

  /// A step came through that may have failed before.
  func release(_ reason: HoldReason) {
    guard held.removeValue(forKey: reason) != nil else { return }
    if held.isEmpty { report(.acceptsAgain) }
  }

  func report(_ event: StoreEvent) {
    // Nobody may be taking them; the first ones tell what began it.
    if events.count < 1024 { events.append(event) }
  }

  /// What happened since the last call, at most 1,024 events.
  package func takeEvents() -> [StoreEvent] {
    defer { events = [] }
    return events
  }
}
