import ApusBase
import Testing

@testable import ApusBrokerCore

/// Which half messages are open, and when their producers are asked.
@Suite struct HalfMessagesTests {
  private static let born = WallTime(milliseconds: 1_795_220_598_547)

  private func half(
    _ place: Int64, immunity: Duration? = nil, checks: Int32 = 0, born: WallTime = HalfMessagesTests.born
  ) -> HalfMessages.Half {
    HalfMessages.Half(
      queueOffset: place, offset: PhysicalOffset(1000 + place * 300), bornTime: born, immunity: immunity,
      checks: checks)
  }

  private func after(_ seconds: Int64) -> WallTime { Self.born.advanced(byMilliseconds: seconds * 1000) }

  private func core(window: Int64 = 1 << 18) -> HalfMessages {
    var rules = HalfMessages.Rules()
    rules.window = window
    return HalfMessages(half: 0, operation: 0, rules: rules)
  }

  // MARK: Ends

  @Test func `a half message is handed to one request only`() {
    var core = core()
    #expect(core.claim(0) == .granted)
    #expect(core.claim(0) == .busy)
    core.ended(0, by: 0)
    #expect(core.claim(0) == .ended)
  }

  @Test func `counts those that have not ended`() {
    var core = HalfMessages(half: 100, operation: 0)
    #expect(core.openCount(before: 100) == 0)
    #expect(core.openCount(before: 90) == 0)
    #expect(core.openCount(before: 400) == 300)
    for half in stride(from: Int64(101), to: 400, by: 3) { core.ended(half, by: half) }
    #expect(core.openCount(before: 400) == 200)
    #expect(core.openCount(before: 103) == 2)
    core.ended(100, by: 400)
    #expect(core.halfOffset == 102)
    #expect(core.openCount(before: 400) == 199)
    // Bits end before the queue does.
    #expect(core.openCount(before: 10_000) == 9_799)
  }

  @Test func `one whose end failed stays open`() {
    var core = core()
    #expect(core.claim(3) == .granted)
    core.release(3)
    #expect(core.claim(3) == .granted)
    #expect(core.halfOffset == 0)
  }

  @Test func `offsets move over gapless runs only`() {
    var core = core()
    core.ended(1, by: 0)
    core.ended(2, by: 1)
    #expect(core.halfOffset == 0)
    #expect(core.operationOffset == 0)
    core.ended(0, by: 2)
    #expect(core.halfOffset == 3)
    #expect(core.operationOffset == 3)
  }

  @Test func `an operation message is needed while an earlier half message is open`() {
    var core = core()
    core.ended(0, by: 0)
    core.ended(2, by: 1)
    core.ended(3, by: 2)
    #expect(core.halfOffset == 1)
    #expect(core.operationOffset == 1)
    core.lost(1)
    #expect(core.halfOffset == 4)
    #expect(core.operationOffset == 3)
  }

  @Test func `operations that two loops tell in the wrong order wait for each other`() {
    var core = core()
    core.ended(1, by: 1)
    #expect(core.operationOffset == 0)
    core.ended(0, by: 0)
    #expect(core.halfOffset == 2)
    #expect(core.operationOffset == 2)
  }

  @Test func `hundreds of thousands of ends in any order leave nothing behind`() {
    var core = core()
    let count: Int64 = 200_000
    for place in (0..<count).reversed() { core.ended(place, by: count - 1 - place) }
    #expect(core.halfOffset == count)
    #expect(core.operationOffset == count)
    #expect(core.next(from: 0, before: count, now: after(60)) == nil)
    for place in count..<2 * count { core.ended(place, by: place) }
    #expect(core.halfOffset == 2 * count)
    #expect(core.operationOffset == 2 * count)
  }

  @Test func `one that is open for long keeps no number for each end behind it`() {
    var core = core()
    let count: Int64 = 300_000
    let alsoOpen: Int64 = 150_000
    var operation: Int64 = 0
    for place in 1..<count where place != alsoOpen {
      core.ended(place, by: operation)
      operation += 1
    }
    #expect(core.halfOffset == 0)
    #expect(core.operationOffset == 0)
    #expect(core.operationNumbers < 140_000)
    core.ended(0, by: operation)
    operation += 1
    #expect(core.halfOffset == alsoOpen)
    // The operation message at `alsoOpen - 1` ends the half message behind it.
    #expect((alsoOpen - 1 - 4095...alsoOpen - 1).contains(core.operationOffset))
    core.ended(alsoOpen, by: operation)
    operation += 1
    #expect(core.halfOffset == count)
    #expect(core.operationOffset == operation)
    #expect(core.operationNumbers == 0)
  }

  // MARK: Checks

  @Test func `a half message is not asked about before its timeout`() {
    var core = core()
    #expect(core.decide(half(0), end: 1, now: after(5)) == .leave)
    #expect(core.next(from: 0, before: 1, now: after(5)) == nil)
    #expect(core.next(from: 0, before: 1, now: after(6)) == 0)
    #expect(core.decide(half(0), end: 1, now: after(6)) == .ask(times: 1))
  }

  @Test func `its own immunity counts instead of the timeout`() {
    var core = core()
    #expect(core.decide(half(0, immunity: .seconds(100)), end: 2, now: after(99)) == .leave)
    #expect(core.decide(half(0, immunity: .seconds(100)), end: 2, now: after(100)) == .ask(times: 1))
    #expect(core.decide(half(1, immunity: .zero), end: 2, now: after(0)) == .ask(times: 1))
  }

  @Test func `one born in the future is asked about at once`() {
    var core = core()
    #expect(core.decide(half(0), end: 1, now: after(-10)) == .ask(times: 1))
    let far = WallTime(milliseconds: .max)
    #expect(core.decide(half(0, born: far), end: 1, now: WallTime(milliseconds: -5)) == .ask(times: 2))
  }

  @Test func `a clock that is set back makes no half message wait until it has come up again`() {
    var core = core()
    #expect(core.decide(half(0), end: 1, now: after(5)) == .leave)
    #expect(core.next(from: 0, before: 1, now: after(5)) == nil)
    #expect(core.next(from: 0, before: 1, now: after(-3600)) == 0)
    #expect(core.decide(half(0), end: 1, now: after(-3600)) == .ask(times: 1))
  }

  @Test func `producers are asked fifteen times, once a round, then it is given up`() {
    var core = core()
    for round in 1...15 {
      #expect(core.decide(half(0), end: 1, now: after(Int64(round) * 60)) == .ask(times: Int32(round)))
    }
    #expect(core.decide(half(0), end: 1, now: after(960)) == .giveUp(.askedTooOften))
    #expect(core.claim(0) == .granted)
    core.ended(0, by: 0)
    #expect(core.claim(0) == .ended)
  }

  @Test(arguments: [0, 1] as [Int32])
  func `no limit is so low that a message is given up before anybody was asked`(limit: Int32) {
    var core = core()
    core.rules.checkLimit = limit
    #expect(core.decide(half(0), end: 1, now: after(1)) == .leave)
    #expect(core.decide(half(0), end: 1, now: after(60)) == .ask(times: 1))
    #expect(core.decide(half(0), end: 1, now: after(120)) == .giveUp(.askedTooOften))
  }

  @Test func `what the message itself says of earlier checks counts`() {
    var core = core()
    #expect(core.decide(half(0, checks: 14), end: 2, now: after(60)) == .ask(times: 15))
    #expect(core.decide(half(0, checks: 14), end: 2, now: after(120)) == .giveUp(.askedTooOften))
    #expect(core.decide(half(1, checks: 15), end: 2, now: after(1)) == .giveUp(.askedTooOften))
  }

  @Test func `one older than messages are kept is given up`() {
    var core = core()
    #expect(core.decide(half(0), end: 1, now: after(72 * 3600)) == .ask(times: 1))
    #expect(core.decide(half(0), end: 1, now: after(72 * 3600 + 1)) == .giveUp(.tooOld))
  }

  @Test func `one that is being ended or has ended is left alone`() {
    var core = core()
    #expect(core.claim(0) == .granted)
    #expect(core.next(from: 0, before: 1, now: after(60)) == nil)
    #expect(core.decide(half(0), end: 1, now: after(60)) == .leave)
    core.ended(0, by: 0)
    #expect(core.decide(half(0), end: 1, now: after(60)) == .leave)
  }

  @Test func `one that keeps too many others waiting is put anew`() {
    var core = core(window: 10)
    #expect(core.decide(half(0), end: 10, now: after(60)) == .ask(times: 1))
    #expect(core.decide(half(0), end: 11, now: after(120)) == .renew(times: 2))
    #expect(core.claim(0) == .granted)
    core.ended(0, by: 0)
    #expect(core.decide(half(11, checks: 2), end: 12, now: after(180)) == .ask(times: 3))
  }

  @Test func `a check that could not be made, as there was no room to put it anew, does not count`() {
    var core = core(window: 10)
    for round in Int64(1)...20 {
      #expect(core.decide(half(0), end: 11, now: after(60 * round)) == .renew(times: 1))
      core.notAsked(half(0))
      #expect(core.checks.isEmpty)
    }
    #expect(core.decide(half(0), end: 11, now: after(2000)) == .renew(times: 1))
    core.ended(0, by: 0)
    core.notAsked(half(0))
    #expect(core.checks.isEmpty)
  }

  @Test func `a round passes over what has ended`() {
    var core = core()
    for place: Int64 in [0, 2, 3, 64, 65, 130] { core.ended(place, by: place) }
    var open: [Int64] = []
    var position: Int64 = 0
    while let next = core.next(from: position, before: 132, now: after(60)) {
      open.append(next)
      position = next + 1
    }
    #expect(open == (0..<132).filter { ![0, 2, 3, 64, 65, 130].contains($0) })
  }

  @Test func `an administrator makes an open one count from the beginning`() {
    var core = core()
    for _ in 1...15 { _ = core.decide(half(0), end: 1, now: after(60)) }
    #expect(core.restartChecks(of: half(0)) == true)
    #expect(core.decide(half(0), end: 1, now: after(60)) == .ask(times: 1))
    // What the record says can be changed by a new record only.
    #expect(core.restartChecks(of: half(0, checks: 3)) == false)
    core.ended(0, by: 0)
    #expect(core.restartChecks(of: half(0)) == false)
  }

  // MARK: Restarts

  /// What a stop leaves behind: the offsets of the last save, all operation messages, and the counts of the last save.
  private struct Left {
    var half: Int64 = 0
    var operation: Int64 = 0
    var operations: [[Int64]] = []
    var checks: [HalfMessages.Checks] = []

    mutating func save(_ core: HalfMessages) {
      half = core.halfOffset
      operation = core.operationOffset
      checks = core.checks
    }

    var restarted: HalfMessages {
      var core = HalfMessages(half: half, operation: operation)
      for index in Int(operation)..<operations.count { core.read(operation: Int64(index), ending: operations[index]) }
      core.restore(checks)
      return core
    }
  }

  @Test(arguments: 0..<40)
  func `a restart at any step knows what has ended`(saveAt: Int) {
    let ends: [Int64] = [3, 0, 1, 7, 2, 4, 12, 9, 5, 6, 30, 20, 8, 10, 11, 13, 15, 14, 17, 16]
    var core = core()
    var left = Left()
    for (step, half) in ends.enumerated() {
      if step == saveAt / 2 { left.save(core) }
      #expect(core.claim(half) == .granted)
      core.ended(half, by: Int64(left.operations.count))
      left.operations.append([half])
      var again = left.restarted
      for place: Int64 in 0..<32 {
        #expect(again.hasEnded(place) == ends[...step].contains(place))
      }
      #expect(again.halfOffset == core.halfOffset)
      #expect(again.operationOffset == core.operationOffset)
      #expect(again.claim(half) == .ended)
      // Half of the cases go on with the restarted one.
      if saveAt % 2 == 1 { core = again }
    }
  }

  @Test func `counts of checks live on, and are forgotten with their message`() {
    var core = core()
    for _ in 1...4 { _ = core.decide(half(5), end: 8, now: after(60)) }
    _ = core.decide(half(6), end: 8, now: after(60))
    var left = Left()
    left.save(core)
    left.operations.append([6])
    var again = left.restarted
    #expect(again.checks.map(\.queueOffset) == [5])
    #expect(again.decide(half(5), end: 8, now: after(120)) == .ask(times: 5))
  }

  @Test func `a count that is about another message at the same place is not used`() {
    var core = core()
    core.restore([HalfMessages.Checks(queueOffset: 0, offset: PhysicalOffset(77), times: 15)])
    #expect(core.decide(half(0), end: 1, now: after(60)) == .ask(times: 1))
  }

  @Test func `operation messages that cannot be read, or that end several, are passed`() {
    var core = HalfMessages(half: 10, operation: 5)
    core.read(operation: 5, ending: [])
    core.read(operation: 6, ending: [3])
    core.read(operation: 7, ending: [10, 12, 11])
    #expect(core.halfOffset == 13)
    #expect(core.operationOffset == 8)
  }

  @Test func `changes of counts are told`() {
    var core = core()
    let before = core.checkChanges
    _ = core.decide(half(0), end: 1, now: after(1))
    #expect(core.checkChanges == before)
    _ = core.decide(half(0), end: 1, now: after(60))
    let asked = core.checkChanges
    #expect(asked != before)
    core.ended(0, by: 0)
    #expect(core.checkChanges != asked)
  }
}
