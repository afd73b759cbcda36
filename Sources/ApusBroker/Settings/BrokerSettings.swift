package import ApusBase
package import ApusBrokerCore
package import ApusFilter
package import ApusModel
package import ApusStoreCore

/// A broker's settings: RocketMQ's own keys with Java's defaults, and a few of ours.
///
/// Every value is kept as it will be shown (``lines``), and those that mean something here are read once into one
/// struct per component. A value that cannot be is an error that names key, value and range, where Java logs it or goes
/// on with a default; a key that nobody knows is a warning.
package struct BrokerSettings: Sendable {
  /// What defaults are derived from.
  package struct Machine: Hashable, Sendable {
    /// How many processors there are.
    package var cores: Int
    /// The host's name.
    package var hostName: String
    /// The address to publish: the first that is not loopback.
    package var address: String
    /// RocketMQ's home: `ROCKETMQ_HOME`, if it is set.
    package var rocketmqHome: String?
    /// Where the store lies: `~/store`.
    package var storeRoot: String
    /// `NAMESRV_ADDR`, if it is set.
    package var nameServers: String?

    /// Describes a machine.
    package init(
      cores: Int, hostName: String, address: String, storeRoot: String, rocketmqHome: String? = nil,
      nameServers: String? = nil
    ) {
      self.cores = cores
      self.hostName = hostName
      self.address = address
      self.storeRoot = storeRoot
      self.rocketmqHome = rocketmqHome
      self.nameServers = nameServers
    }
  }

  /// Who the broker is.
  package struct Identity: Hashable, Sendable {
    /// `brokerClusterName`
    package var cluster = ""
    /// `brokerName`
    package var broker = ""
    /// The number within the group: 0, a master's. Java sets it so for every broker that is no replica, whatever
    /// `brokerId` says.
    package var id: Int64 = 0
    /// `brokerIP1`: the host to publish.
    package var host = ""
    /// `brokerIP2`: the host that replicas connect to.
    package var replicaHost = ""
    /// `listenPort`
    package var port: Int32 = 0
    /// `bindAddress`
    package var bindAddress = ""
    /// `regionId`
    package var region = ""
    /// `namesrvAddr`, split at semicolons.
    package var nameServers: [String] = []
  }

  /// How the broker tells name servers about itself.
  package struct Registering: Hashable, Sendable {
    /// `registerNameServerPeriod`, within 10 s and 60 s as Java keeps it.
    package var period: Duration = .zero
    /// `registerBrokerTimeoutMills`
    package var timeout: Duration = .zero
    /// `forceRegister`: without asking first whether the version differs.
    package var isForced = true
    /// `compressedRegister`
    package var isCompressed = false
  }

  /// What clients may do and how they are served.
  package struct Serving: Hashable, Sendable {
    /// `brokerPermission`
    package var permission: Permission = .readWrite
    /// `maxMessageSize`: the longest body in bytes.
    package var maxBodyBytes = 0
    /// `rejectTransactionMessage`
    package var rejectsTransactions = false
    /// `transactionTimeOut`, `transactionCheckMax`, `transactionCheckInterval`, `fileReservedTime`
    package var transactions = TransactionChecking()
    /// `timerWheelEnable`, `timerMaxDelaySec`, `timerPendingLimit`
    package var timers = TimerRequest.Rules()
    /// `startAcceptSendRequestTimeStamp`: sends are refused before.
    package var acceptsSendsFrom = WallTime(milliseconds: 0)
    /// `traceOn`
    package var traceOn = true
    /// `longPollingEnable`: whether pulls wait as long as they ask.
    package var longPolling = true
    /// `shortPollingTimeMills`: how long they wait otherwise.
    package var shortPolling: Duration = .zero
    /// `enablePropertyFilter`: whether consumers may filter by SQL92 conditions. Deviation: on unless it is set to
    /// false, where Java's default is off.
    package var filtersByProperties = true
    /// `filterSupportRetry`: whether such conditions count for retried messages too.
    package var filtersRetries = false
    /// `notifyConsumerIdsChangedEnable`
    package var notifiesMembers = true
    /// `autoCreateSubscriptionGroup`
    package var createsGroups = true
    /// `storeReplyMessageEnable`: whether replies are stored besides being handed over.
    package var storesReplies = true
    /// `syncFlushTimeout`: how long a synchronous send waits for the device at most.
    package var syncTimeout: Duration = .zero
    /// `dedupWindowMillis` and `dedupTopics`
    package var duplicates = DuplicateRules()
    /// `maxTransferCountOnMessageInMemory` and `maxTransferBytesOnMessageInMemory`
    package var fromMemory = PullLimit()
    /// `maxTransferCountOnMessageInDisk` and `maxTransferBytesOnMessageInDisk`
    package var fromDisk = PullLimit()
    /// `accessMessageInMemoryMaxRatio`: which part of the memory holds the newest messages, in percent.
    package var memoryPercent = 0
    /// `defaultQueryMaxNum`: the most messages that a query by unique key gives.
    package var queryByUniqueKeyLimit = 0
    /// `maxMsgsNumBatch`: the most messages that any other query gives.
    package var queryLimit = 0
  }

  /// How consumers' conditions are kept.
  package struct Filtering: Hashable, Sendable {
    /// `maxErrorRateOfBloomFilter` and `expectConsumerNumUseFilter`
    package var bloom: BloomFilter
    /// `enableCalcFilterBitMap`, with `enableConsumeQueueExt`: whether queue files tell which conditions messages meet.
    package var mapsBits = false
    /// `filterDataCleanTimeSpan`: how long a condition is kept after its group is gone.
    package var lifetime: Duration
  }

  /// When producers are asked about half messages that nobody ended.
  package struct TransactionChecking: Hashable, Sendable {
    /// Which half messages.
    package var rules = HalfMessages.Rules()
    /// How often.
    package var interval: Duration = .seconds(60)
  }

  /// How much one pull gives.
  package struct PullLimit: Hashable, Sendable {
    /// Messages.
    package var messages = 0
    /// Bytes.
    package var bytes = 0
  }

  /// Where the messages lie and how they are kept.
  package struct Keeping: Hashable, Sendable {
    /// `storePathRootDir`
    package var root = ""
    /// `storePathCommitLog`, below the root unless told.
    package var commitLog = ""
    /// `mappedFileSizeCommitLog`
    package var segmentBytes: Int64 = 0
    /// `mappedFileSizeConsumeQueue`
    package var queueFileBytes: Int64 = 0
    /// `flushDiskType` is `SYNC_FLUSH`.
    package var syncsBeforeAcknowledging = false
    /// `enableConsumeQueueExt`
    package var extendsQueues = false
    /// `mappedFileSizeConsumeQueueExt`
    package var extensionFileBytes: Int64 = 0
    /// `enableMultiDispatch` with `enableLmq`: whether messages go to the light queues that they name.
    package var dispatchesToLightQueues = false
    /// `maxLmqConsumeQueueNum`
    package var lightQueueLimit: Int32 = 0
    /// `flushIntervalCommitLog`
    package var flushInterval: Duration = .zero
    /// `flushIntervalConsumeQueue`
    package var queueFlushInterval: Duration = .zero
    /// `messageDelayLevel`; nil stands for Java's eighteen.
    package var delayLevels: DelayLevels?
    /// `flushDelayOffsetInterval`
    package var delayOffsetInterval: Duration = .zero
    /// `flushConsumerOffsetInterval`
    package var offsetInterval: Duration = .zero
    /// `cleanResourceInterval`
    package var cleaningInterval: Duration = .zero
    /// `scrubBytesPerSecond`
    package var scrubBytes = 0
    /// `checkCRCOnRecover`
    package var checksCRCOnRecovery = true
    /// `maxHashSlotNum` and `maxIndexNum`; nil when `messageIndexEnable` is false.
    package var indexLayout: IndexLayout?
    /// `dedupWindowMessages`: how many sends are remembered at most.
    package var rememberedSends = 1_000_000
    /// `fileReservedTime`
    package var retention: Duration = .zero
    /// `deleteWhen`: the hours of the day at which old segments go.
    package var deletionHours: [Int] = []
    /// `diskMaxUsedSpaceRatio`, in percent.
    package var diskPercent = 0
    /// `cleanFileForciblyEnable`
    package var cleansForcibly = true
  }

  /// Loops, threads and limits of the process.
  package struct Process: Hashable, Sendable {
    /// `loops`; 0 for half the cores.
    package var loops = 0
    /// `ioThreads`
    package var ioThreads = 0
    /// `inboundBudgetBytes`
    package var inboundBytes: Int64 = 0
    /// `connectionInboundBytes`
    package var connectionInboundBytes = 0
    /// `parkedPullLimit`
    package var parkedPulls = 0
    /// `parkedPullLimitPerConnection`
    package var parkedPullsPerConnection = 0
    /// `topicLimit`
    package var topics = 0
    /// `groupLimit`
    package var groups = 0
    /// `serverChannelMaxIdleTimeSeconds`
    package var idleTime: Duration = .zero
    /// `serverSocketBacklog`
    package var backlog: Int32 = 0
    /// `serverSocketSndBufSize`: the kernel's buffer of a connection in bytes; 0 leaves it to the system.
    package var socketSendBuffer: Int32 = 0
    /// `serverSocketRcvBufSize`: as ``socketSendBuffer``.
    package var socketReceiveBuffer: Int32 = 0
    /// `metricsPromExporterHost`, or `bindAddress`
    package var metricsHost = ""
    /// `metricsPromExporterPort`; 0 when metrics and probes are not served.
    package var metricsPort = 0
    /// `adminAllow`
    package var adminNetworks: [Network] = []
    /// Where the access control files are: `aclConfigDir`, or `conf` of `rocketmqHome`. Nil unless `aclEnable` is set.
    package var accessDirectory: String?
  }

  /// Who the broker is.
  package internal(set) var identity = Identity()
  /// How it registers.
  package internal(set) var registering = Registering()
  /// How it serves clients.
  package internal(set) var serving = Serving()
  /// How it keeps messages.
  package internal(set) var keeping = Keeping()
  /// How conditions are kept.
  package internal(set) var filtering = Filtering(bloom: .standard, lifetime: .zero)
  /// How the process is built.
  package internal(set) var process = Process()
  /// Which topics it makes.
  package internal(set) var topicRules = Topics.Rules(cluster: "", broker: "")
  /// What the file said that nobody understands, one sentence each.
  package private(set) var warnings: [String] = []
  /// Which state of the settings this is: code 26 tells it.
  package private(set) var version: DataVersion

  private let machine: Machine
  private var values: [String: String] = [:]

  /// Reads a configuration file's entries over the defaults.
  package init(
    _ properties: PropertiesFile = PropertiesFile(), machine: Machine, now: WallTime
  ) throws(SettingError) {
    self.machine = machine
    self.version = DataVersion(timestamp: now)
    for key in SettingKey.all { values[key.name] = key.standard.value(on: machine) }
    for entry in properties.entries {
      guard let key = SettingKey.byName[entry.key] else {
        warnings.append(Self.unknown(entry.key))
        continue
      }
      values[key.name] = try Self.checked(entry.value, for: key)
    }
    warnings += unkeptPromises
    values["brokerId"] = "\(Identity().id)"
    try derive()
  }

  /// The sentence for a key that nobody knows. Keys that are written otherwise only in their capitals are a slip.
  private static func unknown(_ name: String) -> String {
    let meant = SettingKey.all.first { $0.name.lowercased() == name.lowercased() }
    return "setting \(name) is not known and has no effect\(meant.map { "; it is written \($0.name)" } ?? "")"
  }

  private static func checked(_ text: String, for key: SettingKey) throws(SettingError) -> String {
    let value = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    guard key.accepts(value) else { throw SettingError(key: key.name, value: value, range: key.range) }
    try refuseReplica(key, value)
    return value
  }

  // MARK: Code 25 and 26

  /// What a change of settings brought.
  package struct Change: Hashable, Sendable {
    /// The keys that are set, with their values as they will be shown.
    package var entries: [PropertiesFile.Entry] = []
    /// The keys among them that count from the next start on.
    package var waiting: [String] = []
    /// The keys among them that never count, as they belong to something that works differently here.
    package var ineffective: [String] = []
    /// What was given besides: keys that nobody knows.
    package var unknown: [String] = []
    /// Whether `brokerPermission` is among them: then all topics must be registered anew.
    package var changesPermission = false
  }

  /// Applies all of `properties` or, when one value cannot be, at once or at the next start, nothing. Keys that nobody
  /// knows are passed over, as Java does, and named.
  package mutating func update(_ properties: PropertiesFile, now: WallTime) throws(SettingError) -> Change {
    var updated = self
    var change = Change()
    for entry in properties.entries {
      guard let key = SettingKey.byName[entry.key] else {
        change.unknown.append(entry.key)
        continue
      }
      let value = try Self.checked(entry.value, for: key)
      updated.values[key.name] = value
      change.entries.append(PropertiesFile.Entry(key.name, value))
      switch key.effect {
      case .live: break
      case .start: change.waiting.append(key.name)
      case .none: change.ineffective.append(key.name)
      }
      if key.name == "brokerPermission" { change.changesPermission = true }
    }
    // What counts is shown, as at the start.
    updated.values["brokerId"] = "\(identity.id)"
    // Kept, a value that only the next start reads would let no start succeed.
    var next = updated
    try next.derive()
    try updated.deriveLive()
    updated.version.advance(now: now)
    self = updated
    return change
  }

  /// The keys that no request changes, whatever `configBlackList` says: where files are and who may do what.
  private static let fixedKeys: Set<String> = [
    "rocketmqHome", "aclEnable", "aclConfigDir", "storePathRootDir", "storePathCommitLog", "storePathDLedgerCommitLog",
    "readOnlyCommitLogStorePaths",
  ]

  /// Whether one of the keys must not be changed from outside: `configBlackList` names them, and the fixed ones.
  package func forbids(_ properties: PropertiesFile) -> Bool {
    let forbidden = Set(text("configBlackList").split(separator: ";").map { String($0).filter { !$0.isWhitespace } })
    return properties.entries.contains { forbidden.contains($0.key) || Self.fixedKeys.contains($0.key) }
  }

  /// `key=value` of every key that has a value, in the order of ``SettingKey/all``.
  package var lines: String {
    var text = ""
    for key in SettingKey.all {
      if let value = values[key.name] { text += "\(key.name)=\(value)\n" }
    }
    return text
  }

  /// The value of a key; nil for one that has none.
  package subscript(key: String) -> String? { values[key] }
}
