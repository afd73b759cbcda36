import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct BrokerStatsTests {
  func time(_ seconds: Int64) -> WallTime { WallTime(milliseconds: 1_000_000 + seconds * 1000) }

  @Test func `absorbing empties a loop's numbers into the totals`() {
    var stats = BrokerStats()
    var traffic = Traffic()
    let pair = stats.pair(topic: 3, group: "g")
    #expect(stats.pair(topic: 3, group: "g") == pair)
    #expect(stats.pair(topic: 4, group: "g") != pair)
    traffic.put(topic: 3, messages: 2, bytes: 300)
    traffic.put(topic: 3, messages: 1, bytes: 50)
    traffic.got(pair: pair, messages: 3, bytes: 350)
    traffic.totals.pullsMissed += 1
    traffic.totals.slowestPutMilliseconds = 7
    stats.absorb(&traffic)
    stats.absorb(&traffic)
    #expect(stats.totals.put.messages == 3)
    #expect(stats.totals.put.bytes == 350)
    #expect(stats.totals.got.messages == 3)
    #expect(stats.totals.pullsFound == 1)
    #expect(stats.totals.pullsMissed == 1)
    #expect(stats.totals.slowestPutMilliseconds == 7)
    #expect(stats.series(.topicPutMessages(topic: 3))?.value == 3)
    #expect(stats.series(.topicPutBytes(topic: 3))?.value == 350)
    #expect(stats.series(.groupGetMessages(topic: 3, group: "g"))?.value == 3)
    #expect(stats.series(.topicPutMessages(topic: 4)) == nil)
    #expect(traffic.totals == Traffic.Totals())
  }

  @Test func `a minute's rate spans the oldest and the newest of seven samples`() throws {
    var stats = BrokerStats()
    var traffic = Traffic()
    for second in 0...100 {
      traffic.put(topic: 1, messages: 5, bytes: 500)
      stats.absorb(&traffic)
      stats.sample(now: time(Int64(second)), day: 1)
    }
    let minute = try #require(stats.series(.topicPutMessages(topic: 1))).snapshot(.minute)
    #expect(minute.sum == 300)
    #expect(minute.perSecond == 5)
    #expect(minute.average == 5)
    let bytes = try #require(stats.series(.topicPutBytes(topic: 1))).snapshot(.minute)
    #expect(bytes.average == 500)
    #expect(stats.series(.brokerPutMessages)?.snapshot(.hour) == BrokerStats.Snapshot())
  }

  @Test func `averages are those of a send or a pull, as Java's`() throws {
    var stats = BrokerStats()
    var traffic = Traffic()
    let pair = stats.pair(topic: 1, group: "g")
    for second in 0...60 {
      traffic.put(topic: 1, messages: 32, bytes: 6400)
      traffic.got(pair: pair, messages: 8, bytes: 800)
      traffic.got(pair: pair, messages: 2, bytes: 200)
      stats.absorb(&traffic)
      stats.sample(now: time(Int64(second)), day: 1)
    }
    #expect(stats.series(.topicPutMessages(topic: 1))?.snapshot(.minute).average == 32)
    #expect(stats.series(.topicPutBytes(topic: 1))?.snapshot(.minute).average == 6400)
    #expect(stats.series(.groupGetMessages(topic: 1, group: "g"))?.snapshot(.minute).average == 5)
    #expect(stats.series(.brokerPutMessages)?.snapshot(.minute).average == 0)
  }

  @Test func `counts by queue and what came back, over minute, hour and day, until the group goes`() throws {
    var stats = BrokerStats()
    var traffic = Traffic()
    let pair = stats.pair(topic: 1, group: "g")
    for minute in 0...(25 * 60) {
      traffic.pullTook(nanoseconds: 3_900_000, pair: pair, queue: 2)
      traffic.sentBack(pair: pair)
      traffic.gotFromDisk(pair: pair, messages: 4, bytes: 1000)
      stats.absorb(&traffic)
      stats.sample(now: time(Int64(minute) * 60), day: 1)
    }
    let latency = try #require(stats.series(.groupGetLatency(topic: 1, group: "g", queue: 2)))
    #expect(latency.snapshot(.minute).average == 3)
    #expect(stats.series(.groupGetLatency(topic: 1, group: "g", queue: 1)) == nil)
    let back = try #require(stats.series(.sentBack(topic: 1, group: "g")))
    #expect(back.snapshot(.hour).sum == 60)
    #expect(back.snapshot(.day).sum == 24 * 60)
    #expect(stats.series(.groupGetMessagesFromDisk(topic: 1, group: "g"))?.value == 6004)
    #expect(stats.series(.groupGetBytesFromDisk(topic: 1, group: "g"))?.snapshot(.hour).average == 1000)
    #expect(stats.series(.brokerGetMessagesFromDisk)?.value == 6004)
    #expect(stats.series(.brokerGetBytesFromDisk)?.value == 1_501_000)
    #expect(stats.totals.slowestGetMilliseconds == 3)
    stats.forget(group: "g")
    #expect(stats.series(.sentBack(topic: 1, group: "g")) == nil)
    #expect(stats.pair(topic: 1, group: "g") != pair)
  }

  @Test func `tells rates of the last seconds once there are enough`() {
    var stats = BrokerStats()
    var traffic = Traffic()
    for second in 0..<10 {
      stats.sample(now: time(Int64(second)), day: 1)
      traffic.put(topic: 0, messages: 4, bytes: 4)
      stats.absorb(&traffic)
    }
    #expect(stats.rate(of: \.put.messages, overSeconds: 10) == nil)
    stats.sample(now: time(10), day: 1)
    #expect(stats.rate(of: \.put.messages, overSeconds: 10) == 4)
    for second in 11...2_000 { stats.sample(now: time(Int64(second)), day: 1) }
    #expect(stats.rate(of: \.put.messages, overSeconds: 600) == 0)
    #expect(stats.rate(of: \.put.messages, overSeconds: 601) == nil)
  }

  @Test func `rates are over the seconds that they are asked for, however often samples are taken`() {
    var stats = BrokerStats()
    var traffic = Traffic()
    for step in 0...60 {
      // Ten messages a second in the last ten seconds, two before.
      traffic.put(topic: 0, messages: step == 60 ? 100 : 20, bytes: 4)
      stats.absorb(&traffic)
      stats.sample(now: WallTime(milliseconds: Int64(step) * 10_000 - (step == 59 ? 3 : 0)), day: 1)
      if step == 0 { #expect(stats.rate(of: \.put.messages, overSeconds: 10) == nil) }
      if step == 1 { #expect(stats.rate(of: \.put.messages, overSeconds: 10) == 2) }
      if step == 5 { #expect(stats.rate(of: \.put.messages, overSeconds: 60) == nil) }
    }
    let now = stats.rate(of: \.put.messages, overSeconds: 10)
    #expect(abs((now ?? 0) - 10) < 0.01)
    #expect(stats.rate(of: \.put.messages, overSeconds: 60) == 200 / 60.0)
    #expect(stats.rate(of: \.put.messages, overSeconds: 600) == 1280 / 600.0)
  }

  @Test func `mornings move on when the day changes`() {
    var stats = BrokerStats()
    var traffic = Traffic()
    for day in 1...3 {
      stats.sample(now: time(Int64(day) * 86_400), day: day)
      traffic.put(topic: 0, messages: 10, bytes: 1)
      stats.absorb(&traffic)
    }
    #expect(stats.mornings.putToday == 20)
    #expect(stats.mornings.putYesterday == 10)
  }

  @Test func `a clock set back neither traps nor divides by nothing`() {
    var stats = BrokerStats()
    stats.sample(now: time(100), day: 2)
    stats.sample(now: time(100), day: 2)
    stats.sample(now: time(0), day: 1)
    #expect(stats.rate(of: \.put.messages, overSeconds: 1) == nil)
    #expect(stats.series(.brokerPutMessages)?.snapshot(.minute) == BrokerStats.Snapshot())
  }

  @Test func `forgets what was deleted`() {
    var stats = BrokerStats()
    var traffic = Traffic()
    traffic.put(topic: 1, messages: 1, bytes: 1)
    traffic.got(pair: stats.pair(topic: 1, group: "g"), messages: 1, bytes: 1)
    traffic.got(pair: stats.pair(topic: 2, group: "g"), messages: 1, bytes: 1)
    stats.absorb(&traffic)
    stats.forget(topic: 1)
    #expect(stats.series(.topicPutMessages(topic: 1)) == nil)
    #expect(stats.series(.groupGetMessages(topic: 1, group: "g")) == nil)
    #expect(stats.series(.groupGetMessages(topic: 2, group: "g")) != nil)
    stats.forget(group: "g")
    #expect(stats.series(.groupGetMessages(topic: 2, group: "g")) == nil)
  }
}
