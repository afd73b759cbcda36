import ApusBase
import ApusSystem
import Glibc
import Testing

/// A clock that stands until it is moved.
final class ManualClock: Sendable {
  private let time = Locked(MonotonicTime(nanoseconds: 0))

  var now: MonotonicTime { time.withLock { $0 } }

  func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

extension EventLoop {
  /// Runs `body` on the loop and waits for what it returns.
  func sync<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Value {
    let done = WakeUp()
    let result = Locked<Value?>(nil)
    let isAccepted = execute {
      let value = body()
      result.withLock { $0 = value }
      done.signal()
    }
    precondition(isAccepted, "the loop has stopped")
    while true {
      if let value = result.withLock({ $0 }) { return value }
      done.wait(until: nil)
    }
  }
}

/// Counts calls and reads what comes.
private final class Recorder: EventHandler, @unchecked Sendable {
  let descriptor: Int32
  var received: [UInt8] = []
  var calls = 0
  var onReady: ((Recorder, EventLoop) -> Void)?

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  func ready(_ events: ReadyEvents, on loop: EventLoop) {
    calls += 1
    if let onReady { return onReady(self, loop) }
    while true {
      let count = unsafe Socket.receive(descriptor, into: loop.readBuffer)
      guard count > 0 else { return }
      unsafe received.append(contentsOf: loop.readBuffer[..<count])
    }
  }
}

private final class TurnRecorder: TurnObserver, @unchecked Sendable {
  var ticks: [MonotonicTime] = []
  var order: [String] = []

  func turnEnded(on loop: EventLoop) { if order.last == "work" { order.append("turnEnded") } }
  func flush(on loop: EventLoop) { if order.last == "turnEnded" { order.append("flush") } }
  func tick(on loop: EventLoop, now: MonotonicTime) { ticks.append(now) }
}

@Suite(.timeLimit(.minutes(10))) final class EventLoopTests: Sendable {
  let clock = ManualClock()
  let loop: EventLoop

  init() throws {
    let clock = clock
    loop = try EventLoop(name: "test-loop", clock: { clock.now })
    try loop.start()
  }

  deinit {
    loop.stop()
    loop.join()
  }

  /// Waits until a condition holds, turn by turn; fails when it never does.
  private func until(at location: SourceLocation = #_sourceLocation, _ holds: () -> Bool) throws {
    let deadline = SystemClock.monotonic() + .seconds(300)
    while !holds() {
      try #require(SystemClock.monotonic() < deadline, "waited in vain", sourceLocation: location)
      loop.sync {}
    }
  }

  private func socketPair() -> (Int32, Int32) {
    var pair: [Int32] = [0, 0]
    let result = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &pair)
    precondition(result == 0)
    return (pair[0], pair[1])
  }

  @Test func `runs work in order`() {
    let numbers = Locked<[Int]>([])
    for number in 0..<1000 { loop.execute { numbers.withLock { $0.append(number) } } }
    #expect(loop.sync { numbers.withLock { $0 } } == Array(0..<1000))
  }

  @Test func `work of many threads all runs`() throws {
    let count = Locked(0)
    let threads = try (0..<4).map { number in
      try Thread.start(name: "submit-\(number)") { [loop] in
        for _ in 0..<5000 { loop.execute { count.withLock { $0 += 1 } } }
      }
    }
    for thread in threads { thread.join() }
    #expect(loop.sync { count.withLock { $0 } } == 20_000)
  }

  @Test func `work handed over before the stop runs, later work is refused`() throws {
    let other = try EventLoop(index: 1)
    let count = Locked(0)
    other.execute { count.withLock { $0 += 1 } }
    other.stop()
    other.execute { count.withLock { $0 += 1 } }
    try other.start()
    other.join()
    #expect(count.withLock { $0 } == 2)
    #expect(!other.execute {})
  }

  @Test func `timers run when their time has come, in order, unless cancelled`() {
    let order = Locked<[String]>([])
    loop.sync { [self] in
      loop.schedule(after: .seconds(2)) { order.withLock { $0.append("second") } }
      loop.schedule(after: .seconds(1)) { order.withLock { $0.append("first") } }
      loop.schedule(after: .seconds(2)) { order.withLock { $0.append("third") } }
      let cancelled = loop.schedule(after: .seconds(1)) { order.withLock { $0.append("cancelled") } }
      loop.cancel(cancelled)
    }
    clock.advance(by: .milliseconds(999))
    loop.sync {}
    // A timer runs after the work of its turn: the second one looks at the turn before.
    #expect(loop.sync { order.withLock { $0 } }.isEmpty)
    clock.advance(by: .milliseconds(1))
    loop.sync {}
    #expect(loop.sync { order.withLock { $0 } } == ["first"])
    clock.advance(by: .seconds(5))
    loop.sync {}
    #expect(loop.sync { order.withLock { $0 } } == ["first", "second", "third"])
  }

  @Test func `a timer does not wait until all descriptors that are ready have had their turn`() throws {
    let (handled, before) = (Locked(0), Locked<Int?>(nil))
    let pairs = (0..<20).map { _ in socketPair() }
    let failure = loop.sync { [clock, loop] () -> SystemError? in
      for (own, _) in pairs {
        let recorder = Recorder(own)
        recorder.onReady = { _, _ in
          clock.advance(by: .milliseconds(1))
          handled.withLock { $0 += 1 }
        }
        do throws(SystemError) {
          // That it can be written to is an event at once.
          _ = try loop.add(own, recorder)
        } catch {
          return error
        }
      }
      loop.schedule(after: .milliseconds(3)) { before.withLock { $0 = handled.withLock { $0 } } }
      return nil
    }
    #expect(failure == nil)
    try until { handled.withLock { $0 } == pairs.count }
    loop.sync {}
    #expect(before.withLock { $0 } == 4)
    loop.stop()
    loop.join()
    for (own, other) in pairs {
      Socket.close(own)
      Socket.close(other)
    }
  }

  @Test func `timers go by the time that it is, and one that they make comes after everything else`() throws {
    let (order, times) = (Locked<[String]>([]), Locked<[MonotonicTime]>([]))
    @Sendable func again() {
      times.withLock { $0.append(loop.now) }
      order.withLock { $0.append("timer") }
      loop.execute { order.withLock { $0.append("work") } }
      if times.withLock({ $0.count }) < 3 { loop.schedule(at: loop.now, again) }
    }
    loop.sync { [clock, loop] in
      loop.schedule(at: loop.now, again)
      // The turn takes long.
      clock.advance(by: .seconds(1))
    }
    try until { times.withLock { $0.count } == 3 }
    #expect(times.withLock { $0 } == Array(repeating: clock.now, count: 3))
    #expect(loop.sync { order.withLock { $0 } } == ["timer", "work", "timer", "work", "timer", "work"])
  }

  @Test func `many timers run once each however many are cancelled`() {
    let ran = Locked<[Int]>([])
    loop.sync { [self] in
      var timers: [EventLoop.Timer] = []
      for number in 0..<1000 {
        timers.append(loop.schedule(after: .milliseconds(number * 7 % 1000)) { ran.withLock { $0.append(number) } })
      }
      for number in 0..<1000 where number % 10 != 0 { loop.cancel(timers[number]) }
    }
    clock.advance(by: .seconds(1))
    loop.sync {}
    let numbers = loop.sync { ran.withLock { $0 } }
    #expect(numbers.sorted() == Array(stride(from: 0, to: 1000, by: 10)))
    #expect(numbers == numbers.sorted { $0 * 7 % 1000 < $1 * 7 % 1000 })
  }

  @Test func `ticks only when asked, and not more often than every 10 ms`() {
    let recorder = TurnRecorder()
    loop.sync { [loop] in loop.observe(recorder) }
    clock.advance(by: .seconds(1))
    loop.sync {}
    #expect(loop.sync { recorder.ticks }.isEmpty)
    loop.sync { [loop] in loop.requestTick(at: loop.now) }
    #expect(loop.sync { recorder.ticks }.count == 1)
    loop.sync { [loop] in loop.requestTick(at: loop.now) }
    #expect(loop.sync { recorder.ticks }.count == 1)
    clock.advance(by: .milliseconds(10))
    loop.sync {}
    #expect(loop.sync { recorder.ticks }.count == 2)
    clock.advance(by: .seconds(1))
    loop.sync {}
    #expect(loop.sync { recorder.ticks }.count == 2)
  }

  @Test func `a turn ends with turnEnded and then flush`() {
    let recorder = TurnRecorder()
    loop.sync { [loop] in
      loop.observe(recorder)
      recorder.order = ["work"]
    }
    #expect(loop.sync { recorder.order } == ["work", "turnEnded", "flush"])
  }

  @Test func `tells of what can be read, at once and later`() throws {
    let (near, far) = socketPair()
    defer { Socket.close(far) }
    let recorder = Recorder(near)
    #expect(Socket.send(far, [UInt8]("before".utf8).rawSpan) == 6)
    let loop = loop
    let added = loop.sync { Result { try loop.add(near, recorder) } }
    let id = try added.get()
    try until { loop.sync { recorder.received }.count >= 6 }
    #expect(Socket.send(far, [UInt8]("after".utf8).rawSpan) == 5)
    try until { loop.sync { recorder.received }.count >= 11 }
    #expect(loop.sync { String(decoding: recorder.received, as: UTF8.self) } == "beforeafter")
    #expect(loop.load == 1)
    loop.sync { loop.remove(id, near) }
    Socket.close(near)
    #expect(loop.load == 0)
    let isGone = loop.sync { loop.handler(id) == nil }
    #expect(isGone)
  }

  @Test func `an event for a place that has a new owner finds nobody`() throws {
    let (first, firstFar) = socketPair()
    let (second, secondFar) = socketPair()
    let victim = Recorder(second)
    let killer = Recorder(first)
    let loop = loop
    // Both are ready in the same turn; whichever comes first removes the other, which must not be called any more.
    let ids = Locked<(HandlerID?, HandlerID?)>((nil, nil))
    killer.onReady = { recorder, loop in
      if victim.calls == 0, let id = ids.withLock({ $0.1 }) { loop.remove(id, second) }
    }
    victim.onReady = { recorder, loop in
      if killer.calls == 0, let id = ids.withLock({ $0.0 }) { loop.remove(id, first) }
    }
    loop.sync {
      do {
        let one = try loop.add(first, killer)
        let two = try loop.add(second, victim)
        ids.withLock { $0 = (one, two) }
      } catch { Issue.record(error) }
    }
    #expect(loop.sync { killer.calls + victim.calls } == 1)
    for descriptor in [first, firstFar, second, secondFar] { Socket.close(descriptor) }
  }

  @Test func `calls again in the next turn, stalled ones after the resume`() {
    let recorder = Recorder(-1)
    recorder.onReady = { _, _ in }
    loop.sync { [loop] in
      loop.callAgain(recorder)
      loop.stall(recorder)
    }
    loop.sync {}
    #expect(loop.sync { recorder.calls } == 1)
    loop.sync { [loop] in loop.resumeStalled() }
    loop.sync {}
    #expect(loop.sync { recorder.calls } == 2)
    loop.sync { [loop] in loop.resumeStalled() }
    loop.sync {}
    #expect(loop.sync { recorder.calls } == 2)
  }
}

@Suite struct SocketTests {
  @Test func `a port that listens cannot be bound again and the error names it`() throws {
    let first = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(first) }
    let address = try Socket.localAddress(first)
    #expect(address.port != 0)
    let error = #expect(throws: SystemError.self) { try Socket.listen(on: address) }
    #expect(error?.errno == EADDRINUSE)
    #expect(error?.operation == "port in use: listen on 127.0.0.1:\(address.port)")
    #expect(throws: SystemError.self) { try Socket.listen(on: .any(port: address.port)) }
  }

  @Test(arguments: [
    (0 as UInt64, 1 as UInt64, "::1"), (0x2001_0DB8_0000_0000, 1, "2001:db8::1"), (0, 0, "::"),
    (0x2001_0DB8_0000_0001, 0x0001_0000_0000_0001, "2001:db8:0:1:1::1"),
    (0x0001_0002_0003_0004, 0x0005_0006_0007_0008, "1:2:3:4:5:6:7:8"),
    (0x0001_0000_0003_0004, 0x0005_0006_0007_0008, "1:0:3:4:5:6:7:8"),
  ])
  func `writes IPv6 addresses in their short form`(high: UInt64, low: UInt64, text: String) throws {
    let address = SocketAddress(ipv6High: high, low: low, port: 9876)
    #expect(address.description == "[\(text)]:9876")
    #expect(try SocketAddress.resolve(text, port: 9876) == [address])
  }

  @Test(arguments: [
    ("localhost:5", "localhost", 5 as UInt16), ("[::1]:9876", "[::1]", 9876), ("a/\u{301}:65535", "a/\u{301}", 65_535),
  ])
  func `tells host and port apart`(text: String, host: String, port: UInt16) throws {
    let parts = try #require(SocketAddress.parts(of: text))
    #expect(parts.host == host && parts.port == port)
  }

  @Test(arguments: ["localhost", ":5", "localhost:", "localhost:0", "localhost:65536", ""])
  func `refuses what has no host or no port`(text: String) {
    #expect(SocketAddress.parts(of: text) == nil)
  }

  @Test func `resolves addresses and names`() throws {
    #expect(try SocketAddress.resolve("10.1.2.3", port: 5) == [SocketAddress(ipv4: 0x0A01_0203, port: 5)])
    #expect(try SocketAddress.resolve("localhost", port: 5).contains { $0.isLoopback })
    let unknown = #expect(throws: SystemError.self) { try SocketAddress.resolve("no.such.host.invalid", port: 5) }
    // What the resolver says of it, and nothing of an errno: which sentence depends on the machine's network.
    #expect(unknown?.description == "resolve no.such.host.invalid: \(unknown?.reason ?? "")")
    #expect(try SocketAddress.own().contains { $0.isLoopback })
  }
}
