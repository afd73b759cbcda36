import ApusBase
import Testing

@testable import ApusSystem

@Suite struct SimulatedMachineTests {
  private let machine = SimulatedMachine(wall: WallTime(milliseconds: 1000), seed: 7)

  @Test func `its clocks stand still until they are moved, and only inside`() {
    let outside = SystemClock.wall()
    machine.run {
      let begin = SystemClock.monotonic()
      #expect(SystemClock.wall() == WallTime(milliseconds: 1000))
      machine.advance(by: 250)
      #expect(SystemClock.wall() == WallTime(milliseconds: 1250))
      #expect(SystemClock.monotonic() == begin + .milliseconds(250))
      machine.wall = WallTime(milliseconds: 5)
      #expect(SystemClock.wall() == WallTime(milliseconds: 5))
      #expect(SystemClock.monotonic() == begin + .milliseconds(250))
    }
    #expect(SystemClock.wall() >= outside)
  }

  @Test func `its random numbers follow from the seed`() {
    func numbers(_ seed: UInt64) -> [UInt8] {
      SimulatedMachine(wall: WallTime(milliseconds: 0), seed: seed).run { SystemRandom.bytes(32) }
    }
    #expect(numbers(1) == numbers(1))
    #expect(numbers(1) != numbers(2))
  }

  @Test func `workers on it are the calling thread, which does one piece after the other`() {
    let done = Locked<[Int]>([])
    machine.run {
      Workers.threads(4, name: "test").run(100) { piece in
        // Other threads are not on the machine, whose clock stands still.
        if SystemClock.wall() == WallTime(milliseconds: 1000) { done.withLock { $0.append(piece) } }
      }
    }
    #expect(done.withLock { $0 } == Array(0..<100))
  }

  @Test func `a thread of steps has its turns when they are due or it is woken`() throws {
    try machine.run {
      let steps = Locked(0)
      let thread = StepThread(name: "steps")
      try thread.start { now in
        steps.withLock { steps in
          steps += 1
          return steps == 1 ? now + .milliseconds(100) : nil
        }
      }
      #expect(machine.runDue())
      #expect(!machine.runDue())
      machine.advance(by: 100)
      #expect(machine.runDue())
      machine.advance(by: 1000)
      #expect(!machine.runDue())
      thread.nudge()
      #expect(machine.runDue())
      thread.wake()
      #expect(machine.runDue())
      #expect(steps.withLock { $0 } == 4)
      thread.stop()
      #expect(machine.threadCount == 0)
    }
  }

  @Test func `who waits lets the others work and time pass`() throws {
    try machine.run {
      let loop = try EventLoop()
      try loop.start()
      let wakeUp = WakeUp()
      let begin = SystemClock.monotonic()
      loop.execute { loop.schedule(after: .milliseconds(40)) { wakeUp.signal() } }
      #expect(wakeUp.wait(until: begin + .seconds(1)))
      #expect(SystemClock.monotonic() == begin + .milliseconds(40))
      #expect(!wakeUp.wait(until: begin + .milliseconds(90)))
      #expect(SystemClock.monotonic() == begin + .milliseconds(90))
      loop.stop()
      loop.join()
      #expect(machine.threadCount == 0)
    }
  }

  @Test func `work handed to others is done in order, and all of it before they end`() throws {
    try machine.run {
      let pool = try IOThreads(count: 2, capacity: 3)
      let done = Locked<[Int]>([])
      for number in 1...4 {
        let isAccepted = pool.submit { done.withLock { $0.append(number) } }
        #expect(isAccepted == (number < 4))
      }
      machine.runTurn(of: 0)
      #expect(done.withLock { $0 } == [1])
      pool.stop()
      #expect(done.withLock { $0 } == [1, 2, 3])
    }
  }
}
