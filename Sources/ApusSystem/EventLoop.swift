package import ApusBase
import CPosix
import Glibc
import Synchronization

/// One thread that waits for descriptors, timers and work of other threads, and hands each to who asked for it.
///
/// A turn: wait; handlers of ready descriptors; work of other threads; timers and tick; observers' `turnEnded`;
/// observers' `flush`. When the handlers of a turn take longer than ``stretch``, those left over have their turn next,
/// so that under load timers are late by one stretch and not by all that has come. Apart from `execute…`, `stop`
/// and `join` everything is called on the loop's own thread, or before it is started. An idle loop does not wake up.
///
/// Descriptors are watched edge-triggered: a handler is told once that something has become possible and goes on until
/// it no longer is, or asks to be called again. Pausing and resuming a connection therefore costs no system call.
@safe
package final class EventLoop: @unchecked Sendable {
  /// Work handed over from another thread.
  package typealias Work = @Sendable () -> Void
  /// A timer that can be taken back.
  package struct Timer: Hashable, Sendable { let id: UInt64 }

  private struct Slot {
    var handler: (any EventHandler)?
    var generation: UInt32
  }

  private struct Inbox {
    var work: [Work] = []
    var isClosed = false
  }

  /// The number that is part of the ids of the loop's descriptors.
  package let index: Int
  /// The name of the loop's thread.
  package let name: String
  /// The time at the start of the turn, and of its timers.
  package private(set) var now: MonotonicTime
  /// The time that it is, by the loop's clock.
  package var time: MonotonicTime { clock() }
  /// How many descriptors have a handler; for choosing the least loaded loop, from any thread.
  package var load: Int { handlerCount.load(ordering: .relaxed) }
  /// Memory that handlers read into; what is to stay longer than the call is copied.
  package let readBuffer: UnsafeMutableRawBufferPointer

  private let clock: @Sendable () -> MonotonicTime
  private let epoll: Int32
  private let waker: Int32
  private let events: UnsafeMutablePointer<epoll_event>
  private static let eventCapacity: Int32 = 256
  private static let wakerToken = UInt64.max
  /// How long handlers are called in one turn.
  private static let stretch = Duration.milliseconds(2)
  /// Ticks come at most this often.
  private static let tickInterval = Duration.milliseconds(10)

  private var slots: ContiguousArray<Slot> = []
  private var freeSlots: ContiguousArray<Int> = []
  private let handlerCount = Atomic<Int>(0)
  private var observers: [any TurnObserver] = []
  private var again: [any EventHandler] = []
  /// Which of the events of the last wait were not handled yet.
  private var unhandled = 0..<0
  private var stalled: [any EventHandler] = []
  private var timers = TimerHeap()
  private var nextTick: MonotonicTime?
  private var lastTick = MonotonicTime(nanoseconds: .min / 2)

  private let inbox = Locked(Inbox())
  private let hasWork = Atomic<Bool>(false)
  private let isWaiting = Atomic<Bool>(false)
  private var working: [Work] = []
  /// What the loop's own thread handed over, in this turn or by the work of the last.
  private var own: [Work] = []
  /// The loop's thread while it runs; 0 before and after.
  private let runner = Atomic<UInt>(0)
  private var isStopping = false
  private let thread = Locked<Thread?>(nil)

  /// Makes a loop that is not running yet. Loops that exist at the same time need different indices, 0…255. `clock`
  /// replaces the machine's clock in tests.
  package init(
    index: Int = 0, name: String = "apus-loop", readBufferBytes: Int = 256 << 10,
    clock: @escaping @Sendable () -> MonotonicTime = SystemClock.monotonic
  ) throws(SystemError) {
    precondition((0...255).contains(index), "a loop's index has 8 bits")
    self.index = index
    self.name = name
    self.clock = clock
    now = clock()
    epoll = try Syscall.check(apus_epoll_create(), "epoll_create1")
    let result = apus_eventfd()
    guard result >= 0 else {
      _ = apus_close(epoll)
      throw SystemError(errno: -result, operation: "eventfd")
    }
    waker = result
    // Edge-triggered, so that it never has to be read.
    let watched = apus_epoll_change(
      epoll, EPOLL_CTL_ADD, waker, EPOLLIN.rawValue | EPOLLET.rawValue, EventLoop.wakerToken)
    guard watched == 0 else {
      _ = apus_close(epoll)
      _ = apus_close(waker)
      throw SystemError(errno: -watched, operation: "epoll_ctl eventfd")
    }
    unsafe events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Int(EventLoop.eventCapacity))
    unsafe readBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readBufferBytes, alignment: 4096)
  }

  deinit {
    _ = apus_close(epoll)
    _ = apus_close(waker)
    unsafe events.deallocate()
    unsafe readBuffer.deallocate()
  }

  // MARK: From any thread

  /// Starts the loop's thread.
  package func start() throws(SystemError) {
    if let machine = SimulatedMachine.current { return machine.add(self) }
    let started = try Thread.start(name: name) { [self] in run() }
    thread.withLock { $0 = started }
  }

  /// Runs `work` on the loop, in the order given. A batch handed over while the loop sleeps costs one wake-up, while it
  /// is busy none. False when the loop has stopped, and then it will not run.
  @discardableResult
  package func execute(_ work: @escaping Work) -> Bool {
    let isAccepted = inbox.withLock { inbox in
      guard !inbox.isClosed else { return false }
      inbox.work.append(work)
      return true
    }
    guard isAccepted else { return false }
    // Either this sees that the loop is about to wait, or the loop sees the work before it waits.
    hasWork.store(true, ordering: .sequentiallyConsistent)
    if isWaiting.exchange(false, ordering: .sequentiallyConsistent) {
      var one: UInt64 = 1
      // It can only fail when 2^64 wake-ups wait, and then there is one.
      _ = unsafe withUnsafeBytes(of: &one) { unsafe apus_write(waker, $0.baseAddress, $0.count) }
    }
    return true
  }

  /// As ``execute(_:)``, and returns when `work` has run; at once when the loop has stopped. Not to be called on the
  /// loop itself.
  package func executeAndWait(_ work: @escaping Work) {
    let done = WakeUp()
    let isAccepted = execute {
      work()
      done.signal()
    }
    if isAccepted { done.wait(until: nil) }
  }

  /// As ``execute(_:)``, and cheaper on the loop's own thread, where it runs after what came from other threads.
  @discardableResult
  package func enqueue(_ work: @escaping Work) -> Bool {
    guard runner.load(ordering: .relaxed) == pthread_self() else { return execute(work) }
    own.append(work)
    return true
  }

  /// Ends the loop after the turn it is in and after the work handed over before.
  package func stop() {
    execute { [self] in isStopping = true }
  }

  /// Waits until the loop's thread has ended.
  package func join() {
    if SimulatedMachine.current != nil {
      while !inbox.withLock({ $0.isClosed }) { runTurn() }
      return
    }
    let started = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    started?.join()
  }

  // MARK: On the loop

  /// Watches a descriptor from now on; the handler is told at once about what is already possible.
  package func add(_ descriptor: Int32, _ handler: any EventHandler) throws(SystemError) -> HandlerID {
    let slot = freeSlots.popLast() ?? slots.count
    precondition(slot < HandlerID.slotLimit, "more descriptors than a loop has places")
    if slot == slots.count { slots.append(Slot(handler: nil, generation: 0)) }
    // Never 0, so that no id is 0.
    let generation = slots[slot].generation == .max ? 1 : slots[slot].generation + 1
    let id = HandlerID(slot: slot, generation: generation, loop: UInt8(index))
    let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
    let result = apus_epoll_change(epoll, EPOLL_CTL_ADD, descriptor, events, id.rawValue)
    guard result == 0 else {
      freeSlots.append(slot)
      throw SystemError(errno: -result, operation: "epoll_ctl")
    }
    slots[slot] = Slot(handler: handler, generation: generation)
    handlerCount.add(1, ordering: .relaxed)
    return id
  }

  /// Stops watching a descriptor, which is to be closed after it; it gets no more calls.
  package func remove(_ id: HandlerID, _ descriptor: Int32) {
    guard handler(id) != nil else { return }
    slots[id.slot].handler = nil
    freeSlots.append(id.slot)
    handlerCount.subtract(1, ordering: .relaxed)
    let result = apus_epoll_change(epoll, EPOLL_CTL_DEL, descriptor, 0, 0)
    precondition(result == 0, "epoll_ctl answered \(result) for a descriptor that was watched")
  }

  /// The handler of an id; nil when it is gone or belongs to another loop.
  package func handler(_ id: HandlerID) -> (any EventHandler)? {
    guard id.loop == index, id.slot < slots.count else { return nil }
    let slot = slots[id.slot]
    return slot.generation == id.generation ? slot.handler : nil
  }

  /// Adds one that is called around turns, after those added before.
  package func observe(_ observer: any TurnObserver) { observers.append(observer) }

  /// Calls a handler in the next turn, which then does not wait. Asking twice calls twice.
  package func callAgain(_ handler: any EventHandler) { again.append(handler) }

  /// Calls a handler in the turn after ``resumeStalled()``.
  package func stall(_ handler: any EventHandler) { stalled.append(handler) }

  /// Calls, in the next turn, all handlers that had to wait for something.
  package func resumeStalled() {
    again.append(contentsOf: stalled)
    stalled.removeAll(keepingCapacity: true)
  }

  /// Runs `action` once, not before the time given.
  @discardableResult
  package func schedule(at time: MonotonicTime, _ action: @escaping () -> Void) -> Timer {
    Timer(id: timers.add(at: time, action))
  }

  /// Runs `action` once, not before the duration is over.
  @discardableResult
  package func schedule(after duration: Duration, _ action: @escaping () -> Void) -> Timer {
    schedule(at: clock() + duration, action)
  }

  /// Takes a timer back; one that has run is no error.
  package func cancel(_ timer: Timer) { timers.cancel(timer.id) }

  /// Asks for one `tick` of all observers, not before the time given and at least 10 ms after the last one. Of several
  /// times asked for the earliest counts; whoever needs more asks again.
  package func requestTick(at time: MonotonicTime) {
    let time = max(time, lastTick + EventLoop.tickInterval)
    if let nextTick, nextTick <= time { return }
    nextTick = time
  }
}

extension EventLoop {
  /// Runs the loop on the calling thread until it is stopped.
  package func run() {
    runner.store(pthread_self(), ordering: .relaxed)
    while !isStopping || !own.isEmpty { turn(waiting: true) }
    end()
    runner.store(0, ordering: .relaxed)
  }

  /// Does what is left to do after the last turn.
  private func end() {
    let left = inbox.withLock { inbox in
      inbox.isClosed = true
      // What is left here may hold the loop.
      defer { inbox.work = [] }
      return inbox.work
    }
    for work in left { work() }
    for observer in observers { observer.turnEnded(on: self) }
    for observer in observers { observer.flush(on: self) }
    endHandlers()
    // They hold the loop.
    observers = []
    slots = []
    again = []
    stalled = []
    timers = TimerHeap()
  }

  /// Handlers hold themselves and descriptors: without this a connection whose peer did not fetch everything would stay
  /// open for ever.
  private func endHandlers() {
    let left = slots.compactMap { $0.handler }
    guard !left.isEmpty else { return }
    for handler in left { handler.loopEnded(self) }
    // Observers learn what has been closed.
    for observer in observers { observer.flush(on: self) }
  }

  private func turn(waiting: Bool) {
    if unhandled.isEmpty { receiveEvents(waiting: waiting) }
    now = clock()
    let end = now + Self.stretch
    handleEvents(until: end)
    if !again.isEmpty { callAgainHandlers(until: end) }
    if hasWork.load(ordering: .relaxed) { runWork() }
    if !own.isEmpty { runOwn() }
    if let next = timers.next, next <= clock() { runTimers() }
    if let tick = nextTick, tick <= now {
      nextTick = nil
      lastTick = now
      for observer in observers { observer.tick(on: self, now: now) }
    }
    for observer in observers { observer.turnEnded(on: self) }
    for observer in observers { observer.flush(on: self) }
  }

  private func receiveEvents(waiting: Bool) {
    isWaiting.store(waiting, ordering: .sequentiallyConsistent)
    let isBusy = !own.isEmpty || hasWork.load(ordering: .sequentiallyConsistent)
    let timeout = !waiting || isBusy ? 0 : waitMilliseconds()
    let count = unsafe apus_epoll_wait(epoll, events, EventLoop.eventCapacity, timeout)
    isWaiting.store(false, ordering: .relaxed)
    precondition(count >= 0, "epoll_wait failed with \(-count)")
    unhandled = 0..<Int(count)
  }

  /// Calls the handlers of the events that came, at least one.
  private func handleEvents(until end: MonotonicTime) {
    while let position = unhandled.first {
      unhandled = position + 1..<unhandled.upperBound
      let event = unsafe events + position
      let token = unsafe apus_event_token(event)
      if token == EventLoop.wakerToken { continue }
      // Somebody else may have closed it meanwhile.
      guard let handler = handler(HandlerID(rawValue: token)) else { continue }
      unsafe handler.ready(ReadyEvents(rawValue: event.pointee.events), on: self)
      if !unhandled.isEmpty, clock() >= end { return }
    }
  }

  /// 0 for not at all, −1 for as long as it takes; rounded up, so that no timer is early.
  private func waitMilliseconds() -> Int32 {
    if !again.isEmpty { return 0 }
    var deadline = timers.next
    if let tick = nextTick, tick < deadline ?? tick + .nanoseconds(1) { deadline = tick }
    guard let deadline else { return -1 }
    let nanoseconds = (deadline - clock()).nanoseconds
    return nanoseconds <= 0 ? 0 : Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1))
  }

  private func callAgainHandlers(until end: MonotonicTime) {
    // Those that ask once more wait for the next turn, so that nobody starves the descriptors.
    let handlers = again
    again.removeAll(keepingCapacity: true)
    for (position, handler) in handlers.enumerated() {
      handler.ready([], on: self)
      guard clock() >= end, position + 1 < handlers.count else { continue }
      again.insert(contentsOf: handlers[(position + 1)...], at: 0)
      return
    }
  }

  private func runWork() {
    hasWork.store(false, ordering: .sequentiallyConsistent)
    inbox.withLock { swap(&$0.work, &working) }
    runTaken()
  }

  private func runOwn() {
    swap(&own, &working)
    runTaken()
  }

  private func runTaken() {
    for work in working { work() }
    working.removeAll(keepingCapacity: true)
  }

  private func runTimers() {
    // What came before may have taken long: timers go by the time that it is. One that a timer makes has its turn next,
    // also when it is due already, so that none can keep the loop for itself.
    now = clock()
    let last = timers.lastID
    while let action = timers.popDue(now, madeUpTo: last) { action() }
  }
}

extension EventLoop: SimulatedThread {
  var dueTime: MonotonicTime? {
    if !again.isEmpty || !unhandled.isEmpty || !own.isEmpty || hasWork.load(ordering: .relaxed) {
      return MonotonicTime(nanoseconds: .min)
    }
    return [timers.next, nextTick].compactMap { $0 }.min()
  }

  func runTurn() {
    turn(waiting: false)
    guard isStopping else { return }
    SimulatedMachine.current?.remove(self)
    end()
  }
}
