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
    /// `brokerId`: 0 for a master.
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
    /// `dedupWindowMillis` and `dedupTopics`
    package var duplicates = DuplicateRules()
    /// `syncFlushTimeout`: how long a synchronous send waits for the device at most.
    package var syncTimeout: Duration = .zero
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
    /// `messageIndexEnable`
    package var hasIndex = true
    /// `maxHashSlotNum`
    package var indexSlots: Int32 = 0
    /// `maxIndexNum`
    package var indexEntries: Int32 = 0
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
  package private(set) var identity = Identity()
  /// How it registers.
  package private(set) var registering = Registering()
  /// How it serves clients.
  package private(set) var serving = Serving()
  /// How it keeps messages.
  package private(set) var keeping = Keeping()
  /// How conditions are kept.
  package private(set) var filtering = Filtering(bloom: .standard, lifetime: .zero)
  /// How the process is built.
  package private(set) var process = Process()
  /// Which topics it makes.
  package private(set) var topicRules = Topics.Rules(cluster: "", broker: "")
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
        warnings.append("setting \(entry.key) is not known and has no effect")
        continue
      }
      values[key.name] = try Self.checked(entry.value, for: key)
    }
    warnings += unkeptPromises
    try derive()
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
    /// Whether `brokerPermission` is among them: then all topics must be registered anew.
    package var changesPermission = false
  }

  /// Applies all of `properties` or, when one value cannot be, nothing. Keys that nobody knows are passed over, as Java
  /// does.
  package mutating func update(_ properties: PropertiesFile, now: WallTime) throws(SettingError) -> Change {
    var updated = self
    var change = Change()
    for entry in properties.entries {
      guard let key = SettingKey.byName[entry.key] else { continue }
      let value = try Self.checked(entry.value, for: key)
      updated.values[key.name] = value
      change.entries.append(PropertiesFile.Entry(key.name, value))
      if key.effect == .start { change.waiting.append(key.name) }
      if key.name == "brokerPermission" { change.changesPermission = true }
    }
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

  // MARK: Reading into structs

  private func text(_ key: String) -> String { values[key] ?? "" }
  private func flag(_ key: String) -> Bool { text(key).lowercased() == "true" }
  private func milliseconds(_ key: String) -> Duration { .milliseconds(number(key)) }

  private func number(_ key: String) -> Int64 {
    guard let number = Int64(text(key)) else { preconditionFailure("setting \(key) is not a checked number") }
    return number
  }

  private mutating func derive() throws(SettingError) {
    identity = Identity(
      cluster: text("brokerClusterName"), broker: text("brokerName"), id: number("brokerId"), host: text("brokerIP1"),
      replicaHost: text("brokerIP2"), port: Int32(number("listenPort")), bindAddress: text("bindAddress"),
      region: text("regionId"),
      nameServers: text("namesrvAddr").split(separator: ";").map { String($0).filter { !$0.isWhitespace } })
    // The topic for answers of request-reply is named after the cluster, too.
    try requireName(
      "brokerClusterName", identity.cluster, suffixBytes: SystemTopics.replyTopic(ofCluster: "").utf8.count)
    try requireName("brokerName", identity.broker)
    registering = Registering(
      period: min(max(milliseconds("registerNameServerPeriod"), .seconds(10)), .seconds(60)),
      timeout: milliseconds("registerBrokerTimeoutMills"), isForced: flag("forceRegister"),
      isCompressed: flag("compressedRegister"))
    process = Process(
      loops: Int(number("loops")), ioThreads: Int(number("ioThreads")), inboundBytes: number("inboundBudgetBytes"),
      connectionInboundBytes: Int(number("connectionInboundBytes")), parkedPulls: Int(number("parkedPullLimit")),
      parkedPullsPerConnection: Int(number("parkedPullLimitPerConnection")), topics: Int(number("topicLimit")),
      groups: Int(number("groupLimit")), idleTime: .seconds(number("serverChannelMaxIdleTimeSeconds")),
      backlog: Int32(number("serverSocketBacklog")),
      metricsHost: text("metricsPromExporterHost").isEmpty ? identity.bindAddress : text("metricsPromExporterHost"),
      metricsPort: Int(number("metricsPromExporterPort")))
    process.socketSendBuffer = Int32(number("serverSocketSndBufSize"))
    process.socketReceiveBuffer = Int32(number("serverSocketRcvBufSize"))
    process.accessDirectory = try accessDirectory()
    topicRules.cluster = identity.cluster
    topicRules.broker = identity.broker
    topicRules.templateQueueCount = Int32(number("defaultTopicQueueNums"))
    topicRules.clusterTopicEnabled = flag("clusterTopicEnable")
    topicRules.brokerTopicEnabled = flag("brokerTopicEnable")
    topicRules.traceTopic = flag("traceTopicEnable") ? text("msgTraceTopicName") : nil
    if let trace = topicRules.traceTopic { try requireName("msgTraceTopicName", trace) }
    topicRules.limit = process.topics
    topicRules.hasLightTopics = flag("enableLmq")
    let root = text("storePathRootDir")
    keeping = Keeping(
      root: root, commitLog: values["storePathCommitLog"] ?? root + "/commitlog",
      segmentBytes: number("mappedFileSizeCommitLog"),
      queueFileBytes: (number("mappedFileSizeConsumeQueue") + 19) / 20 * 20,
      syncsBeforeAcknowledging: text("flushDiskType") == "SYNC_FLUSH",
      flushInterval: milliseconds("flushIntervalCommitLog"),
      queueFlushInterval: milliseconds("flushIntervalConsumeQueue"),
      offsetInterval: milliseconds("flushConsumerOffsetInterval"),
      cleaningInterval: milliseconds("cleanResourceInterval"),
      checksCRCOnRecovery: flag("checkCRCOnRecover"), hasIndex: flag("messageIndexEnable"),
      indexSlots: Int32(number("maxHashSlotNum")), indexEntries: Int32(number("maxIndexNum")),
      cleansForcibly: flag("cleanFileForciblyEnable"))
    filtering = Filtering(
      bloom: BloomFilter(
        errorPercent: Int(number("maxErrorRateOfBloomFilter")), expected: Int(number("expectConsumerNumUseFilter")))
        ?? .standard,
      mapsBits: flag("enableCalcFilterBitMap") && flag("enableConsumeQueueExt"),
      lifetime: milliseconds("filterDataCleanTimeSpan"))
    keeping.dispatchesToLightQueues = flag("enableMultiDispatch") && topicRules.hasLightTopics
    keeping.lightQueueLimit = Int32(number("maxLmqConsumeQueueNum"))
    keeping.extendsQueues = flag("enableConsumeQueueExt")
    keeping.extensionFileBytes = number("mappedFileSizeConsumeQueueExt")
    keeping.rememberedSends = Int(number("dedupWindowMessages"))
    keeping.scrubBytes = Int(number("scrubBytesPerSecond"))
    keeping.delayOffsetInterval = milliseconds("flushDelayOffsetInterval")
    keeping.delayLevels = DelayLevels(text("messageDelayLevel"))
    guard keeping.delayLevels != nil else {
      throw SettingError(
        key: "messageDelayLevel", value: text("messageDelayLevel"), range: "delays like 1s 5m 2h 1d"
      )
    }
    try deriveLive()
  }

  /// What takes effect as soon as it is set.
  private mutating func deriveLive() throws(SettingError) {
    // Its messages would not be seen, and those that come would reach none of the group's other brokers.
    guard !flag("enableDLegerCommitLog") else {
      throw SettingError(
        key: "enableDLegerCommitLog", value: text("enableDLegerCommitLog"), range: "false: DLedger groups are absent")
    }
    serving = Serving(
      permission: Permission(rawValue: Int32(number("brokerPermission"))), maxBodyBytes: Int(number("maxMessageSize")),
      rejectsTransactions: flag("rejectTransactionMessage"),
      transactions: transactionChecking, timers: timerRules,
      acceptsSendsFrom: WallTime(milliseconds: number("startAcceptSendRequestTimeStamp")), traceOn: flag("traceOn"),
      longPolling: flag("longPollingEnable"), shortPolling: milliseconds("shortPollingTimeMills"),
      filtersByProperties: flag("enablePropertyFilter"), filtersRetries: flag("filterSupportRetry"),
      notifiesMembers: flag("notifyConsumerIdsChangedEnable"), createsGroups: flag("autoCreateSubscriptionGroup"),
      storesReplies: flag("storeReplyMessageEnable"),
      duplicates: DuplicateRules(
        window: milliseconds("dedupWindowMillis"), topics: DuplicateRules.Topics(text("dedupTopics"))),
      fromMemory: PullLimit(
        messages: Int(number("maxTransferCountOnMessageInMemory")),
        bytes: Int(number("maxTransferBytesOnMessageInMemory"))),
      fromDisk: PullLimit(
        messages: Int(number("maxTransferCountOnMessageInDisk")),
        bytes: Int(number("maxTransferBytesOnMessageInDisk"))),
      memoryPercent: Int(number("accessMessageInMemoryMaxRatio")),
      queryByUniqueKeyLimit: Int(number("defaultQueryMaxNum")), queryLimit: Int(number("maxMsgsNumBatch")))
    topicRules.autoCreates = flag("autoCreateTopicEnable")
    serving.syncTimeout = milliseconds("syncFlushTimeout")
    keeping.retention = .seconds(number("fileReservedTime") * 3600)
    keeping.deletionHours = text("deleteWhen").split(separator: ";").compactMap { Int($0) }
    keeping.diskPercent = Int(number("diskMaxUsedSpaceRatio"))
    do throws(DecodeError) {
      process.adminNetworks = try Network.list(text("adminAllow"))
    } catch {
      throw SettingError(key: "adminAllow", value: text("adminAllow"), range: error.reason)
    }
  }

  private var timerRules: TimerRequest.Rules {
    var rules = TimerRequest.Rules()
    rules.isEnabled = flag("timerWheelEnable")
    rules.longestDelay = number("timerMaxDelaySec") * 1000
    rules.pendingLimit = Int(number("timerPendingLimit"))
    return rules
  }

  private var transactionChecking: TransactionChecking {
    var checking = TransactionChecking(interval: milliseconds("transactionCheckInterval"))
    checking.rules.timeout = milliseconds("transactionTimeOut")
    checking.rules.checkLimit = Int32(number("transactionCheckMax"))
    checking.rules.retention = .seconds(number("fileReservedTime") * 3600)
    return checking
  }

  private func accessDirectory() throws(SettingError) -> String? {
    guard flag("aclEnable") else { return nil }
    if !text("aclConfigDir").isEmpty { return text("aclConfigDir") }
    guard !text("rocketmqHome").isEmpty else {
      throw SettingError(
        key: "aclConfigDir", value: "",
        range: "the directory of plain_acl.yml: aclEnable is set, and neither this nor rocketmqHome says where it is")
    }
    return text("rocketmqHome") + "/conf"
  }

  /// Cluster and broker are topics too, and the log keeps the length of a topic's name in seven bits.
  private func requireName(_ key: String, _ name: String, suffixBytes: Int = 0) throws(SettingError) {
    let longest = TopicName.maxLength - suffixBytes
    guard (1...longest).contains(name.utf8.count) else {
      throw SettingError(key: key, value: name, range: "a name of 1 to \(longest) bytes")
    }
  }
}
