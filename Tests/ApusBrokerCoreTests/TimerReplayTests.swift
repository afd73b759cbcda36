import ApusBase
import ApusModel
import Testing

@testable import ApusBrokerCore

@Suite struct TimerReplayTests {
  private static let now = WallTime(milliseconds: 1_795_219_434_437)

  private func timer(_ offset: Int64, key: UInt64 = 0) -> TimerWheel.Timer {
    TimerWheel.Timer(due: Self.now.advanced(byMilliseconds: offset), offset: PhysicalOffset(offset), key: key)
  }

  private func waiting(_ replay: TimerReplay) -> Set<Int64> {
    var offsets: Set<Int64> = []
    replay.wheel.forEach { _, timer in offsets.insert(timer.offset.rawValue) }
    #expect(offsets.count == replay.wheel.count)
    return offsets
  }

  @Test func `what was delivered after the snapshot waits no longer`() {
    var replay = TimerReplay(now: Self.now, queueStart: PhysicalOffset(300))
    replay.sawCopy(of: PhysicalOffset(100), at: nil)
    replay.sawCopy(of: PhysicalOffset(300), at: nil)
    replay.restore(timer(100), logStart: .zero)
    replay.restore(timer(200), logStart: .zero)
    replay.take(.wait(timer(300)), at: PhysicalOffset(300))
    replay.take(.wait(timer(400)), at: PhysicalOffset(400))
    #expect(waiting(replay) == [200, 400])
  }

  @Test func `one that was stored anew waits once, at its last place`() {
    var replay = TimerReplay(now: Self.now, queueStart: PhysicalOffset(300))
    replay.sawCopy(of: PhysicalOffset(100), at: PhysicalOffset(500))
    replay.sawCopy(of: PhysicalOffset(500), at: PhysicalOffset(700))
    replay.sawCopy(of: PhysicalOffset(300), at: PhysicalOffset(600))
    replay.restore(timer(100), logStart: .zero)
    for offset in [300, 400, 500, 600, 700] as [Int64] {
      replay.take(.wait(timer(offset)), at: PhysicalOffset(offset))
    }
    #expect(waiting(replay) == [400, 600, 700])
  }

  @Test func `a snapshot that knows the new place does not meet it again in the queue`() {
    var replay = TimerReplay(now: Self.now, queueStart: PhysicalOffset(300))
    replay.restore(timer(100), logStart: .zero)
    replay.restore(timer(500), logStart: .zero)
    replay.take(.wait(timer(400)), at: PhysicalOffset(400))
    replay.take(.wait(timer(500)), at: PhysicalOffset(500))
    #expect(waiting(replay) == [100, 400, 500])
  }

  @Test func `a source that is gone from the log is found at its copy`() {
    var replay = TimerReplay(now: Self.now, queueStart: PhysicalOffset(450))
    replay.sawCopy(of: PhysicalOffset(100), at: PhysicalOffset(500))
    replay.restore(timer(100), logStart: PhysicalOffset(400))
    replay.restore(timer(200), logStart: PhysicalOffset(400))
    replay.take(.wait(timer(500)), at: PhysicalOffset(500))
    // Without a snapshot the copy stands for itself.
    var anew = TimerReplay(now: Self.now, queueStart: PhysicalOffset(450))
    anew.sawCopy(of: PhysicalOffset(100), at: PhysicalOffset(500))
    anew.take(.wait(timer(500)), at: PhysicalOffset(500))
    #expect(waiting(replay) == [500])
    #expect(waiting(anew) == [500])
  }

  @Test func `a cancellation meets what was stored anew behind it, and only what came before it`() {
    var replay = TimerReplay(now: Self.now, queueStart: PhysicalOffset(300))
    replay.sawCopy(of: PhysicalOffset(100), at: PhysicalOffset(500))
    replay.restore(timer(100, key: 7), logStart: .zero)
    replay.restore(timer(200, key: 7), logStart: .zero)
    replay.take(.cancel(key: 7), at: PhysicalOffset(400))
    replay.take(.cancel(key: 8), at: PhysicalOffset(450))
    replay.take(.wait(timer(500, key: 7)), at: PhysicalOffset(500))
    replay.take(.wait(timer(600, key: 7)), at: PhysicalOffset(600))
    #expect(waiting(replay) == [600])
  }
}

@Suite struct TimerRequestTests {
  private static let now = WallTime(milliseconds: 1_795_219_434_437)

  private func read(_ pairs: [(String, String)], _ rules: TimerRequest.Rules = .init()) throws -> TimerRequest? {
    let bytes = MessageProperties.encode(pairs.map { (name: $0.0, value: $0.1) })
    let topic = Array("T".utf8)
    return try TimerRequest.read(MessageProperties(bytes.rawSpan), topic: topic.rawSpan, rules: rules, now: Self.now)
  }

  @Test func `times are read as RocketMQ 5 reads them, seconds before milliseconds before the time itself`() throws {
    func later(_ milliseconds: Int64) -> TimerRequest {
      .deliver(at: Self.now.advanced(byMilliseconds: milliseconds))
    }
    let time = "\(Self.now.milliseconds + 7)"
    #expect(try read([("TIMER_DELAY_SEC", "3")]) == later(3000))
    #expect(try read([("TIMER_DELAY_MS", "3")]) == later(3))
    #expect(try read([("TIMER_DELIVER_MS", time)]) == later(7))
    #expect(try read([("__STARTDELIVERTIME", time)]) == later(7))
    #expect(try read([("TIMER_DELIVER_MS", time), ("TIMER_DELAY_MS", "9")]) == later(9))
    #expect(try read([("TIMER_DELAY_MS", "9"), ("TIMER_DELAY_SEC", "1")]) == later(1000))
    #expect(try read([("KEYS", "k")]) == nil)
    #expect(try read([("TIMER_OUT_MS", "1"), ("TIMER_DELAY_SEC", "9")]) == .immediate)
  }

  @Test(arguments: ["0", "-1", "-9223372036854775808"])
  func `what is past is delivered at once`(delay: String) throws {
    for name in ["TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"] {
      #expect(try read([(name, delay)]) == .immediate)
    }
  }

  @Test func `forty days are the most, and a refusal names the property`() throws {
    #expect(try read([("TIMER_DELAY_SEC", "3456000")]) != .immediate)
    for value in ["3456001", "9223372036854775807"] {
      #expect(throws: TimerRequest.Fault.tooLate(property: "TIMER_DELAY_SEC", value: value, limitSeconds: 3_456_000)) {
        try read([("TIMER_DELAY_SEC", value)])
      }
    }
    for value in ["soon", "1.5", "99999999999999999999", "0x10", " 1"] {
      #expect(throws: TimerRequest.Fault.notANumber(property: "TIMER_DELIVER_MS", value: value)) {
        try read([("TIMER_DELIVER_MS", value)])
      }
    }
    var rules = TimerRequest.Rules()
    rules.isEnabled = false
    #expect(throws: TimerRequest.Fault.disabled) { try read([("TIMER_DELAY_MS", "1")], rules) }
    #expect(throws: TimerRequest.Fault.disabled) { try read([("TIMER_DEL_UNIQKEY", "k")], rules) }
  }

  @Test func `a cancellation names its message with or without the topic`() throws {
    let (topic, key) = (Array("T".utf8), Array("k".utf8))
    let wanted = TimerRequest.cancel(key: TimerKey.hash(topic: topic.rawSpan, key: key.rawSpan))
    #expect(try read([("TIMER_DEL_UNIQKEY", "k")]) == wanted)
    #expect(try read([("TIMER_DEL_UNIQKEY", "T+k"), ("TIMER_DELAY_MS", "5")]) == wanted)
    #expect(try read([("TIMER_DEL_UNIQKEY", "U+k")]) != wanted)
    #expect(throws: TimerRequest.Fault.cancelsThePast(property: "TIMER_DELAY_MS")) {
      try read([("TIMER_DEL_UNIQKEY", "k"), ("TIMER_DELAY_MS", "0")])
    }
  }
}
