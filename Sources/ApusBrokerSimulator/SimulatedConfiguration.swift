import ApusBase

/// The settings that brokers of one simulation run with: some for good, some anew at each start.
struct SimulatedConfiguration {
  /// What one start is given.
  struct Entries {
    var settings: [(String, String)]
    var loops: Int
    var isSynchronous: Bool
  }

  /// The delays of the levels, in milliseconds.
  let levels: [Int64] = [1000, 2000, 3000, 4000, 6000, 9000, 13_000]
  /// How often consumers try a message.
  let tryLimit: Int32 = 2
  /// Whether messages go to the light queues that they name.
  let hasLightQueues: Bool
  /// How long log files are kept, in milliseconds; nil for ever.
  let retention: Int64?
  /// How long a message with a time of its own may wait, in milliseconds. Where it is shorter than files are kept,
  /// nothing has to be stored anew before they go, so that they go as soon as what waited in them was delivered.
  let longestDelay: Int64
  private let lasting: [(String, String)]

  init(using random: inout SeededGenerator) {
    hasLightQueues = random.chance(2, in: 3)
    retention = random.chance(1, in: 2) ? 3_600_000 : nil
    longestDelay = retention.flatMap { random.chance(1, in: 2) ? 4 * $0 : nil } ?? 20_000
    let sizes = retention == nil ? [8192, 16_384, 65_536] : [8192, 8192, 16_384]
    lasting = [
      ("brokerClusterName", "Sim"), ("brokerName", "sim-a"), ("brokerIP1", "127.0.0.1"),
      ("mappedFileSizeCommitLog", "\(sizes.randomElement(using: &random) ?? 8192)"),
      ("mappedFileSizeConsumeQueue", "\(20 * Int.random(in: 8...100, using: &random))"),
      ("messageDelayLevel", "1s 2s 3s 4s 6s 9s 13s"), ("maxHashSlotNum", "20"), ("maxIndexNum", "100"),
      ("deleteWhen", (0...23).map { "\($0)" }.joined(separator: ";")),
      ("cleanFileForciblyEnable", "false"), ("diskMaxUsedSpaceRatio", "95"),
      ("transactionCheckMax", "1000000"), ("ioThreads", "2"),
      ("enableLmq", "\(hasLightQueues)"), ("enableMultiDispatch", "\(hasLightQueues)"),
    ]
  }

  /// What a start is given; one that `keepsAll` lets no log file expire.
  func entries(keepsAll: Bool, using random: inout SeededGenerator) -> Entries {
    func number(_ range: ClosedRange<Int>) -> String { "\(Int.random(in: range, using: &random))" }
    let isSynchronous = random.chance(1, in: 2)
    var settings = lasting
    settings += [
      ("flushDiskType", isSynchronous ? "SYNC_FLUSH" : "ASYNC_FLUSH"),
      // A file may go while what was made of its messages waits for the device.
      ("flushIntervalCommitLog", number(10...(retention == nil ? 500 : 4000))),
      ("flushIntervalConsumeQueue", number(10...1000)),
      ("fileReservedTime", retention == nil || keepsAll ? "876000" : "1"),
      ("cleanResourceInterval", number(100...4000)),
      ("flushConsumerOffsetInterval", number(100...2000)), ("flushDelayOffsetInterval", number(100...2000)),
      ("transactionTimeOut", number(0...3000)), ("transactionCheckInterval", number(200...4000)),
      ("dedupWindowMillis", random.chance(1, in: 2) ? "60000" : "0"), ("dedupWindowMessages", "1000"),
      ("messageIndexEnable", random.chance(1, in: 2) ? "true" : "false"),
      ("scrubBytesPerSecond", random.chance(1, in: 2) ? "4096" : "0"),
    ]
    return Entries(settings: settings, loops: random.chance(1, in: 4) ? 2 : 1, isSynchronous: isSynchronous)
  }
}
