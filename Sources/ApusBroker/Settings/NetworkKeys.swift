extension SettingKey {
  /// The keys of Java's NettyServerConfig and NettyClientConfig.
  ///
  /// Source: apache/rocketmq@rocketmq-all-4.9.8:remoting/…/remoting/netty/NettyServerConfig.java and
  /// NettyClientConfig.java
  static let network: [SettingKey] = [
    SettingKey("listenPort", .integer(0...65_535), "10911", .start),
    SettingKey("serverWorkerThreads", .int, "8"),
    SettingKey("serverCallbackExecutorThreads", .int, "0"),
    SettingKey("serverSelectorThreads", .int, "3"),
    SettingKey("serverOnewaySemaphoreValue", .int, "256"),
    SettingKey("serverAsyncSemaphoreValue", .int, "64"),
    SettingKey("serverChannelMaxIdleTimeSeconds", .integer(1...2_147_483_647), "120", .start),
    SettingKey("serverSocketSndBufSize", .int, "0", .start),
    SettingKey("serverSocketRcvBufSize", .int, "0", .start),
    SettingKey("writeBufferHighWaterMark", .int, "0"),
    SettingKey("writeBufferLowWaterMark", .int, "0"),
    SettingKey("serverSocketBacklog", .integer(1...65_535), "1024", .start),
    SettingKey("serverPooledByteBufAllocatorEnable", .boolean, "true"),
    SettingKey("useEpollNativeSelector", .boolean, "false"),
    SettingKey("clientWorkerThreads", .int, "4"),
    SettingKey("clientCallbackExecutorThreads", .int, .cores),
    SettingKey("clientOnewaySemaphoreValue", .int, "65535"),
    SettingKey("clientAsyncSemaphoreValue", .int, "65535"),
    SettingKey("connectTimeoutMillis", .int, "3000"),
    SettingKey("channelNotActiveInterval", .long, "60000"),
    SettingKey("clientChannelMaxIdleTimeSeconds", .int, "120"),
    SettingKey("clientSocketSndBufSize", .int, "0"),
    SettingKey("clientSocketRcvBufSize", .int, "0"),
    SettingKey("clientPooledByteBufAllocatorEnable", .boolean, "false"),
    SettingKey("clientCloseSocketIfTimeout", .boolean, "true"),
    SettingKey("useTLS", .boolean, "false"),
  ]

  /// The keys that only this broker knows.
  static let apus: [SettingKey] = [
    // How many event loops serve connections; 0 for half the cores. They are numbered in eight bits.
    SettingKey("loops", .integer(0...200), "0", .start),
    // How many threads do work that may wait for the disk.
    SettingKey("ioThreads", .integer(1...256), "4", .start),
    // The address to listen on; 0.0.0.0 for all of IPv4, :: for both.
    SettingKey("bindAddress", .text, "0.0.0.0", .start),
    // The networks, as ADDRESS/BITS separated by commas, that may send administering requests; this machine always may.
    SettingKey("adminAllow", .networks, "", .live),
    // The directory of plain_acl.yml and acl/, with aclEnable; conf/ of rocketmqHome unless told.
    SettingKey("aclConfigDir", .text, "", .start),
    // How many bytes of unfinished requests the process holds before it stops reading.
    SettingKey("inboundBudgetBytes", .integer(16_777_216...1_099_511_627_776), "268435456", .start),
    // The same for one connection.
    SettingKey("connectionInboundBytes", .integer(65_536...1_073_741_824), "33554432", .start),
    // How many pulls may wait for messages at once, in the process and from one connection.
    SettingKey("parkedPullLimit", .integer(0...100_000_000), "200000", .start),
    SettingKey("parkedPullLimitPerConnection", .integer(1...100_000_000), "20000", .start),
    // How many bytes of old log files are read a second to look for damage; 0 for none.
    SettingKey("scrubBytesPerSecond", .integer(0...1_073_741_824), "1048576", .start),
    // How many topics and groups clients may make.
    SettingKey("topicLimit", .integer(100...100_000_000), "1000000", .start),
    SettingKey("groupLimit", .integer(100...100_000_000), "1000000", .start),
    // For how long a message is remembered, so that a client's repetition is answered with the first one's ids; 0 is
    // off.
    SettingKey("dedupWindowMillis", .integer(0...604_800_000), "0", .live),
    // How many messages are remembered at most: 24 bytes of memory each.
    SettingKey("dedupWindowMessages", .integer(1_000...100_000_000), "1000000", .start),
    // The topics for which that is done, separated by semicolons; * is all.
    SettingKey("dedupTopics", .text, "*", .live),
    // RocketMQ 5's keys: whether messages may ask for a time of delivery, and how far ahead. At most how many wait.
    SettingKey("timerWheelEnable", .boolean, "true", .live),
    SettingKey("timerMaxDelaySec", .integer(1...3_456_000), "3456000", .live),
    SettingKey("timerPendingLimit", .integer(0...40_000_000), "10000000", .live),
    // RocketMQ 5's keys: where metrics and probes are served over HTTP. Port 0 is off; no host is that of bindAddress.
    SettingKey("metricsPromExporterPort", .integer(0...65_535), "0", .start),
    SettingKey("metricsPromExporterHost", .text, "", .start),
  ]
}
