import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Synchronization
import Testing

@testable import ApusBroker

/// Messages that are delivered at a time of their own, through a whole broker; restarts and kills between. Brokers over
/// kept stores run one after the other, as a child process may hold a parent's lock for a moment.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TimerTests {
  private static let waiting = "rmq_sys_wheel_timer"
  private static let hour = "3600"

  private func pending(_ served: ServedBroker) -> Int {
    served.broker.timed?.parts.timers.pending.load(ordering: .relaxed) ?? -1
  }

  /// Waits until as many messages wait, everything stored taken in.
  private func wait(_ served: ServedBroker, _ client: TestClient, until count: Int) throws {
    try wait(served, client, until: count...count)
  }

  private func wait(_ served: ServedBroker, _ client: TestClient, until counts: ClosedRange<Int>) throws {
    let timers = try #require(served.broker.timed).parts.timers
    try Patience.wait {
      let end = max(try client.end(Self.waiting), 0)
      return timers.position.load(ordering: .relaxed) >= end && counts.contains(pending(served))
    }
  }

  /// Prepares what is due after a lead, in milliseconds, and on a machine that stands still once more with a longer
  /// one: nothing was due yet when this returns.
  private func early<Prepared>(_ lead: Int64, _ prepare: (Int64) throws -> Prepared) rethrows -> Prepared {
    var lead = lead
    while true {
      let due = SystemClock.wall().milliseconds + lead
      let prepared = try prepare(lead)
      if SystemClock.wall().milliseconds < due { return prepared }
      lead *= 4
    }
  }

  // MARK: Sending and delivering

  @Test func `a message waits and is delivered with what RocketMQ 5 stores`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let before = SystemClock.wall().milliseconds
    let answer = try client.send(
      "x", to: "T", queue: 2, [("TIMER_DELAY_MS", "300"), ("TAGS", "A"), ("UNIQ_KEY", "k"), ("REAL_TOPIC", "other")],
      reconsumed: 2)
    #expect(answer.responseCode == .success)
    #expect(answer["queueId"] == "2")
    let waiting = try client.record(at: try answer.recordOffset)
    let due = try #require(Int64(waiting.properties["TIMER_OUT_MS"] ?? ""))
    #expect(due >= before + 299 && due <= SystemClock.wall().milliseconds + 301)
    #expect(
      waiting.properties == [
        "TIMER_DELAY_MS": "300", "TAGS": "A", "UNIQ_KEY": "k", "REAL_TOPIC": "T", "REAL_QID": "2",
        "TIMER_OUT_MS": "\(due)", "CLUSTER": "FxCluster",
      ])
    let delivered = try #require(try client.pull("T", queue: 2).first)
    var expected = waiting.properties
    expected["TIMER_ENQUEUE_MS"] = "\(waiting.storeTime)"
    expected["TIMER_DEQUEUE_MS"] = "\(delivered.storeTime)"
    #expect(delivered.properties == expected)
    #expect(delivered.storeTime >= due)
    #expect(delivered.body == "x")
    #expect(delivered.flag == 7)
    #expect(delivered.reconsumeTimes == 2)
    #expect(delivered.bornTime == waiting.bornTime)
    #expect(try client.end("T", queue: 2) == 1)
    try wait(served, client, until: 0)
  }

  @Test func `messages come in the order of their times, whatever order they were sent in`() throws {
    let (served, client) = try early(400) { lead -> (ServedBroker, TestClient) in
      let served = try ServedBroker()
      let client = try served.client()
      let start = SystemClock.wall().milliseconds + lead
      for number in [3, 0, 4, 1, 2] as [Int64] {
        _ = try client.send("\(number)", to: "T", [("TIMER_DELIVER_MS", "\(start + number * 20)")])
      }
      try wait(served, client, until: 0...5)
      return (served, client)
    }
    defer { withExtendedLifetime(served) {} }
    var delivered: [Received] = []
    while delivered.count < 5 { delivered += try client.pull("T", from: Int64(delivered.count)) }
    #expect(delivered.map(\.body) == ["0", "1", "2", "3", "4"])
  }

  @Test func `what is past is delivered at once, and a level counts before a time`() throws {
    let served = try ServedBroker([("messageDelayLevel", "1h")])
    let client = try served.client()
    for properties in [[("TIMER_DELIVER_MS", "1")], [("TIMER_DELAY_SEC", "-5")], [("TIMER_OUT_MS", "1")]] {
      #expect(try client.send("x", to: "T", properties).responseCode == .success)
    }
    #expect(try client.end("T") == 3)
    let answer = try client.send("x", to: "T", [("TIMER_DELAY_MS", "1"), ("DELAY", "1")])
    let stored = try client.record(at: try answer.recordOffset).properties
    #expect(stored["DELAY"] == "1")
    #expect(stored["TIMER_DELAY_MS"] == nil)
    #expect(try client.end("SCHEDULE_TOPIC_XXXX") == 1)
  }

  @Test func `what cannot wait is refused with the reason`() throws {
    let served = try ServedBroker([("timerMaxDelaySec", "60")])
    let client = try served.client()
    let late = try client.send("x", to: "T", [("TIMER_DELAY_SEC", "61")])
    #expect(late.responseCode == .messageIllegal)
    #expect(
      late.remark == "timer message illegal, TIMER_DELAY_SEC=61 is later than timerMaxDelaySec=60 allows")
    let text = try client.send("x", to: "T", [("TIMER_DELAY_MS", "soon")])
    #expect(text.responseCode == .messageIllegal)
    #expect(text.remark == "the property TIMER_DELAY_MS is no number: soon")
    #expect(try client.send("x", to: Self.waiting).responseCode == .noPermission)
    let half = [("TRAN_MSG", "true"), ("PGROUP", "pg"), ("TIMER_DELAY_MS", "5000")]
    #expect(try client.send("x", to: "T", half).responseCode == .messageIllegal)
    let fields = [
      ReplyField("a", "pg"), ReplyField("b", "T"), ReplyField("c", "TBW102"), ReplyField("d", 4), ReplyField("e", 0),
      ReplyField("f", 0), ReplyField("g", 0), ReplyField("h", 0), ReplyField("m", "true"),
      ReplyField("i", "TIMER_DELAY_MS\u{1}5000"),
    ]
    #expect(try client.ask(.sendBatchMessage, fields, body: Array("x".utf8)).responseCode == .messageIllegal)
    let room = String(repeating: "p", count: MessageProperties.maximumBytes - 200)
    #expect(try client.send("x", to: "T", [("TIMER_DELAY_MS", "5000"), ("P", room)]).responseCode == .messageIllegal)
    #expect(try client.end("T") == 0)
  }

  @Test func `timers can be switched off, and their number is limited`() throws {
    let off = try ServedBroker([("timerWheelEnable", "false")])
    let refused = try off.client().send("x", to: "T", [("TIMER_DELAY_MS", "5")])
    #expect(refused.responseCode == .systemError)
    #expect(refused.remark == "accurate timer message is not enabled, timerWheelEnable is false")
    let full = try ServedBroker([("timerPendingLimit", "1")])
    let client = try full.client()
    #expect(try client.send("x", to: "T", [("TIMER_DELAY_SEC", Self.hour)]).responseCode == .success)
    try wait(full, client, until: 1)
    let busy = try client.send("x", to: "T", [("TIMER_DELAY_SEC", Self.hour)])
    #expect(busy.responseCode == .systemBusy)
    #expect(busy.remark?.contains("timerPendingLimit") == true)
  }

  @Test func `a topic that was deleted gets its message all the same`() throws {
    let (served, client) = try early(600) { lead -> (ServedBroker, TestClient) in
      let served = try ServedBroker()
      let client = try served.client()
      _ = try client.send("x", to: "T", [("TIMER_DELAY_MS", "\(lead)")])
      #expect(try client.ask(.deleteTopicInBroker, [ReplyField("topic", "T")]).responseCode == .success)
      return (served, client)
    }
    try wait(served, client, until: 0)
    _ = try client.send("y", to: "T")
    #expect(try client.pull("T").map(\.body) == ["x", "y"])
  }

  // MARK: Cancelling

  @Test(arguments: ["k1", "T+k1"])
  func `a message that waits is cancelled by its key`(name: String) throws {
    let served = try ServedBroker()
    let client = try served.client()
    // Those that are not cancelled come soon, on a machine that stands still even before the others are cancelled.
    for key in ["k1", "k1", "k2"] {
      let delay = key == "k1" ? "3600000" : "4000"
      _ = try client.send(key, to: "T", [("TIMER_DELAY_MS", delay), ("UNIQ_KEY", key)])
    }
    _ = try client.send("other", to: "U", [("TIMER_DELAY_MS", "4000"), ("UNIQ_KEY", "k1")])
    try wait(served, client, until: 2...4)
    let cancel = [("TIMER_DEL_UNIQKEY", name), ("TIMER_DELAY_MS", "4000"), ("UNIQ_KEY", "c")]
    #expect(try client.send("", to: "T", cancel).responseCode == .success)
    try wait(served, client, until: 0)
    #expect(try client.pull("T").map(\.body) == ["k2"])
    #expect(try client.pull("U").map(\.body) == ["other"])
    #expect(try client.end("T") == 1)
  }

  @Test func `cancelling what is unknown or delivered does nothing, and the past is refused`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    #expect(try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "k")]).responseCode == .success)
    _ = try client.send("x", to: "T", [("TIMER_DELAY_MS", "50"), ("UNIQ_KEY", "k")])
    #expect(try client.pull("T").map(\.body) == ["x"])
    #expect(try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "k")]).responseCode == .success)
    let past = try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "k"), ("TIMER_DELIVER_MS", "5")])
    #expect(past.responseCode == .messageIllegal)
    try wait(served, client, until: 0)
    #expect(try client.end("T") == 1)
  }

  // MARK: Restarts

  private func makeTopic(_ client: TestClient, queues: Int32 = 4) throws {
    // Topics made by sends are written a little later.
    let made = try client.ask(
      UpdateAndCreateTopic.Request(
        topic: "T", defaultTopic: "TBW102", readQueueCount: queues, writeQueueCount: queues, permission: 6,
        filter: "SINGLE_TAG"))
    #expect(made.responseCode == .success)
  }

  @Test func `a topic that has fewer queues by then gets the message in one of those`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    try early(400) { lead in
      try makeTopic(client)
      _ = try client.send("x", to: "T", queue: 3, [("TIMER_DELAY_MS", "\(lead)")])
      try makeTopic(client, queues: 2)
    }
    #expect(try client.pull("T", queue: 1).first?.body == "x")
  }

  private func send(_ body: String, _ delay: Int64, _ client: TestClient, key: String? = nil) throws {
    let answer = try client.send(body, to: "T", [("TIMER_DELAY_MS", "\(delay)"), ("UNIQ_KEY", key ?? body)])
    #expect(answer.responseCode == .success)
  }

  /// What a kill leaves of the timers' file, besides the log.
  enum Loss: CaseIterable { case nothing, file, halfAFile }

  private func lose(_ loss: Loss, in store: String) throws {
    let path = store + "/apus-timers"
    switch loss {
    case .nothing: break
    case .file: if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    case .halfAFile:
      for name in ["pending", "pending.bak"] where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      }
    }
  }

  /// Kills a broker and starts another one over what is left.
  private func kill(_ served: inout ServedBroker, _ client: inout TestClient, _ loss: Loss) throws {
    let store = try served.killed()
    try lose(loss, in: store)
    client = try TestClient(port: 1) { _ in nil }
    served = try ServedBroker(last: store)
    client = try served.client()
  }

  @Test(arguments: Loss.allCases)
  func `a kill at any step neither loses nor repeats`(loss: Loss) throws {
    var served = try ServedBroker()
    var client = try served.client()
    func save() throws {
      var kept = TimedMessages.Kept()
      try #require(served.broker.timed).save(&kept, waitingUpTo: Patience.limit)
    }
    try makeTopic(client)
    try send("later", 3_600_000, client)
    try send("cancelled", 3_600_000, client)
    try send("first", 150, client)
    try kill(&served, &client, loss)
    #expect(try client.pull("T").map(\.body) == ["first"])
    try wait(served, client, until: 2)
    try save()
    try kill(&served, &client, loss)
    try wait(served, client, until: 2)
    _ = try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "cancelled")])
    try send("second", 100, client)
    #expect(try client.pull("T", from: 1).map(\.body) == ["second"])
    try kill(&served, &client, loss)
    try wait(served, client, until: 1)
    try send("third", 100, client)
    try save()
    #expect(try client.pull("T", from: 2).map(\.body) == ["third"])
    try kill(&served, &client, loss)
    try wait(served, client, until: 1)
    #expect(try client.end("T") == 3)
    _ = try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "later")])
    try wait(served, client, until: 0)
    try kill(&served, &client, loss)
    try wait(served, client, until: 0)
    #expect(try client.end("T") == 3)
  }

  @Test func `an orderly restart goes on where the last process stopped`() throws {
    var stores: [String] = []
    defer {
      for store in stores { do { try FileManager.default.removeItem(atPath: store) } catch { print(error) } }
    }
    let store = try early(400) { lead -> String in
      let store = ServedBroker.newDirectory()
      stores.append(store)
      let served = try ServedBroker(kept: store)
      let client = try served.client()
      for number in [2, 0, 1] as [Int64] { try send("\(number)", lead + number * 50, client) }
      try send("later", 3_600_000, client)
      try wait(served, client, until: 1...4)
      return store
    }
    let served = try ServedBroker(kept: store)
    let client = try served.client()
    var delivered: [String] = []
    while delivered.count < 3 { delivered += try client.pull("T", from: Int64(delivered.count)).map(\.body) }
    #expect(delivered == ["0", "1", "2"])
    try wait(served, client, until: 1)
  }

  // MARK: Retention

  @Test(arguments: Loss.allCases)
  func `what waits in files that go is stored anew, and can still be cancelled`(loss: Loss) throws {
    var served = try ServedBroker()
    var client = try served.client()
    let boundary = PhysicalOffset(1 << 20)
    let body = String(repeating: "x", count: 300_000)
    let rolled = try early(4000) { lead -> PhysicalOffset in
      served = try ServedBroker()
      client = try served.client()
      try makeTopic(client)
      try send("a", 3_600_000, client)
      try send("b", 3_600_000, client)
      try send("soon", lead, client)
      for _ in 0..<4 { _ = try client.send(body, to: "U") }
      try wait(served, client, until: 2...3)
      return try #require(served.broker.timed).roll(before: boundary, waitingUpTo: Patience.limit)
    }
    #expect(rolled == boundary)
    let timed = try #require(served.broker.timed)
    try wait(served, client, until: 2...3)
    let end = try client.end(Self.waiting)
    #expect(end == 6)
    let copy = try client.entry(Self.waiting, queue: 0, at: 3)
    #expect(copy.properties["TIMER_ROLL_TIMES"] == "1")
    #expect(copy.offset >= boundary.rawValue)
    // Nothing waits there any more.
    #expect(timed.roll(before: boundary, waitingUpTo: Patience.limit) == boundary)
    #expect(try client.end(Self.waiting) == end)
    try kill(&served, &client, loss)
    try wait(served, client, until: 2...3)
    _ = try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "a")])
    try wait(served, client, until: 1...2)
    try kill(&served, &client, loss)
    #expect(try client.pull("T").map(\.body) == ["soon"])
    try wait(served, client, until: 1)
    #expect(try client.end("T") == 1)
  }

  @Test func `old files go from a device that is too full for messages although some wait there`() throws {
    let (disk, root) = (GatedDisk(), ServedBroker.newDirectory())
    let served = try ServedBroker(
      [("cleanResourceInterval", "10"), ("cleanFileForciblyEnable", "false")], last: root, disk: disk)
    let client = try served.client()
    try makeTopic(client)
    try send("a", 3_600_000, client)
    let body = String(repeating: "x", count: 300_000)
    for _ in 0..<8 { _ = try client.send(body, to: "U") }
    try wait(served, client, until: 1)
    disk.pretend(DiskSpace(total: 1000 << 30, available: 50 << 30))
    try Patience.wait { try client.send("", to: "U").responseCode == .serviceNotAvailable }
    let change = try client.ask(.updateBrokerConfig, [], body: Array("fileReservedTime=1\n".utf8))
    #expect(change.responseCode == .success)
    let first = root + "/commitlog/00000000000000000000"
    let old = Date(timeIntervalSinceNow: -3 * 3600)
    try Patience.wait {
      guard FileManager.default.fileExists(atPath: first) else { return true }
      do {
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: first)
      } catch {
        #expect(!FileManager.default.fileExists(atPath: first))
      }
      return false
    }
    // The copy is on the device by now, and in its queue at the end of the loop's turn.
    try Patience.wait { try client.end(Self.waiting) == 2 }
    #expect(pending(served) == 1)
    #expect(try client.entry(Self.waiting, queue: 0, at: 1).properties["TIMER_ROLL_TIMES"] != nil)
  }

  @Test func `a file that cannot be mapped for a while is waited for, and what is due there comes then`() throws {
    let body = String(repeating: "x", count: 300_000)
    let (disk, served, client) = try early(5000) { lead -> (GatedDisk, ServedBroker, TestClient) in
      let disk = GatedDisk()
      let served = try ServedBroker([("messageDelayLevel", "\(lead / 1000)s")], disk: disk)
      let client = try served.client()
      try send("timed", lead, client)
      #expect(try client.send("delayed", to: "D", [("DELAY", "1")]).responseCode == .success)
      for _ in 0..<4 { _ = try client.send(body, to: "U") }
      try wait(served, client, until: 0...1)
      let store = served.broker.parts.store
      try Patience.wait {
        store.flushAll()
        return store.withLock { $0.marks.flushed } >= PhysicalOffset(1 << 20)
      }
      disk.failMappings(.exhausted)
      _ = store.withLock { $0.releaseIdleMappings(after: 0) }
      return (disk, served, client)
    }
    defer { withExtendedLifetime(served) {} }
    // Each of the two tries ten times a second.
    try Patience.wait {
      _ = try client.end("D")
      return disk.refusedMappings >= 24
    }
    disk.failMappings(nil)
    #expect(try client.pull("T").map(\.body) == ["timed"])
    #expect(try client.pull("D").map(\.body) == ["delayed"])
  }

  @Test func `a file that cannot be mapped just now keeps what waits in it`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(disk: disk)
    let client = try served.client()
    try send("a", 3_600_000, client)
    let body = String(repeating: "x", count: 300_000)
    for _ in 0..<4 { _ = try client.send(body, to: "U") }
    try wait(served, client, until: 1)
    let boundary = PhysicalOffset(1 << 20)
    let timed = try #require(served.broker.timed)
    let store = timed.parts.store
    try Patience.wait {
      store.flushAll()
      return store.withLock { $0.marks.flushed } >= boundary
    }
    disk.failMappings(.exhausted)
    let released = store.withLock { $0.releaseIdleMappings(after: 0) }
    #expect(released.count == 1)
    #expect(timed.roll(before: boundary, waitingUpTo: Patience.limit) < boundary)
    disk.failMappings(nil)
    #expect(timed.roll(before: boundary, waitingUpTo: Patience.limit) == boundary)
    #expect(try client.entry(Self.waiting, queue: 0, at: 1).body == "a")
  }

  @Test func `a run of the retention waits for what it would remove`() throws {
    let store = ServedBroker.newDirectory()
    let served = try ServedBroker([("fileReservedTime", "1"), ("flushIntervalConsumeQueue", "50")], last: store)
    let client = try served.client()
    try send("a", 3_600_000, client)
    let body = String(repeating: "x", count: 300_000)
    for _ in 0..<8 { _ = try client.send(body, to: "U") }
    try wait(served, client, until: 1)
    let first = store + "/commitlog/00000000000000000000"
    let old = Date(timeIntervalSinceNow: -7200)
    // The file may be written to until it is on the device.
    try Patience.wait {
      do {
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: first)
      } catch CocoaError.fileNoSuchFile {
        return true
      }
      // Files go only behind the durable mark, which moves while something is stored.
      _ = try client.send("y", to: "U")
      #expect(try client.ask(.deleteExpiredCommitLog).responseCode == .success)
      return !FileManager.default.fileExists(atPath: first)
    }
    try wait(served, client, until: 1)
    #expect(try client.end(Self.waiting) == 2)
    let copy = try client.entry(Self.waiting, queue: 0, at: 1)
    #expect(copy.body == "a")
    _ = try client.send("", to: "T", [("TIMER_DEL_UNIQKEY", "a")])
    try wait(served, client, until: 0)
  }

  @Test func `a file goes when what was stored since, deliveries from it above all, is on the device`() throws {
    let store = ServedBroker.newDirectory()
    let lazy = [("flushIntervalCommitLog", "600000"), ("flushDelayOffsetInterval", "600000")]
    let served = try ServedBroker(
      [("fileReservedTime", "1"), ("flushIntervalConsumeQueue", "50")] + lazy, last: store)
    let client = try served.client()
    let body = String(repeating: "x", count: 300_000)
    for _ in 0..<8 { _ = try client.send(body, to: "U") }
    let shared = served.broker.parts.store
    while shared.withLock({ $0.marks.flushed }) < PhysicalOffset(1 << 20) { shared.flushAll() }
    // Nobody but the retention asks for the device from here on.
    let unflushed = try client.send("y", to: "U").recordOffset
    let first = store + "/commitlog/00000000000000000000"
    let old = Date(timeIntervalSinceNow: -7200)
    while FileManager.default.fileExists(atPath: first) {
      do {
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: first)
      } catch CocoaError.fileNoSuchFile {
        break
      }
      _ = try client.send("z", to: "U")
      #expect(try client.ask(.deleteExpiredCommitLog).responseCode == .success)
    }
    #expect(shared.withLock({ $0.marks.flushed }) > PhysicalOffset(unflushed))
  }
}
