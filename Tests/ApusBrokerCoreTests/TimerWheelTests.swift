import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct TimerWheelTests {
  private static let day: Int64 = 86_400_000
  private static let start: Int64 = 1_795_219_434_437

  private func wheel(_ time: Int64 = start) -> TimerWheel { TimerWheel(now: WallTime(milliseconds: time)) }

  private func timer(_ due: Int64, _ offset: Int64, key: UInt64 = 0) -> TimerWheel.Timer {
    TimerWheel.Timer(due: WallTime(milliseconds: due), offset: PhysicalOffset(offset), key: key)
  }

  /// Takes out and removes everything that is due.
  private func fire(_ wheel: inout TimerWheel, at time: Int64) -> [TimerWheel.Timer] {
    var fired: [TimerWheel.Timer] = []
    while let id = wheel.popDue(now: WallTime(milliseconds: time)) {
      fired.append(wheel.timer(id))
      wheel.remove(id)
    }
    return fired
  }

  @Test func `a timer comes at its millisecond and not before`() {
    for distance in [1, 63, 64, 65, 4095, 4096, 262_144, 16_777_216, Self.day, 40 * Self.day] {
      var wheel = wheel()
      wheel.add(timer(Self.start + distance, 1))
      let fired1 = fire(&wheel, at: Self.start + distance - 1)
      #expect(fired1.isEmpty, "\(distance)")
      let fired2 = fire(&wheel, at: Self.start + distance)
      #expect(fired2.count == 1, "\(distance)")
      #expect(wheel.count == 0)
      #expect(wheel.nextTime == nil)
    }
  }

  @Test func `what is past comes at once, and the next time is never after the first timer`() {
    var wheel = wheel()
    wheel.add(timer(0, 1))
    wheel.add(timer(-5, 2))
    wheel.add(timer(.max, 4))
    let fired3 = fire(&wheel, at: Self.start)
    #expect(fired3.map(\.offset.rawValue) == [1, 2])
    wheel.add(timer(Self.start + 5000, 3))
    #expect(wheel.nextTime.map { $0.milliseconds <= Self.start + 5000 } == true)
    let fired4 = fire(&wheel, at: Self.start + 4999)
    #expect(fired4.isEmpty)
    let fired5 = fire(&wheel, at: Self.start + 5000)
    #expect(fired5.map(\.offset.rawValue) == [3])
    let fired6 = fire(&wheel, at: Self.start + 400 * Self.day)
    #expect(fired6.isEmpty)
    #expect(wheel.count == 1)
  }

  @Test func `timers of one millisecond come in the order in which they were added`() {
    var wheel = wheel()
    let due = Self.start + 100_000
    for offset in 0..<10_000 as Range<Int64> {
      // Some are added far away, some near: the order is that of adding.
      if offset == 4000 { _ = fire(&wheel, at: due - 5000) }
      if offset == 8000 { _ = fire(&wheel, at: due - 3) }
      wheel.add(timer(due, offset))
    }
    let fired7 = fire(&wheel, at: due)
    #expect(fired7.map(\.offset.rawValue) == Array(0..<10_000))
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `it agrees with a sorted list`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var wheel = wheel()
    var list: [(timer: TimerWheel.Timer, id: TimerWheel.ID)] = []
    var now = Self.start
    var offset: Int64 = 0
    let spans: [Int64] = [1, 10, 64, 1000, 5000, 300_000, Self.day, 40 * Self.day]
    for step in 0..<6000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<6:
        offset += 1
        let span = spans[Int.random(in: 0..<spans.count, using: &random)]
        let added = timer(now + Int64.random(in: -2...span, using: &random), offset, key: UInt64(offset % 997) + 1)
        list.append((added, wheel.add(added)))
      case 6:
        guard !list.isEmpty else { break }
        let index = Int.random(in: 0..<list.count, using: &random)
        wheel.remove(list.remove(at: index).id)
      case 7:
        guard let wanted = list.randomElement(using: &random) else { break }
        guard let id = wheel.find(key: wanted.timer.key) else {
          Issue.record("a timer is not found by its key")
          break
        }
        let found = wheel.timer(id).key
        #expect(found == wanted.timer.key)
      default:
        // Time goes on, leaps, or is set back.
        let span = spans[Int.random(in: 0..<spans.count, using: &random)]
        now += Int64.random(in: step % 97 == 0 ? -span...span : 0...span, using: &random)
        let due = list.enumerated().filter { $0.element.timer.due.milliseconds <= now }
          .sorted { ($0.element.timer.due, $0.offset) < ($1.element.timer.due, $1.offset) }
        let fired = fire(&wheel, at: now)
        // Of those that were past when they were added the order is that of adding; times agree all the same.
        #expect(Set(fired) == Set(due.map(\.element.timer)))
        #expect(fired.allSatisfy { $0.due.milliseconds <= now })
        list.removeAll { $0.timer.due.milliseconds <= now }
        if let next = wheel.nextTime, let first = list.map(\.timer.due).min() {
          #expect(next <= max(first, WallTime(milliseconds: now)))
        } else {
          #expect(list.isEmpty)
        }
      }
      #expect(wheel.count == list.count)
    }
    var known: Set<TimerWheel.Timer> = []
    wheel.forEach { _, timer in known.insert(timer) }
    #expect(known == Set(list.map(\.timer)))
    for entry in list { #expect(wheel.find(key: entry.timer.key) != nil) }
    #expect(wheel.find(key: 99_999) == nil)
  }

  @Test func `timers that lie ahead come in the order of their times`() {
    var random = SeededGenerator(seed: 5)
    var wheel = wheel()
    var times: [Int64] = []
    for offset in 0..<5000 as Range<Int64> {
      times.append(Self.start + Int64.random(in: 1...40 * Self.day, using: &random))
      wheel.add(timer(times[Int(offset)], offset))
    }
    let fired = fire(&wheel, at: Self.start + 41 * Self.day)
    #expect(fired.map(\.due.milliseconds) == times.sorted())
  }

  @Test func `a clock that is set back delivers nothing early and nothing twice`() {
    var wheel = wheel()
    for offset in 0..<100 as Range<Int64> { wheel.add(timer(Self.start + offset * 1000, offset)) }
    let fired8 = fire(&wheel, at: Self.start + 10_000)
    #expect(fired8.count == 11)
    let back = Self.start - 3_600_000
    let fired9 = fire(&wheel, at: back)
    #expect(fired9.isEmpty)
    wheel.add(timer(back + 500, 1000))
    let fired10 = fire(&wheel, at: back + 499)
    #expect(fired10.isEmpty)
    let fired11 = fire(&wheel, at: back + 500)
    #expect(fired11.map(\.offset.rawValue) == [1000])
    let fired12 = fire(&wheel, at: Self.start + 10_999)
    #expect(fired12.isEmpty)
    let fired13 = fire(&wheel, at: Self.start + 99_000)
    #expect(fired13.map(\.offset.rawValue) == Array(11..<100))
  }

  @Test func `one that was taken out stays known until it is removed, and can be put back`() throws {
    var wheel = wheel()
    wheel.add(timer(Self.start + 5, 7, key: 9))
    let taken = wheel.popDue(now: WallTime(milliseconds: Self.start + 6))
    let id = try #require(taken)
    let next = wheel.popDue(now: WallTime(milliseconds: Self.start + 7))
    #expect(next == nil)
    #expect(wheel.count == 1)
    #expect(wheel.find(key: 9) == id)
    wheel.move(id, to: PhysicalOffset(70))
    #expect(wheel.knows(id, at: PhysicalOffset(70)))
    #expect(!wheel.knows(id, at: PhysicalOffset(7)))
    #expect(!wheel.knows(5000, at: PhysicalOffset(7)))
    wheel.putBack(id)
    let fired14 = fire(&wheel, at: Self.start + 8)
    #expect(fired14.map(\.offset.rawValue) == [70])
    #expect(wheel.find(key: 9) == nil)
  }

  private func isRefused(_ bytes: [UInt8]) -> Bool {
    do throws(DecodeError) {
      _ = try TimerSnapshot(bytes.rawSpan)
      return false
    } catch {
      return true
    }
  }

  @Test func `a snapshot stays as it was and reads back`() throws {
    var wheel = wheel()
    for offset in 0..<9000 as Range<Int64> { wheel.add(timer(Self.start + offset, offset, key: UInt64(offset))) }
    let snapshot = wheel.snapshot
    _ = fire(&wheel, at: Self.start + 8000)
    let content = TimerSnapshot.encode(
      mark: PhysicalOffset(77), position: QueueOffset(5), timers: snapshot
    ).array
    let read = try TimerSnapshot(content.rawSpan)
    #expect(read.mark == PhysicalOffset(77))
    #expect(read.position == QueueOffset(5))
    #expect(Set(read.timers.map(\.offset.rawValue)) == Set(0..<9000))
    for cut in [0, 7, 31, 35, 36, content.count - 24, content.count - 1] {
      #expect(isRefused(Array(content[..<cut])))
    }
    for index in stride(from: 0, to: content.count, by: 997) {
      var flipped = content
      flipped[index] ^= 0x10
      #expect(isRefused(flipped))
    }
  }
}
