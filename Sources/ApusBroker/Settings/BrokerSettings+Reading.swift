import ApusBase
import ApusBrokerCore
import ApusFilter
import ApusModel
import ApusStoreCore

/// The texts of the keys, which were checked one by one, become the structs that components use.
extension BrokerSettings {
  /// The value of a key, empty for one that has none.
  func text(_ key: String) -> String { self[key] ?? "" }
  private func flag(_ key: String) -> Bool { text(key).lowercased() == "true" }
  private func milliseconds(_ key: String) -> Duration { .milliseconds(number(key)) }

  private func number(_ key: String) -> Int64 {
    guard let number = Int64(text(key)) else { preconditionFailure("setting \(key) is not a checked number") }
    return number
  }

  /// Reads everything.
  mutating func derive() throws(SettingError) {
    identity = try readIdentity()
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
    let entryBytes = Int64(ConsumeQueueEntry.bytes)
    keeping = Keeping(
      root: root, commitLog: try logDirectory(below: root),
      segmentBytes: number("mappedFileSizeCommitLog"),
      queueFileBytes: (number("mappedFileSizeConsumeQueue") + entryBytes - 1) / entryBytes * entryBytes,
      syncsBeforeAcknowledging: text("flushDiskType") == "SYNC_FLUSH",
      flushInterval: milliseconds("flushIntervalCommitLog"),
      queueFlushInterval: milliseconds("flushIntervalConsumeQueue"),
      offsetInterval: milliseconds("flushConsumerOffsetInterval"),
      cleaningInterval: milliseconds("cleanResourceInterval"),
      checksCRCOnRecovery: flag("checkCRCOnRecover"), indexLayout: try indexLayout(),
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

  private func readIdentity() throws(SettingError) -> Identity {
    // NAMESRV_ADDR is no line of the file, so that nobody has looked at it yet.
    guard SettingKey.areServers(text("namesrvAddr")) else {
      throw SettingError(key: "namesrvAddr", value: text("namesrvAddr"), range: SettingKey.serversRange)
    }
    let identity = Identity(
      cluster: text("brokerClusterName"), broker: text("brokerName"), host: text("brokerIP1"),
      replicaHost: text("brokerIP2"), port: Int32(number("listenPort")), bindAddress: text("bindAddress"),
      region: text("regionId"),
      nameServers: text("namesrvAddr").split(separator: ";").map { String($0).filter { !$0.isWhitespace } }
        .filter { !$0.isEmpty })
    // The topic for answers of request-reply is named after the cluster, too.
    try requireName(
      "brokerClusterName", identity.cluster, suffixBytes: SystemTopics.replyTopic(ofCluster: "").utf8.count)
    try requireName("brokerName", identity.broker)
    try requireReachable("brokerIP1", identity.host)
    // 0 lets the system choose both.
    guard identity.port == 0 || identity.port > 2 else {
      throw SettingError(
        key: "listenPort", value: text("listenPort"), range: "0 or from 3 to 65535: a second listener has N − 2")
    }
    return identity
  }

  /// What takes effect as soon as it is set.
  mutating func deriveLive() throws(SettingError) {
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
      storesReplies: flag("storeReplyMessageEnable"), syncTimeout: milliseconds("syncFlushTimeout"),
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

  /// Java spreads a log over several directories that commas separate. Files below an empty path would lie in the file
  /// system's root.
  private func logDirectory(below root: String) throws(SettingError) -> String {
    guard !root.isEmpty else { throw SettingError(key: "storePathRootDir", value: root, range: "a directory") }
    try requireNoShell("storePathRootDir", root)
    guard let path = self["storePathCommitLog"] else { return root + "/commitlog" }
    guard !path.isEmpty, !path.utf8.contains(UInt8(ascii: ",")) else {
      throw SettingError(key: "storePathCommitLog", value: path, range: "one directory")
    }
    try requireNoShell("storePathCommitLog", path)
    return path
  }

  private func indexLayout() throws(SettingError) -> IndexLayout? {
    guard flag("messageIndexEnable") else { return nil }
    let layout = IndexLayout(slotCount: Int(number("maxHashSlotNum")), entryCount: Int(number("maxIndexNum")))
    guard let layout else {
      throw SettingError(
        key: "maxIndexNum", value: text("maxIndexNum"),
        range: "a number that makes index files shorter than 2 GiB, with maxHashSlotNum=\(text("maxHashSlotNum"))")
    }
    return layout
  }

  /// Nobody expands here what a shell would: the store would lie in a directory `~` or `$HOME` below the current one.
  private func requireNoShell(_ key: String, _ path: String) throws(SettingError) {
    guard path.utf8.first != UInt8(ascii: "~"), path.utf8.first != UInt8(ascii: "$") else {
      throw SettingError(key: key, value: path, range: "a directory written out: ~ and variables are a shell's")
    }
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

  /// Clients connect to what is advertised. Every address of a machine is none of it, and a port has a key of its own.
  private func requireReachable(_ key: String, _ host: String) throws(SettingError) {
    let isName = !host.utf8.contains { $0 == UInt8(ascii: ":") || $0 <= UInt8(ascii: " ") }
    let bare = host.utf8.first == UInt8(ascii: "[") ? String(host.dropFirst().dropLast()) : host
    guard !host.isEmpty, !["0.0.0.0", "::"].contains(bare), isName || HostAddress(host: bare, port: 0) != nil else {
      throw SettingError(key: key, value: host, range: "one address or name, without a port, that clients reach")
    }
  }

  /// Cluster and broker are topics too, and the log keeps the length of a topic's name in seven bits.
  private func requireName(_ key: String, _ name: String, suffixBytes: Int = 0) throws(SettingError) {
    let longest = TopicName.maxLength - suffixBytes
    guard (1...longest).contains(name.utf8.count) else {
      throw SettingError(key: key, value: name, range: "a name of 1 to \(longest) bytes")
    }
  }
}
