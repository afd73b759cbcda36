import ApusBase
import ApusBrokerCore
import ApusSystem

/// What the timer wheel costs: memory for each timer, and time to add and to take out.
enum TimerBenchmark {
  private static let day: Int64 = 86_400_000
  /// Any time of day.
  private static let start: Int64 = 1_795_219_434_437

  /// Lets `count` timers wait over 40 days, then lets time pass until all are out. Prints what it took.
  static func run(count: Int) {
    var random = SeededGenerator(seed: 1)
    var wheel = TimerWheel(now: WallTime(milliseconds: start))
    let clock = ContinuousClock()
    let before = anonymousBytes()
    let adding = clock.measure {
      for index in 0..<count {
        let due = start + Int64.random(in: 1...40 * day, using: &random)
        wheel.add(
          TimerWheel.Timer(
            due: WallTime(milliseconds: due), offset: PhysicalOffset(Int64(index) * 1024),
            key: UInt64.random(in: 1...UInt64.max, using: &random)))
      }
    }
    let used = anonymousBytes() - before
    var worst = Duration.zero
    var fired = 0
    let firing = clock.measure {
      var now = start
      while wheel.count > 0, let next = wheel.nextTime {
        now = max(now, next.milliseconds)
        let begin = clock.now
        while let id = wheel.popDue(now: WallTime(milliseconds: now)) {
          wheel.remove(id)
          fired += 1
        }
        worst = max(worst, clock.now - begin)
      }
    }
    print("\(count) timers: \(used >> 20) MiB, \(used / count) bytes each")
    print("adding: \(rate(count, adding)) a second")
    print("taking out, spread over 40 days: \(rate(fired, firing)) a second, longest step \(worst)")
    burst(count)
  }

  /// All in one second, as when much becomes due at once.
  private static func burst(_ count: Int) {
    var random = SeededGenerator(seed: 2)
    var wheel = TimerWheel(now: WallTime(milliseconds: start))
    for index in 0..<count {
      let due = start + 3_600_000 + Int64.random(in: 0..<1000, using: &random)
      wheel.add(
        TimerWheel.Timer(
          due: WallTime(milliseconds: due), offset: PhysicalOffset(Int64(index)), key: UInt64(index) &* 0x9E37_79B9))
    }
    var fired = 0
    let took = ContinuousClock().measure {
      while let id = wheel.popDue(now: WallTime(milliseconds: start + 3_601_000)) {
        wheel.remove(id)
        fired += 1
      }
    }
    print("taking out, all of one second: \(rate(fired, took)) a second")
  }

  /// The memory of this process that is no file's; 0 where /proc does not tell it.
  private static func anonymousBytes() -> Int {
    guard let status = ProcessIO.read("/proc/self/status"),
      let kilobytes = ProcText.number("RssAnon:", in: String(decoding: status, as: UTF8.self))
    else { return 0 }
    return Int(kilobytes) * 1024
  }

  private static func rate(_ count: Int, _ duration: Duration) -> Int {
    let parts = duration.components
    return Int(Double(count) / max(Double(parts.seconds) + Double(parts.attoseconds) / 1e18, 1e-9))
  }
}
