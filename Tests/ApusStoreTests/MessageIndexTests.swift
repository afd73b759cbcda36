import ApusBase
import ApusSimulator
import ApusStoreCore
import Testing

@testable import ApusStore

private func offsets(_ values: Int64...) -> [PhysicalOffset] { values.map { PhysicalOffset($0) } }

@Suite struct MessageIndexTests {
  static let settings = MessageIndex.Settings(
    directory: "store/index", layout: IndexLayout(slotCount: 7, entryCount: 6)!, entriesAhead: 2)

  let disk = SimulatedDisk(seed: 5)

  private func open(
    cleanly: Bool = true, checkpoint: Int64 = 0, logEnd: Int64 = 1 << 40
  ) throws -> (index: MessageIndex, removed: [String]) {
    try MessageIndex.open(
      disk: disk, settings: Self.settings,
      after: .init(cleanly: cleanly, checkpoint: WallTime(milliseconds: checkpoint), logEnd: PhysicalOffset(logEnd)))
  }

  /// Fills `count` files of 5 keys; record n lies at 100n and was stored in second n.
  private func filled(_ count: Int, more: Int = 0) throws -> MessageIndex {
    let index = try open().index
    for number in 0..<Int64(count * 5 + more) {
      try index.put("T", keys: "k\(number)", at: number * 100, time: 1000 + number * 1000, on: disk)
    }
    return index
  }

  @Test func `finds a record by its unique key and by each word of its keys`() throws {
    let index = try open().index
    try index.put("T", uniqueKey: "ID", keys: " a  b ", at: 500, time: 10, on: disk)
    #expect(index.query("T", "ID") == offsets(500))
    #expect(index.query("T", "a") == offsets(500))
    #expect(index.query("T", "b") == offsets(500))
    #expect(index.query("U", "a") == [])
    #expect(index.query("T", "") == [])
    #expect(index.files[0].header.nextEntry == 4)
  }

  @Test func `a new file begins where the one before ended, until it has an entry`() throws {
    let index = try filled(1)
    try index.runSteps(on: disk)
    #expect(index.files.count == 2)
    let (first, second) = (index.files[0], index.files[1])
    #expect(first.isFull && first.isFlushed && second.isEmpty)
    #expect(second.header == IndexHeader(following: first.header.endTime, first.header.endOffset))
    try index.put("T", keys: "x", at: 900, time: 9000, on: disk)
    #expect(second.header.beginOffset == PhysicalOffset(900))
    #expect(second.header.beginTime == WallTime(milliseconds: 9000))
  }

  @Test func `a record with more keys than files have room for goes on in the next`() throws {
    let index = try open().index
    let words = (0..<23).map { "w\($0)" }
    try index.put("T", uniqueKey: "ID", keys: words.joined(separator: " "), at: 77, time: 5, on: disk)
    #expect(index.files.map(\.header.nextEntry) == [6, 6, 6, 6, 5])
    for word in words + ["ID"] { #expect(index.query("T", word) == offsets(77)) }
  }

  @Test func `a record that is put again is in once`() throws {
    let index = try filled(2, more: 1)
    let before = index.files.map(\.header)
    try index.put("T", keys: "k10", at: 1000, time: 11_000, on: disk)
    try index.put("T", keys: "k3", at: 300, time: 4000, on: disk)
    #expect(index.files.map(\.header) == before)
    try index.put("T", keys: "k10 new", at: 1000, time: 11_000, on: disk)
    #expect(index.query("T", "new") == offsets(1000))
    #expect(index.files.last?.header.nextEntry == 3)
  }

  @Test func `finds by time to the second, newest first up to the limit, in the order of the log`() throws {
    let index = try open().index
    for number in 0..<20 as Range<Int64> {
      try index.put("T", keys: "k", at: number * 10, time: 1_000_000 + number * 1000, on: disk)
    }
    func found(_ begin: Int64, _ end: Int64, limit: Int = 64) -> [PhysicalOffset] {
      index.query(
        topic: Array("T".utf8).rawSpan, key: Array("k".utf8).rawSpan,
        in: WallTime(milliseconds: begin)...WallTime(milliseconds: end), limit: limit)
    }
    #expect(found(1_003_000, 1_006_000) == offsets(30, 40, 50, 60))
    #expect(found(1_003_500, 1_003_600) == offsets(30))
    #expect(found(0, 999_000) == [])
    #expect(found(0, 2_000_000, limit: 3) == offsets(170, 180, 190))
  }

  @Test func `file names grow even when the clock does not`() throws {
    disk.now = WallTime(milliseconds: 50)
    _ = try filled(2, more: 1)
    #expect(try disk.list("store/index").map(\.name) == ["50", "51", "52"])
  }

  @Test func `a full device is an error of the step, and leaves no file`() throws {
    let index = try open().index
    disk.capacity = 4096
    try disk.write(to: "store/other", bytes: 4096)
    let step = try #require(index.planStep(now: disk.now) { _ in "1" })
    #expect(throws: DiskError.self) { try step.run(on: disk) }
    #expect(try disk.list("store/index") == [])
    #expect(index.put("T", "k", 0) == .needsStep)
    disk.capacity = 1 << 20
    try index.put("T", keys: "k", at: 0, time: 1, on: disk)
    #expect(disk.writesWithoutSpace == 0)
  }

  @Test func `a clean stop keeps everything`() throws {
    let index = try filled(1, more: 3)
    while let step = index.planFlush() { index.finish(step, try step.run(on: disk)) }
    #expect(index.durableTime == WallTime(milliseconds: 8000))
    index.close(on: disk)
    disk.crash(.powerLoss)
    disk.restart()
    let (again, removed) = try open(checkpoint: 8000)
    #expect(removed == [])
    #expect(again.query("T", "k7") == offsets(700))
    try again.put("T", keys: "k8", at: 800, time: 9000, on: disk)
    #expect(again.query("T", "k8") == offsets(800))
    #expect(disk.writesWithoutSpace == 0)
  }

  @Test(arguments: [CrashKind.kill, .powerLoss])
  func `a crash destroys the newest file and those that the checkpoint does not cover`(kind: CrashKind) throws {
    let index = try filled(3, more: 2)
    #expect(index.durableTime == WallTime(milliseconds: 15_000))
    disk.crash(kind)
    disk.restart()
    let (again, removed) = try open(cleanly: false, checkpoint: 10_000)
    #expect(removed.count >= 1 && again.files.count == 2)
    #expect(again.resumeOffset == PhysicalOffset(900))
    for number in 0..<17 as Range<Int64> {
      try again.put("T", keys: "k\(number)", at: number * 100, time: 1000 + number * 1000, on: disk)
    }
    for number in 0..<17 as Range<Int64> { #expect(again.query("T", "k\(number)") == offsets(number * 100)) }
  }

  @Test func `files with records that the log lost are destroyed`() throws {
    let index = try filled(2, more: 3)
    index.close(on: disk)
    let (again, removed) = try open(logEnd: 900)
    #expect(removed.count == 2)
    #expect(again.files.count == 1)
    #expect(again.resumeOffset == PhysicalOffset(400))
  }

  @Test func `files before the start of the log are removed, never the newest`() throws {
    let index = try filled(3)
    #expect(index.takeExpired(before: PhysicalOffset(400)) == nil)
    let removal = try #require(index.takeExpired(before: PhysicalOffset(1 << 30)))
    #expect(removal.names.count == 2)
    try removal.run(on: disk)
    #expect(index.query("T", "k9") == [])
    #expect(index.query("T", "k10") == offsets(1000))
  }

  @Test func `what a failed flush touched is built anew`() throws {
    let index = try filled(1)
    disk.plan = FaultPlan(failures: [.init(.flush, occurrence: 1, code: .failed(ErrorNumber.inputOutput))])
    let step = try #require(index.planStep(now: disk.now) { "\($0.milliseconds)" })
    guard case .flush = step.work else {
      Issue.record("the step makes nothing durable")
      return
    }
    #expect(throws: DiskError.self) { try step.run(on: disk) }
    let removal = try #require(index.abandon(step))
    try removal.run(on: disk)
    #expect(index.resumeOffset == .zero)
    for number in 0..<5 as Range<Int64> {
      try index.put("T", keys: "k\(number)", at: number * 100, time: 1000 + number * 1000, on: disk)
      #expect(index.query("T", "k\(number)") == offsets(number * 100))
    }
  }

  @Test(arguments: [(0, 0xFF), (36, 0x7F)])
  func `a file of another length or with a header that cannot be is removed, with all after it`(
    offset: Int64, byte: UInt8
  ) throws {
    let index = try filled(2, more: 1)
    index.close(on: disk)
    let name = index.files[1].name
    let file = try disk.open("store/index/" + name, create: false)
    if offset == 0 {
      try disk.setLength(of: file, to: 100)
    } else {
      try unsafe [byte].withUnsafeBytes { try unsafe disk.write(file, at: offset, from: $0) }
    }
    let (again, removed) = try open()
    #expect(removed == index.files.dropFirst().map(\.name))
    #expect(again.files.count == 1)
  }

  @Test func `a ring of entries ends the search`() throws {
    let index = try open().index
    try index.put("T", keys: "k", at: 10, time: 5, on: disk)
    let file = index.files[0]
    let entry = IndexEntry(keyHash: 1, offset: PhysicalOffset(10), secondsFromBegin: 0, previous: 1)
    unsafe entry.store(to: file.segment.base + file.layout.entryOffset(1))
    #expect(index.query("T", "k") == [])
  }
}

extension SimulatedDisk {
  /// Makes a file that takes up space.
  fileprivate func write(to path: String, bytes: Int64) throws {
    let file = try open(path, create: true)
    try allocate(file, length: bytes)
    close(file)
  }
}

extension MessageIndex {
  fileprivate func put(_ topic: String, _ key: String, _ offset: Int64) -> Outcome {
    let none: [UInt8] = []
    return put(
      topic: Array(topic.utf8).rawSpan, uniqueKey: Array(key.utf8).rawSpan, keys: none.rawSpan,
      offset: PhysicalOffset(offset), time: WallTime(milliseconds: 1))
  }
}
