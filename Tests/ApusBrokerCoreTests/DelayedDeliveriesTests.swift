import ApusBase
import ApusBrokerCore
import Testing

@Suite struct DelayedDeliveriesTests {
  /// Levels of one and ten seconds over queues of due times, a clock that is set, and what was delivered.
  struct Levels {
    var deliveries: DelayedDeliveries
    var queues: [Int: [Int64]] = [:]
    var mins: [Int: Int64] = [:]
    var now: Int64 = 1_000_000
    var delivered: [String] = []

    init(from offsets: [Int: Int64] = [:]) {
      deliveries = DelayedDeliveries(delays: [1000, 10_000], from: offsets.mapValues { QueueOffset($0) })
    }

    mutating func store(_ level: Int) {
      queues[level, default: []].append(now + (level == 1 ? 1000 : 10_000))
      deliveries.grew()
    }

    /// Does all that is due now and returns what is to be waited for.
    @discardableResult mutating func run() -> Int64? {
      while true {
        switch deliveries.next(now: WallTime(milliseconds: now)) {
        case .read(let level, let offset): read(level, offset)
        case .deliver(let level, let offset):
          delivered.append("\(level)/\(offset)@\(now)")
          deliveries.passed(level)
        case .wait(let until): return until?.milliseconds
        }
      }
    }

    private mutating func read(_ level: Int, _ offset: QueueOffset) {
      let queue = queues[level] ?? []
      let min = mins[level] ?? 0
      if offset.rawValue >= min, offset.rawValue < Int64(queue.count) {
        deliveries.learn(level, .message(due: WallTime(milliseconds: queue[Int(offset.rawValue)])))
      } else {
        deliveries.learn(level, .outside(min: QueueOffset(min), max: QueueOffset(Int64(queue.count))))
      }
    }
  }

  @Test func `nothing stored is nothing to wait for`() {
    var levels = Levels()
    #expect(levels.run() == nil)
    #expect(levels.deliveries.offsets.isEmpty)
  }

  @Test func `a message is delivered when it is due and not before`() {
    var levels = Levels()
    levels.run()
    levels.store(1)
    #expect(levels.run() == 1_001_000)
    levels.now = 1_000_999
    #expect(levels.run() == 1_001_000)
    #expect(levels.delivered.isEmpty)
    levels.now = 1_001_000
    #expect(levels.run() == nil)
    #expect(levels.delivered == ["1/0@1001000"])
    #expect(levels.deliveries.offsets == [1: QueueOffset(1)])
  }

  @Test func `the next wake-up is that of the level which is due first`() {
    var levels = Levels()
    levels.store(2)
    levels.now += 9500
    levels.store(1)
    #expect(levels.run() == 1_010_000)
    levels.now = 1_010_000
    #expect(levels.run() == 1_010_500)
    levels.now = 1_010_500
    #expect(levels.run() == nil)
    #expect(levels.delivered == ["2/0@1010000", "1/0@1010500"])
  }

  @Test func `a level keeps the order of its queue`() {
    var levels = Levels()
    // The second was stored after the clock was set back a little, so that it is due before the first.
    levels.queues[1] = [1_001_000, 1_000_500, 1_001_200]
    #expect(levels.run() == 1_001_000)
    levels.now = 1_000_700
    #expect(levels.run() == 1_001_000)
    levels.now = 1_001_000
    #expect(levels.run() == 1_001_200)
    #expect(levels.delivered == ["1/0@1001000", "1/1@1001000"])
  }

  @Test func `a clock set back delivers at once what would wait longer than its level`() {
    var levels = Levels()
    levels.store(1)
    levels.store(2)
    #expect(levels.run() == 1_001_000)
    levels.now += 500
    #expect(levels.run() == 1_001_000)
    levels.now -= 5000
    #expect(levels.run() == nil)
    #expect(levels.delivered == ["2/0@995500", "1/0@995500"])
  }

  @Test func `a clock set forward delivers all that has become due, once`() {
    var levels = Levels()
    for _ in 0..<3 { levels.store(1) }
    levels.run()
    levels.now += 3_600_000
    #expect(levels.run() == nil)
    #expect(levels.delivered.count == 3)
    levels.now -= 3_600_000
    #expect(levels.run() == nil)
    #expect(levels.delivered.count == 3)
  }

  @Test func `after a restart it goes on where it was`() {
    var levels = Levels(from: [1: 2])
    levels.queues[1] = [1, 2, 3, 4]
    levels.run()
    #expect(levels.delivered == ["1/2@1000000", "1/3@1000000"])
  }

  @Test(arguments: [(0, 2), (3, 3), (9, 4), (.max, 4)] as [(Int64, Int64)])
  func `a stored offset is brought into the queue`(_ stored: Int64, _ expected: Int64) {
    var levels = Levels(from: [1: stored])
    levels.queues[1] = Array(repeating: levels.now + 500, count: 4)
    levels.mins[1] = 2
    levels.run()
    #expect(levels.deliveries.offsets == [1: QueueOffset(expected)])
  }

  @Test func `offsets of levels that are not configured are dropped`() {
    var levels = Levels(from: [0: 1, 3: 7, -4: 2])
    levels.run()
    #expect(levels.deliveries.offsets.isEmpty)
  }

  @Test func `what cannot be read is passed over`() {
    var deliveries = DelayedDeliveries(delays: [1000], from: [:])
    let now = WallTime(milliseconds: 5000)
    #expect(deliveries.next(now: now) == .read(level: 1, at: .zero))
    deliveries.learn(1, .unreadable(next: QueueOffset(300)))
    #expect(deliveries.next(now: now) == .read(level: 1, at: QueueOffset(300)))
    // A next that is not ahead must not hold up the level.
    deliveries.learn(1, .unreadable(next: QueueOffset(300)))
    #expect(deliveries.next(now: now) == .read(level: 1, at: QueueOffset(301)))
  }

  @Test func `a level that is away holds up no other`() {
    var levels = Levels()
    levels.store(1)
    levels.store(2)
    levels.run()
    levels.deliveries.takeAway(1)
    levels.now += 20_000
    #expect(levels.run() == nil)
    #expect(levels.delivered == ["2/0@1020000"])
    levels.deliveries.bringBack(1)
    levels.run()
    #expect(levels.delivered.last == "1/0@1020000")
  }

  @Test func `levels take turns when much is due`() {
    var levels = Levels()
    for _ in 0..<3 {
      levels.store(1)
      levels.store(2)
    }
    levels.run()
    levels.now += 60_000
    levels.run()
    #expect(levels.delivered.map { $0.prefix(1) } == ["2", "1", "2", "1", "2", "1"])
  }
}

@Suite struct DelayOffsetsTests {
  @Test(arguments: ["delayOffset", "store-4.9.8.delayOffset"])
  func `a Java broker's file is read and written the same`(_ name: String) throws {
    let bytes = try Fixture.bytes("config/\(name).json")
    let offsets = try DelayOffsets(json: try JSONParser.parse(bytes.rawSpan, limits: .init(bytes: 4096)))
    #expect(!offsets.levels.isEmpty)
    #expect(offsets.json.bytes(.pretty) == bytes)
  }

  @Test(arguments: [#"{"offsetTable":{"x":1}}"#, #"{"offsetTable":{1:"a"}}"#])
  func `what is no offset is an error`(_ text: String) throws {
    let json = try JSONParser.parse(Array(text.utf8).rawSpan, limits: .init(bytes: 4096))
    #expect(throws: DecodeError.self) { try DelayOffsets(json: json) }
  }

  @Test func `what nobody can mean is left out`() throws {
    let json = try JSONParser.parse(
      Array(#"{"offsetTable":{0:1,-1:2,3:-4,2:5}}"#.utf8).rawSpan, limits: .init(bytes: 4096))
    #expect(try DelayOffsets(json: json).levels == [2: QueueOffset(5)])
  }
}
