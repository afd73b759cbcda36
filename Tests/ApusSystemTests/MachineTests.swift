import ApusBase
import ApusSystem
import Glibc
import Testing

@Suite struct MachineTests {
  @Test func `the monotonic clock does not go back and the wall clock is in this century`() {
    let first = SystemClock.monotonic()
    let second = SystemClock.monotonic()
    #expect(second >= first)
    #expect(SystemClock.wall().milliseconds > 1_700_000_000_000)
  }

  @Test func `breaks a moment down in UTC`() {
    let time = LocalTime.utc(WallTime(milliseconds: 1_795_222_923_456))
    #expect(time.iso == "2026-11-21T01:02:03.456")
    #expect(time.compact == "20261121010203456")
    #expect(LocalTime.utc(WallTime(milliseconds: -1)).compact == "19691231235959999")
  }

  @Test func `a local moment and back is the same moment`() {
    let moment = LocalTime.moment(year: 2026, month: 7, day: 1, hour: 4, minute: 5, second: 6, millisecond: 7)
    let local = LocalTime(moment)
    #expect(local.compact == "20260701040506007")
    #expect(local.hour == 4)
  }

  @Test(arguments: [Int64.min, .max]) func `a moment beyond the calendar does not trap`(milliseconds: Int64) {
    #expect(LocalTime(WallTime(milliseconds: milliseconds)).month >= 1)
  }

  @Test func `a thread runs, has its name and can be joined`() throws {
    let name = Locked("")
    let thread = try Thread.start(name: "a name that is much too long") {
      do {
        let disk = PosixDisk()
        let file = try disk.open("/proc/thread-self/comm", create: false)
        defer { disk.close(file) }
        let text = try disk.readText(file, at: 0, count: 64)
        name.withLock { $0 = text }
      } catch { Issue.record(error) }
    }
    thread.join()
    #expect(name.withLock { $0 } == "a name that is \n")
    #expect(Thread.processorCount >= 1)
  }

  @Test func `random bytes differ and come in any count`() {
    #expect(SystemRandom.bytes(16) != SystemRandom.bytes(16))
    #expect((0...20).map { SystemRandom.bytes($0).count } == Array(0...20))
  }

  @Test func `raises the descriptor limit to the hard one`() throws {
    let limit = try DescriptorLimit.raise()
    #expect(limit.soft == limit.hard)
    #expect(try DescriptorLimit.current() == limit)
  }

  @Test func `a signal that asks to end is waited for instead of ending the process`() async {
    await #expect(processExitsWith: .exitCode(15)) {
      // In a process of its own, on a thread that blocks the signals before it sends one to itself.
      let signals = try Signals()
      pthread_kill(pthread_self(), SIGTERM)
      exit(try signals.wait().rawValue)
    }
  }

  @Test func `a hang-up is waited for too, and signals for users are ignored`() async {
    await #expect(processExitsWith: .exitCode(1)) {
      // Whoever started the tests may have had it ignored.
      signal(SIGHUP, SIG_DFL)
      let signals = try Signals()
      pthread_kill(pthread_self(), SIGUSR1)
      pthread_kill(pthread_self(), SIGUSR2)
      pthread_kill(pthread_self(), SIGQUIT)
      pthread_kill(pthread_self(), SIGHUP)
      exit(try signals.wait().rawValue)
    }
  }

  @Test func `a hang-up that was ignored at the start stays so`() async {
    await #expect(processExitsWith: .exitCode(15)) {
      signal(SIGHUP, SIG_IGN)
      let signals = try Signals()
      pthread_kill(pthread_self(), SIGHUP)
      pthread_kill(pthread_self(), SIGTERM)
      exit(try signals.wait().rawValue)
    }
  }

  @Test func `errors name the call and the cause`() {
    let error = SystemError(errno: ENOENT, operation: "open x")
    #expect(error.description == "open x: No such file or directory")
  }
}
