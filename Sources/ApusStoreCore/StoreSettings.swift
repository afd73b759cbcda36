/// How a store is laid out and how much it does at a time. The defaults are Java's
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/config/MessageStoreConfig.java);
/// the keys of the configuration file stand beside.
package struct StoreSettings: Hashable, Sendable {
  /// The store's root directory: `storePathRootDir`.
  package var root: String
  /// Where the log's files lie: `storePathCommitLog`.
  package var logDirectory: String
  /// The length of a log file in bytes: `mappedFileSizeCommitLog`. At least 1024.
  package var logFileBytes = 1_073_741_824
  /// The length of a queue file in bytes, a multiple of 20: `mappedFileSizeConsumeQueue`.
  package var queueFileBytes = 6_000_000
  /// Whether queue entries get units in extension files: `enableConsumeQueueExt`.
  package var extendsQueues = false
  /// The length of an extension file in bytes, at least 64: `mappedFileSizeConsumeQueueExt`.
  package var extensionFileBytes = 50_331_648
  /// Whether messages go to the light queues that they name: `enableMultiDispatch` with `enableLmq`.
  package var dispatchesToLightQueues = false
  /// How many light queues there may be: `maxLmqConsumeQueueNum`.
  package var lightQueueLimit = 20_000
  /// Whether recovery checks bodies: `checkCRCOnRecover`.
  package var checksOnRecovery = true
  /// The delays of `messageDelayLevel`.
  package var delayLevels: DelayLevels
  /// Up to how many bytes behind the end records count as being in memory; production sets it from the machine's
  /// memory: `accessMessageInMemoryMaxRatio`.
  package var memoryBytes: Int64 = 2 << 30
  /// Limits of one pull from memory: `maxTransferBytesOnMessageInMemory`, `maxTransferCountOnMessageInMemory`.
  package var memoryPull = PullLimit(bytes: 262_144, count: 32)
  /// Limits of one pull from disk: `maxTransferBytesOnMessageInDisk`, `maxTransferCountOnMessageInDisk`.
  package var diskPull = PullLimit(bytes: 65_536, count: 8)
  /// How far ahead of the end pages are made present, in bytes.
  package var populateAhead = 64 << 20
  /// How much is made present in one step, in bytes.
  package var populateStep = 16 << 20
  /// How many queue files may be open at once.
  package var openQueueFiles = 512
  /// A checkpoint that finds more changed files and directories than this syncs the whole file system in one call.
  package var filesSyncedSingly = 256
  /// A start that has at least this many queues to load does so ahead of the records that need them.
  package var queuesLoadedAhead = 64
  /// How much memory queue tails may keep beyond what is not yet written, in bytes.
  package var queueTailBytes = 64 << 20
  /// Which mark delivery follows.
  package var dispatch: Marks.Dispatch = .appended

  /// How much one pull may bring.
  package struct PullLimit: Hashable, Sendable {
    /// Bytes of records; the first message is given whatever its size.
    package var bytes: Int
    /// Messages.
    package var count: Int

    /// Puts a limit together.
    package init(bytes: Int, count: Int) {
      self.bytes = bytes
      self.count = count
    }
  }

  /// Java's settings for a store at `root`.
  package init(root: String) {
    self.root = root
    logDirectory = root + "/commitlog"
    guard let levels = DelayLevels(DelayLevels.standard) else { preconditionFailure("the standard delay levels") }
    delayLevels = levels
  }

  /// Where the queues' directories lie.
  package var queueDirectory: String { root + "/consumequeue" }
  /// Where the directories of the queues' extension files lie.
  package var extensionDirectory: String { root + "/consumequeue_ext" }
  /// RocketMQ's checkpoint.
  package var checkpointPath: String { root + "/checkpoint" }
  /// Present while a broker runs on the store.
  package var abortPath: String { root + "/abort" }
  /// Locked while a broker runs on the store.
  package var lockPath: String { root + "/lock" }
  /// Our own durable mark.
  package var markPath: String { root + "/" + DurableMark.fileName }
  /// Our own record of deleted topics.
  package var deletionsPath: String { root + "/" + DeletedTopics.fileName }
}
