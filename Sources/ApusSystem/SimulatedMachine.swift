package import ApusBase
import CPosix

/// What has a thread of its own on a real machine.
protocol SimulatedThread: AnyObject {
  /// When it has something to do; a moment that has passed means now, nil not before somebody wakes it.
  var dueTime: MonotonicTime? { get }
  /// Does what its thread would do until it waits.
  func runTurn()
}

/// The machine that a simulation runs on: clocks that stand still until they are moved, random numbers that follow from
/// a seed, and in the place of threads a list of what would run on them, one turn at a time.
///
/// Inside ``run(_:)`` the calling thread is on this machine: ``SystemClock`` and ``SystemRandom`` ask it,
/// ``EventLoop``, ``IOThreads`` and ``StepThread`` that start there are put on its list instead of getting threads, and
/// a ``WakeUp`` that would sleep runs the others meanwhile. Other threads of the process notice nothing. Sockets are
/// the real ones.
///
/// Nothing runs by itself: the simulation moves the clock and chooses who has the next turn, so that the same seed
/// always takes the same course.
@safe
package final class SimulatedMachine {
  private struct Entry {
    let thread: any SimulatedThread
    /// It is on the stack: it waits for something, and others have their turns.
    var isRunning = false
  }

  private let state: UnsafeMutablePointer<apus_machine>
  private var entries: [Entry] = []

  /// A machine on which it is `wall`, and whose random numbers follow from `seed`.
  package init(wall: WallTime, seed: UInt64) {
    unsafe state = UnsafeMutablePointer<apus_machine>.allocate(capacity: 1)
    unsafe state.initialize(
      to: apus_machine(
        wall_milliseconds: wall.milliseconds, monotonic_nanoseconds: 1_000_000_000, random: seed, owner: nil))
    unsafe state.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { unsafe state.deallocate() }

  /// The machine that the calling thread is on; nil for the real one.
  static var current: SimulatedMachine? {
    guard let state = unsafe apus_simulated_machine(), let owner = unsafe state.pointee.owner else { return nil }
    return unsafe Unmanaged<SimulatedMachine>.fromOpaque(owner).takeUnretainedValue()
  }

  /// Runs `body` on this machine.
  package func run<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = unsafe apus_simulated_machine()
    unsafe apus_simulate_machine(state)
    defer { unsafe apus_simulate_machine(before) }
    return try body()
  }

  // MARK: Clocks

  /// The time of day. It may be set to anything.
  package var wall: WallTime {
    get { unsafe WallTime(milliseconds: state.pointee.wall_milliseconds) }
    set { unsafe state.pointee.wall_milliseconds = newValue.milliseconds }
  }

  /// The time since the machine started.
  package var monotonic: MonotonicTime { unsafe MonotonicTime(nanoseconds: state.pointee.monotonic_nanoseconds) }

  /// Lets time pass, by both clocks.
  package func advance(by milliseconds: Int64) {
    unsafe state.pointee.wall_milliseconds += milliseconds
    unsafe state.pointee.monotonic_nanoseconds += milliseconds * 1_000_000
  }

  // MARK: Turns

  /// How many threads there would be.
  package var threadCount: Int { entries.count }

  /// When the next one has something to do; nil when all wait to be woken.
  package var nextDueTime: MonotonicTime? {
    entries.compactMap { $0.isRunning ? nil : $0.thread.dueTime }.min()
  }

  /// Gives one thread a turn, whether it has something to do or not: loops find out by looking.
  package func runTurn(of index: Int) {
    guard !entries[index].isRunning else { return }
    let thread = entries[index].thread
    entries[index].isRunning = true
    thread.runTurn()
    if let index = entries.firstIndex(where: { $0.thread === thread }) { entries[index].isRunning = false }
  }

  /// Gives everyone that has something to do now one turn. False when nobody has.
  @discardableResult
  package func runDue() -> Bool {
    var hasRun = false
    for thread in entries.map(\.thread) {
      guard let index = entries.firstIndex(where: { $0.thread === thread }), !entries[index].isRunning,
        let due = thread.dueTime, due <= monotonic
      else { continue }
      runTurn(of: index)
      hasRun = true
    }
    return hasRun
  }

  func add(_ thread: any SimulatedThread) { entries.append(Entry(thread: thread)) }

  /// The process on the machine is being taken apart: only its loops still have turns, to let go of what they hold.
  package func endThreads() { entries.removeAll { !($0.thread is EventLoop) } }

  /// The process on the machine has ended: none of its threads has another turn.
  package func endProcess() { entries = [] }

  func remove(_ thread: any SimulatedThread) { entries.removeAll { $0.thread === thread } }

  /// Lets the others run, and time pass, until `isDone` or the deadline. Returns the former.
  func wait(until deadline: MonotonicTime?, isDone: () -> Bool) -> Bool {
    var rounds = 0
    while true {
      if isDone() { return true }
      if let deadline, deadline <= monotonic { return false }
      rounds += 1
      // Time passes also while somebody is always busy.
      if rounds % 64 == 0 { advance(by: 1) }
      if runDue() { continue }
      guard let next = [nextDueTime, deadline].compactMap({ $0 }).min() else {
        preconditionFailure("everybody on the simulated machine waits, and nobody will wake them")
      }
      let nanoseconds = max((next - monotonic).nanoseconds, 0)
      advance(by: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1))
    }
  }
}
