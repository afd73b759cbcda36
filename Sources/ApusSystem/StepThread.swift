package import ApusBase
import Synchronization

/// A thread that repeats one step: after each it sleeps until the moment the step asked for, or until it is woken.
///
/// An idle process does not wake up: a step that has nothing left to do answers nil, and then only ``nudge()`` or
/// ``wake()`` runs it again.
package final class StepThread: Sendable {
  /// One step; answers when to run the next one, nil for not before somebody asks.
  package typealias Step = @Sendable (_ now: MonotonicTime) -> MonotonicTime?

  private let name: String
  private let wakeUp = WakeUp()
  private let isStopping = Atomic(false)
  private let sleepsLong = Atomic(false)
  private let thread = Locked<Thread?>(nil)
  /// What a simulated machine, which has no threads, keeps of it; nil on a real one.
  private let simulated = Locked<SimulatedSteps?>(nil)

  /// Names a thread that is not running yet.
  package init(name: String) { self.name = name }

  /// Starts the thread; the first step runs at once.
  package func start(_ step: @escaping Step) throws(SystemError) {
    if let machine = SimulatedMachine.current {
      simulated.withLock { $0 = SimulatedSteps(step: step, next: SystemClock.monotonic()) }
      return machine.add(self)
    }
    let started = try Thread.start(name: name) { [self] in run(step) }
    thread.withLock { $0 = started }
  }

  /// Runs a step as soon as the one under way is over. Costs a system call when the thread sleeps.
  package func wake() { wakeUp.signal() }

  /// Runs a step if the thread sleeps without a time set; does nothing when a step will come by itself. Cheap enough
  /// for every turn of a loop.
  package func nudge() {
    if sleepsLong.load(ordering: .acquiring), sleepsLong.exchange(false, ordering: .acquiringAndReleasing) {
      wakeUp.signal()
    }
  }

  /// Ends the thread after the step under way, and waits for that. One that was not started is no error.
  package func stop() {
    if let machine = SimulatedMachine.current { machine.remove(self) }
    simulated.withLock { $0 = nil }
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
    thread.withLock { thread -> Thread? in
      defer { thread = nil }
      return thread
    }?.join()
  }

  private func run(_ step: Step) {
    while !isStopping.load(ordering: .acquiring) {
      if let next = step(SystemClock.monotonic()) {
        wakeUp.wait(until: next)
        continue
      }
      sleepsLong.store(true, ordering: .releasing)
      // What was asked for between the step's last look and this store found nobody asleep: look once more.
      if let next = step(SystemClock.monotonic()) {
        sleepsLong.store(false, ordering: .releasing)
        wakeUp.wait(until: next)
      } else {
        wakeUp.wait(until: nil)
      }
      sleepsLong.store(false, ordering: .releasing)
    }
  }
}

/// The steps of a thread on a simulated machine.
private struct SimulatedSteps: Sendable {
  var step: StepThread.Step
  /// When the next one comes by itself.
  var next: MonotonicTime?
}

extension StepThread: SimulatedThread {
  var dueTime: MonotonicTime? {
    wakeUp.isSignalled ? MonotonicTime(nanoseconds: .min) : simulated.withLock { $0?.next }
  }

  func runTurn() {
    let now = SystemClock.monotonic()
    guard let due = dueTime, due <= now, let step = simulated.withLock({ $0?.step }) else { return }
    _ = wakeUp.take()
    sleepsLong.store(false, ordering: .releasing)
    let next = step(now)
    _ = simulated.withLock { $0?.next = next }
    if next == nil { sleepsLong.store(true, ordering: .releasing) }
  }
}
