package import ApusBase

/// How much a broker stored and delivered: totals since start, per topic and per group of a topic, with rates over the
/// last minute, hour and day.
///
/// The shell adds what its loops counted (``absorb(_:)``), and calls ``sample(now:day:)`` every ten seconds; an idle
/// broker is not woken up each second, as Java's is. Each series keeps seven samples of ten seconds, seven of ten
/// minutes and 25 of an hour, as Java's do; a rate is the growth between the oldest and the newest sample kept
/// (apache/rocketmq@rocketmq-all-4.9.8:common/src/main/java/org/apache/rocketmq/common/stats/StatsItem.java).
package struct BrokerStats: Sendable {
  /// A sum, how often it was added to and what both were at earlier moments.
  package struct Series: Sendable {
    /// The sum since start.
    package fileprivate(set) var value: Int64 = 0
    /// How many messages or requests make up the sum.
    package fileprivate(set) var times: Int64 = 0
    private var minute = History(length: 7)
    private var hour = History(length: 7)
    private var day = History(length: 25)

    fileprivate mutating func add(_ count: Traffic.Count) {
      value += count.value
      times += count.times
    }

    fileprivate mutating func sample(
      _ now: WallTime, minute takesMinute: Bool, hour takesHour: Bool, day takesDay: Bool
    ) {
      let sample = Sample(time: now, value: value, times: times)
      if takesMinute { minute.append(sample) }
      if takesHour { hour.append(sample) }
      if takesDay { day.append(sample) }
    }

    /// The growth over the last minute, hour or day.
    package func snapshot(_ span: Span) -> Snapshot {
      switch span {
      case .minute: minute.snapshot
      case .hour: hour.snapshot
      case .day: day.snapshot
      }
    }
  }

  /// The times over which growth is told.
  package enum Span: Sendable, CaseIterable {
    /// The last minute, at steps of ten seconds.
    case minute
    /// The last hour, at steps of ten minutes.
    case hour
    /// The last day, at steps of an hour.
    case day
  }

  /// Growth over a time.
  package struct Snapshot: Hashable, Sendable {
    /// How much was added.
    package var sum: Int64 = 0
    /// The same per second.
    package var perSecond: Double = 0
    /// The same per message or request.
    package var average: Double = 0
  }

  private struct Sample: Sendable {
    var time: WallTime
    var value: Int64
    var times: Int64
  }

  private struct History: Sendable {
    let length: Int
    var samples: [Sample] = []

    init(length: Int) { self.length = length }

    mutating func append(_ sample: Sample) {
      if samples.count == length { samples.removeFirst() }
      samples.append(sample)
    }

    var snapshot: Snapshot {
      guard let first = samples.first, let last = samples.last, last.time > first.time else { return Snapshot() }
      let sum = last.value - first.value
      let times = last.times - first.times
      let milliseconds = Double(last.time.milliseconds - first.time.milliseconds)
      return Snapshot(
        sum: sum, perSecond: Double(sum) * 1000 / milliseconds, average: times > 0 ? Double(sum) / Double(times) : 0)
    }
  }

  private struct PairKey: Hashable {
    var topic: Int32
    var group: String
  }

  /// Everything since start.
  package private(set) var totals = Traffic.Totals()
  /// Messages stored until the last two midnights, and delivered: what `msgPutTotalTodayMorning` and its like say.
  package private(set) var mornings = Mornings()
  /// How long it took to put messages into the log in the last whole minute; nil in the first.
  package private(set) var putTimes: PutTimes?
  private var putTimesNow = PutTimes()
  private var putTimesSince: WallTime?
  private var day: Int?
  private var moments: [Moment] = []
  private var lastMinuteSample = WallTime(milliseconds: .min)
  private var lastHourSample = WallTime(milliseconds: .min)
  private var lastDaySample = WallTime(milliseconds: .min)
  private var putMessages: [Int32: Series] = [:]
  private var putBytes: [Int32: Series] = [:]
  private var gotMessages: [Int32: Series] = [:]
  private var gotBytes: [Int32: Series] = [:]
  private var counts: [Traffic.Counter: Series] = [:]
  private var brokerDiskMessages = Series()
  private var brokerDiskBytes = Series()
  private var brokerPut = Series()
  private var brokerGot = Series()
  private var pairs: [PairKey: Int32] = [:]
  private var nextPair: Int32 = 0

  /// Totals at midnight.
  package struct Mornings: Hashable, Sendable {
    /// Stored when yesterday began.
    package var putYesterday: Int64 = 0
    /// Stored when today began.
    package var putToday: Int64 = 0
    /// Delivered when yesterday began.
    package var gotYesterday: Int64 = 0
    /// Delivered when today began.
    package var gotToday: Int64 = 0
  }

  /// What the broker's totals were at a moment, for the rates of the runtime information.
  private struct Moment: Sendable {
    var time: WallTime
    var totals: Traffic.Totals
  }

  /// The longest time that rates are told over, in milliseconds.
  private static var longestRate: Int64 { 600_000 }
  /// By so many milliseconds less a rate may be over: samples are taken by another clock than they are marked by.
  private static var rateTolerance: Int64 { 500 }

  /// Under this topic, and the group `%LMQ%`, what light topics and groups get is counted, all together as by Java:
  /// there may be very many, and what is counted of one takes some kilobytes for good.
  package static let lightTopic: Int32 = -1

  /// Starts at nothing.
  package init() {}

  /// The number under which loops count what a group gets of a topic.
  package mutating func pair(topic: Int32, group: String) -> Int32 {
    let key = PairKey(topic: topic, group: group)
    if let known = pairs[key] { return known }
    let number = nextPair
    nextPair += 1
    pairs[key] = number
    return number
  }

  /// Forgets a topic that was deleted.
  package mutating func forget(topic: Int32) {
    putMessages[topic] = nil
    putBytes[topic] = nil
    for (key, number) in pairs where key.topic == topic { forget(key, number) }
  }

  /// Forgets a group that was deleted.
  package mutating func forget(group: String) {
    for (key, number) in pairs where key.group == group { forget(key, number) }
  }

  private mutating func forget(_ key: PairKey, _ number: Int32) {
    pairs[key] = nil
    gotMessages[number] = nil
    gotBytes[number] = nil
    for counter in counts.keys where counter.pair == number { counts[counter] = nil }
  }

  mutating func addTotals(_ more: Traffic.Totals) {
    totals.put.messages += more.put.messages
    totals.put.bytes += more.put.bytes
    totals.putFailures += more.putFailures
    totals.got.messages += more.got.messages
    totals.got.bytes += more.got.bytes
    totals.pullsFound += more.pullsFound
    totals.pullsMissed += more.pullsMissed
    totals.slowestPutMilliseconds = max(totals.slowestPutMilliseconds, more.slowestPutMilliseconds)
    totals.slowestGetMilliseconds = max(totals.slowestGetMilliseconds, more.slowestGetMilliseconds)
    // Java counts no times for these two, so that their averages are 0.
    brokerPut.value += more.put.messages
    brokerGot.value += more.got.messages
  }

  mutating func addPutTimes(_ more: PutTimes) { putTimesNow.add(more) }

  /// Once a minute the times of the minute before are the ones to tell.
  private mutating func rotatePutTimes(_ now: WallTime) {
    guard let since = putTimesSince, since <= now else { return putTimesSince = now }
    guard since.advanced(byMilliseconds: 60_000) <= now else { return }
    putTimesSince = now
    putTimes = putTimesNow
    putTimesNow = PutTimes()
  }

  mutating func addPut(topic: Int32, _ flow: Traffic.Flow) {
    putMessages[topic, default: Series()].value += flow.messages
    putMessages[topic, default: Series()].times += flow.requests
    putBytes[topic, default: Series()].value += flow.bytes
    putBytes[topic, default: Series()].times += flow.requests
  }

  mutating func addGot(pair: Int32, _ flow: Traffic.Flow) {
    gotMessages[pair, default: Series()].value += flow.messages
    gotMessages[pair, default: Series()].times += flow.requests
    gotBytes[pair, default: Series()].value += flow.bytes
    gotBytes[pair, default: Series()].times += flow.requests
  }

  mutating func add(_ counter: Traffic.Counter, _ count: Traffic.Count) {
    counts[counter, default: Series()].add(count)
    switch counter.kind {
    case .diskMessages: brokerDiskMessages.add(count)
    case .diskBytes: brokerDiskBytes.add(count)
    case .latency, .sentBack: break
    }
  }

  /// Takes the samples that are due. `day` counts days by the machine's calendar; when it changes, the mornings move
  /// on.
  package mutating func sample(now: WallTime, day today: Int) {
    if let day, day != today {
      mornings.putYesterday = mornings.putToday
      mornings.putToday = totals.put.messages
      mornings.gotYesterday = mornings.gotToday
      mornings.gotToday = totals.got.messages
    }
    day = today
    rotatePutTimes(now)
    // The clock may have been set back.
    moments.removeAll { $0.time > now }
    moments.append(Moment(time: now, totals: totals))
    let start = now.milliseconds &- Self.longestRate
    while moments.count > 1, moments[1].time.milliseconds <= start { moments.removeFirst() }
    let minute = Self.isDue(now, &lastMinuteSample, every: 10_000)
    let hour = Self.isDue(now, &lastHourSample, every: 600_000)
    let wholeDay = Self.isDue(now, &lastDaySample, every: 3_600_000)
    guard minute || hour || wholeDay else { return }
    brokerPut.sample(now, minute: minute, hour: hour, day: wholeDay)
    brokerGot.sample(now, minute: minute, hour: hour, day: wholeDay)
    brokerDiskMessages.sample(now, minute: minute, hour: hour, day: wholeDay)
    brokerDiskBytes.sample(now, minute: minute, hour: hour, day: wholeDay)
    for counter in counts.keys { counts[counter]?.sample(now, minute: minute, hour: hour, day: wholeDay) }
    for table in [\BrokerStats.putMessages, \.putBytes, \.gotMessages, \.gotBytes] {
      for key in self[keyPath: table].keys {
        self[keyPath: table][key]?.sample(now, minute: minute, hour: hour, day: wholeDay)
      }
    }
  }

  /// Whether `every` milliseconds went by since `last`, or the clock was set back.
  private static func isDue(_ now: WallTime, _ last: inout WallTime, every: Int64) -> Bool {
    guard now < last || last.advanced(byMilliseconds: every) <= now || last.milliseconds == .min else { return false }
    last = now
    return true
  }

  /// The numbers of the topics in which something was stored, in order.
  package var topicsStoredTo: [Int32] { putMessages.keys.sorted() }

  /// Which group got something of which topic, in the order in which they came.
  package var groupsDeliveredTo: [(topic: Int32, group: String)] {
    pairs.filter { gotMessages[$0.value] != nil }.sorted { $0.value < $1.value }.map { ($0.key.topic, $0.key.group) }
  }

  /// What stands in a topic's or group's statistics; nil when nothing was counted.
  package func series(_ kind: Kind) -> Series? {
    switch kind {
    case .topicPutMessages(let topic): putMessages[topic]
    case .topicPutBytes(let topic): putBytes[topic]
    case .groupGetMessages(let topic, let group): pairs[PairKey(topic: topic, group: group)].flatMap { gotMessages[$0] }
    case .groupGetBytes(let topic, let group): pairs[PairKey(topic: topic, group: group)].flatMap { gotBytes[$0] }
    case .groupGetLatency(let topic, let group, let queue): counted(.latency, topic, group, queue)
    case .sentBack(let topic, let group): counted(.sentBack, topic, group)
    case .groupGetMessagesFromDisk(let topic, let group): counted(.diskMessages, topic, group)
    case .groupGetBytesFromDisk(let topic, let group): counted(.diskBytes, topic, group)
    case .brokerGetMessagesFromDisk: brokerDiskMessages
    case .brokerGetBytesFromDisk: brokerDiskBytes
    case .brokerPutMessages: brokerPut
    case .brokerGetMessages: brokerGot
    }
  }

  private func counted(
    _ kind: Traffic.Counter.Kind, _ topic: Int32, _ group: String, _ queue: Int32 = 0
  ) -> Series? {
    pairs[PairKey(topic: topic, group: group)].flatMap { counts[.init(kind: kind, pair: $0, queue: queue)] }
  }

  /// Which numbers are meant.
  package enum Kind: Hashable, Sendable {
    /// TOPIC_PUT_NUMS
    case topicPutMessages(topic: Int32)
    /// TOPIC_PUT_SIZE
    case topicPutBytes(topic: Int32)
    /// GROUP_GET_NUMS
    case groupGetMessages(topic: Int32, group: String)
    /// GROUP_GET_SIZE
    case groupGetBytes(topic: Int32, group: String)
    /// GROUP_GET_LATENCY
    case groupGetLatency(topic: Int32, group: String, queue: Int32)
    /// SNDBCK_PUT_NUMS
    case sentBack(topic: Int32, group: String)
    /// GROUP_GET_FROM_DISK_NUMS
    case groupGetMessagesFromDisk(topic: Int32, group: String)
    /// GROUP_GET_FROM_DISK_SIZE
    case groupGetBytesFromDisk(topic: Int32, group: String)
    /// BROKER_GET_FROM_DISK_NUMS
    case brokerGetMessagesFromDisk
    /// BROKER_GET_FROM_DISK_SIZE
    case brokerGetBytesFromDisk
    /// BROKER_PUT_NUMS
    case brokerPutMessages
    /// BROKER_GET_NUMS
    case brokerGetMessages
  }

  /// The growth of one of the totals per second, over the last `window` seconds, 1 to 600, or what lies between the
  /// samples next to that; nil while the oldest sample is younger.
  package func rate(of total: KeyPath<Traffic.Totals, Int64>, overSeconds window: Int) -> Double? {
    guard let last = moments.last, window > 0 else { return nil }
    let start = last.time.milliseconds &- Int64(window) &* 1000 &+ Self.rateTolerance
    guard let first = moments.last(where: { $0.time.milliseconds <= start }) else { return nil }
    let milliseconds = last.time.milliseconds - first.time.milliseconds
    guard milliseconds > 0 else { return nil }
    return Double(last.totals[keyPath: total] - first.totals[keyPath: total]) * 1000 / Double(milliseconds)
  }
}
