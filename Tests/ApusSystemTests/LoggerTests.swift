import ApusBase
import ApusSystem
import Foundation
import Testing

@testable import ApusSystem

@Suite(.timeLimit(.minutes(10))) struct LoggerTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `a line has time, level, component, message and fields`() {
    let line = LogLine.text(
      .info, "broker", "listening", ["address": "127.0.0.1:10911", "note": "two words", "count": 3], repeats: 2,
      at: WallTime(milliseconds: 1_795_222_923_456))
    #expect(
      line == "2026-11-21T01:02:03.456Z INFO broker: listening address=127.0.0.1:10911 note=\"two words\" count=3 "
        + "repeated=2\n")
  }

  @Test(arguments: [
    ("", "\"\""), ("a\nb", "\"a b\""), ("say \"hi\"", "\"say \\\"hi\\\"\""), ("k=v", "\"k=v\""), ("中文", "中文"),
    ("\u{9B}31m", "\" 31m\""),
  ])
  func `values cannot break out of their line`(value: String, printed: String) {
    let line = LogLine.text(.error, "x", "m", ["v": value], repeats: 0, at: WallTime(milliseconds: 0))
    #expect(line == "1970-01-01T00:00:00.000Z ERROR x: m v=\(printed)\n")
  }

  @Test func `says nothing below its level and does not build the line`() throws {
    let logger = try Logger(path: directory.file("log"), level: .warning)
    var built = false
    func build() -> String {
      built = true
      return "x"
    }
    logger.info("a", build())
    logger.debug("a", build())
    #expect(!built)
    logger.warning("a", build())
    #expect(built)
    #expect(try directory.text("log").hasSuffix(" WARN a: x\n"))
  }

  @Test func `counts repeats instead of writing them`() {
    var sampler = LogSampler(limit: 2)
    let key = LogSampler.Key(level: .warning, component: "a", message: "m")
    let start = MonotonicTime(nanoseconds: 0)
    #expect(sampler.admit(key, at: start) == 0)
    #expect(sampler.admit(key, at: start) == 0)
    #expect(sampler.admit(key, at: start) == nil)
    #expect(sampler.admit(key, at: start + .milliseconds(999)) == nil)
    #expect(sampler.admit(key, at: start + .seconds(1)) == 2)
    #expect(sampler.admit(key, at: start + .seconds(1)) == 0)
    #expect(sampler.admit(key, at: start + .seconds(1)) == nil)
    #expect(sampler.summaries(at: start + .milliseconds(1500)).isEmpty)
    #expect(sampler.summaries(at: start + .milliseconds(1900)).isEmpty)
    #expect(sampler.summaries(at: start + .seconds(3)) == [LogSampler.Summary(key: key, repeats: 1)])
    #expect(sampler.summaries(at: start + .seconds(9)).isEmpty)
  }

  @Test func `of a line about somebody one is written in ten seconds`() {
    var sampler = LogSampler(limit: 100)
    let key = LogSampler.Key(level: .warning, component: "a", message: "m", subject: "broker-a")
    let other = LogSampler.Key(level: .warning, component: "a", message: "m", subject: "broker-b")
    let start = MonotonicTime(nanoseconds: 0)
    #expect(sampler.admit(key, at: start) == 0)
    #expect(sampler.admit(key, at: start + .seconds(1)) == nil)
    #expect(sampler.admit(other, at: start + .seconds(1)) == 0)
    #expect(sampler.admit(key, at: start + .milliseconds(9999)) == nil)
    #expect(sampler.summaries(at: start + .milliseconds(9999)).isEmpty)
    #expect(sampler.admit(key, at: start + .seconds(10)) == 2)
    #expect(sampler.admit(key, at: start + .seconds(11)) == nil)
    #expect(sampler.summaries(at: start + .seconds(20)) == [LogSampler.Summary(key: key, repeats: 1)])
  }

  @Test func `remembers no more kinds of lines than it may`() {
    var sampler = LogSampler(limit: 2)
    let now = MonotonicTime(nanoseconds: 0)
    var admitted = 0
    for number in 0..<10_000 {
      let key = LogSampler.Key(level: .info, component: "a", message: "\(number)")
      if sampler.admit(key, at: now) != nil { admitted += 1 }
    }
    #expect(admitted == 512)
    #expect(sampler.summaries(at: now + .seconds(1)).map(\.repeats) == [10_000 - 512])
    #expect(sampler.admit(LogSampler.Key(level: .info, component: "a", message: "x"), at: now + .seconds(1)) == 0)
  }

  @Test func `turns the file over at its limit and keeps as many as asked`() throws {
    let logger = try Logger(path: directory.file("log"), byteLimit: 100, keep: 2, repeatLimit: 1000)
    for number in 1...8 { logger.info("test", "line", ["number": number, "pad": "xxxxxxxxxxxx"]) }
    let names = try PosixDisk().list(directory.path).map(\.name)
    #expect(names == ["log", "log.1", "log.2"])
    #expect(try directory.text("log").contains("number=8"))
    #expect(try directory.text("log.1").contains("number=7"))
    #expect(try directory.text("log.2").contains("number=6"))
  }

  @Test func `a file that was moved away is opened anew when it is asked for`() throws {
    let path = directory.file("log")
    let queue = try LogQueue(output: LogOutput(path: path, byteLimit: 1 << 20, keep: 1))
    queue.add("before\n")
    #expect(queue.flush(within: .seconds(300)))
    try PosixDisk().rename(path, to: directory.file("moved"))
    queue.reopen()
    #expect(queue.flush(within: .seconds(300)))
    queue.add("after\n")
    queue.end(within: .seconds(300))
    #expect(try directory.text("moved") == "before\n")
    #expect(try directory.text("log") == "after\n")
  }

  @Test func `a file that cannot be opened anew is written to further, which a line says`() throws {
    let disk = PosixDisk()
    try disk.createDirectory(directory.file("place"))
    let logger = try Logger(path: directory.file("place/log"))
    try disk.rename(directory.file("place"), to: directory.file("moved"))
    logger.reopen()
    logger.info("test", "after")
    let text = try directory.text("moved/log")
    #expect(text.contains(" WARN log: the log file cannot be opened anew") && text.hasSuffix("INFO test: after\n"))
  }

  @Test func `lines of many threads stay whole`() throws {
    let logger = try Logger(path: directory.file("log"), byteLimit: 1 << 20, repeatLimit: 100_000)
    let threads = try (0..<4).map { thread in
      try Thread.start(name: "writer-\(thread)") {
        for number in 0..<200 { logger.info("test", "line", ["thread": thread, "number": number]) }
      }
    }
    for thread in threads { thread.join() }
    let lines = try directory.text("log").split(separator: "\n")
    #expect(lines.count == 800)
    #expect(lines.allSatisfy { $0.contains(" INFO test: line thread=") })
  }

  // MARK: On a thread

  @Test func `a thread writes what it is given in its order`() throws {
    let logger = try Logger(onThreadTo: directory.file("log"), repeatLimit: 100_000)
    for number in 0..<1000 { logger.info("test", "line", ["number": number]) }
    logger.flush()
    let lines = try directory.text("log").split(separator: "\n")
    #expect(lines.map { String($0.split(separator: "=").last ?? "") } == (0..<1000).map(String.init))
  }

  @Test func `the end of a logger waits for its last lines`() throws {
    var begin: MonotonicTime
    // Repeats are those of one second; a machine that stood still meanwhile says them again.
    repeat {
      try PosixDisk().removeFile(directory.file("log"))
      begin = SystemClock.monotonic()
      let logger = try Logger(onThreadTo: directory.file("log"), repeatLimit: 1)
      for _ in 0..<3 { logger.error("test", "the last words") }
    } while SystemClock.monotonic() - begin >= .seconds(1)
    let lines = try directory.text("log").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.last?.hasSuffix("the last words repeated=2") == true)
  }

  @Test func `lines that nobody reads keep nobody waiting, and are dropped and counted`() throws {
    let pipe = Pipe()
    let readable = pipe.fileHandleForReading.fileDescriptor
    let queue = try LogQueue(
      output: LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor), byteLimit: 10_000)
    let line = String(repeating: "x", count: 99) + "\n"
    // The pipe is full, but for less than a line. A user who has many pipes gets small ones; Swift does not know
    // F_GETPIPE_SZ by its name.
    let getPipeSize: Int32 = 1032
    let fitting = Int(fcntl(readable, getPipeSize)) / line.utf8.count
    try #require(fitting > 0)
    try pipe.fileHandleForWriting.write(contentsOf: Data(String(repeating: line, count: fitting).utf8))
    for _ in 0..<10_000 { queue.add(line) }
    #expect(!queue.flush(within: .zero))
    let read = Locked<[UInt8]?>(nil)
    let reader = try Thread.start(name: "reader") {
      let bytes = ProcessIO.read("/proc/self/fd/\(readable)")
      read.withLock { $0 = bytes }
    }
    #expect(queue.flush(within: .seconds(300)))
    queue.add(line)
    queue.end(within: .seconds(300))
    try pipe.fileHandleForWriting.close()
    reader.join()
    let lines = String(decoding: read.withLock { $0 } ?? [], as: UTF8.self).split(separator: "\n")
    let whole = lines.filter { $0 == line.dropLast() }.count
    let told = lines.filter { $0.contains(" WARN log: lines were dropped") }
    let dropped = told.compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }.reduce(0, +)
    #expect(lines.count == whole + told.count)
    #expect(whole + dropped == fitting + 10_000 + 1)
    #expect(dropped >= 9_800)
    // There is space again.
    #expect(lines.last ?? "" == line.dropLast())
  }
}
