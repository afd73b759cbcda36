import ApusBase
import ApusModel
import ApusSystem
import Testing

@testable import ApusClient

/// How jobs get to workers.
@Suite(.timeLimit(.minutes(10))) struct ConsumeJobsTests {
  /// Jobs, and the loop that keeps the time of those that come later.
  private final class Fixture {
    let loop: EventLoop
    let jobs: ConsumeJobs

    init() throws {
      loop = try EventLoop(index: 0, name: "jobs")
      try loop.start()
      jobs = ConsumeJobs(loop)
    }

    deinit {
      loop.stop()
      loop.join()
    }
  }

  private static func job(_ number: Int) -> ConsumeJob {
    .came(QueueWork(MessageQueue(topic: "T", brokerName: "b", queueID: Int32(number)), from: 0))
  }

  private static func number(of job: ConsumeJob?) -> Int? {
    switch job {
    case .came(let queue), .again(let queue, _), .goOn(let queue): Int(queue.queue.queueID)
    case nil: nil
    }
  }

  @Test func `a job that was handed out is let go of`() async throws {
    let fixture = try Fixture()
    var queue: QueueWork? = QueueWork(MessageQueue(topic: "T", brokerName: "b", queueID: 0), from: 0)
    weak let held = queue
    if let queue { fixture.jobs.add(.came(queue)) }
    queue = nil
    #expect(held != nil)
    _ = await fixture.jobs.next()
    #expect(held == nil)
  }

  @Test func `jobs that no worker waits for come in their order`() async throws {
    let fixture = try Fixture()
    for number in 0..<200 { fixture.jobs.add(Self.job(number)) }
    for number in 0..<100 { #expect(await Self.number(of: fixture.jobs.next()) == number) }
    for number in 200..<300 { fixture.jobs.add(Self.job(number)) }
    for number in 100..<300 { #expect(await Self.number(of: fixture.jobs.next()) == number) }
  }

  @Test func `each job is given to one worker`() async throws {
    let fixture = try Fixture()
    let jobs = fixture.jobs
    await withTaskGroup(of: [Int].self) { group in
      for _ in 0..<4 {
        group.addTask {
          var done: [Int] = []
          // The last one ends all of them.
          while let number = await Self.number(of: jobs.next()) {
            done.append(number)
            if number == 1000 { jobs.finish() }
          }
          return done
        }
      }
      for number in 0..<1000 { jobs.add(Self.job(number)) }
      jobs.add(Self.job(1000))
      var all: [Int] = []
      for await done in group { all += done }
      #expect(all.sorted() == Array(0...1000))
    }
  }

  @Test func `a job comes after its time, and others before it`() async throws {
    let fixture = try Fixture()
    let begin = SystemClock.monotonic()
    fixture.jobs.add(Self.job(1), after: .milliseconds(20))
    fixture.jobs.add(Self.job(2))
    #expect(await Self.number(of: fixture.jobs.next()) == 2)
    #expect(await Self.number(of: fixture.jobs.next()) == 1)
    #expect(SystemClock.monotonic() >= begin + .milliseconds(20))
  }

  @Test func `the end releases those who wait, and drops what waits and what comes`() async throws {
    let fixture = try Fixture()
    let jobs = fixture.jobs
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<3 { group.addTask { await jobs.next() == nil } }
      jobs.finish()
      for await isOver in group { #expect(isOver) }
    }
    jobs.add(Self.job(1))
    #expect(await jobs.next() == nil)
  }
}
