import ApusBase
import ApusModel
import ApusSimulator
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

/// What a start reads, writes and leaves alone.
@Suite struct RecoveryTests {
  /// The disk of the machine, which notes what is opened, read, written and synced.
  final class WatchedDisk: Disk {
    let disk = PosixDisk()
    let paths = Locked<[Int32: String]>([:])
    let written = Locked<[String: Int]>([:])
    let synced = Locked<Set<String>>([])
    /// How often each file was opened, and read.
    let opened = Locked<[String: Int]>([:])
    let reads = Locked<[String: Int]>([:])

    func write(_ file: DiskFile, at offset: Int64, from buffer: UnsafeRawBufferPointer) throws(DiskError) {
      let path = paths.withLock { $0[file.id] } ?? "?"
      written.withLock { $0[path, default: 0] += buffer.count }
      try unsafe disk.write(file, at: offset, from: buffer)
    }
    func sync(_ file: DiskFile) throws(DiskError) {
      let path = paths.withLock { $0[file.id] } ?? "?"
      _ = synced.withLock { $0.insert(path) }
      try disk.sync(file)
    }
    func open(_ path: String, create: Bool) throws(DiskError) -> DiskFile {
      let file = try disk.open(path, create: create)
      paths.withLock { $0[file.id] = path }
      opened.withLock { $0[path, default: 0] += 1 }
      return file
    }
    /// How many bytes of the log were written through calls.
    var logBytes: Int {
      written.withLock { $0.filter { $0.key.contains("/commitlog/") }.map(\.value).reduce(0, +) }
    }

    func list(_ directory: String) throws(DiskError) -> [DiskEntry] { try disk.list(directory) }
    func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }
    func removeFile(_ path: String) throws(DiskError) { try disk.removeFile(path) }
    func removeDirectory(_ path: String) throws(DiskError) { try disk.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(DiskError) { try disk.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    func lock(_ path: String) throws(DiskError) -> DiskFile { try disk.lock(path) }
    func close(_ file: DiskFile) { disk.close(file) }
    func length(of file: DiskFile) throws(DiskError) -> Int64 { try disk.length(of: file) }
    func data(of file: DiskFile, from offset: Int64) throws(DiskError) -> Range<Int64>? {
      try disk.data(of: file, from: offset)
    }
    func syncAll(at path: String) throws(DiskError) { try disk.syncAll(at: path) }
    func modificationTime(of path: String) throws(DiskError) -> WallTime { try disk.modificationTime(of: path) }
    func setLength(of file: DiskFile, to length: Int64) throws(DiskError) { try disk.setLength(of: file, to: length) }
    func allocate(_ file: DiskFile, length: Int64) throws(DiskError) { try disk.allocate(file, length: length) }
    func read(_ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
      let path = paths.withLock { $0[file.id] } ?? "?"
      reads.withLock { $0[path, default: 0] += 1 }
      return try unsafe disk.read(file, at: offset, into: buffer)
    }
    func readIfCached(
      _ file: DiskFile, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(DiskError) -> Int? {
      try unsafe disk.readIfCached(file, at: offset, into: buffer)
    }
    func map(_ file: DiskFile, length: Int, writable: Bool) throws(DiskError) -> Segment {
      try disk.map(file, length: length, writable: writable)
    }
    func unmap(_ segment: Segment) { disk.unmap(segment) }
    func populate(_ segment: Segment, _ range: Range<Int>) throws(DiskError) { try disk.populate(segment, range) }
    func flush(_ segment: Segment, _ range: Range<Int>) throws(DiskError) { try disk.flush(segment, range) }
    func isResident(_ segment: Segment, _ range: Range<Int>) -> Bool { disk.isResident(segment, range) }
    func warm(_ segment: Segment, _ range: Range<Int>) { disk.warm(segment, range) }
    func space(of path: String) throws(DiskError) -> DiskSpace { try disk.space(of: path) }
  }

  private func settings(_ directory: TemporaryDirectory) -> StoreSettings {
    var settings = StoreSettings(root: directory.root)
    settings.logFileBytes = 64 << 10
    settings.queueFileBytes = 200
    return settings
  }

  private func fill(_ harness: StoreHarness, _ count: Int, _ word: String) throws {
    for number in 0..<count {
      try harness.send("T", Int32(number % 4), "\(word) \(number)")
      harness.now = harness.now.advanced(byMilliseconds: 1)
    }
  }

  private func all(_ harness: StoreHarness) throws -> Int {
    try (0..<4).map { try harness.bodies("T", Int32($0)).count }.reduce(0, +)
  }

  @Test func `after a kill only what came after the mark is written again`() throws {
    let directory = try TemporaryDirectory()
    let disk = WatchedDisk()
    let harness = try StoreHarness(on: disk, settings: settings(directory))
    try fill(harness, 2000, "settled")
    harness.settle()
    let before = harness.store.marks.appended
    try fill(harness, 100, "new")
    let new = harness.store.marks.appended - before
    disk.written.withLock { $0 = [:] }
    try harness.reopen()
    #expect(disk.logBytes == new)
    #expect(try all(harness) == 2100)
  }

  @Test(arguments: [(1, 1), (100, 1), (200, 3), (204, 3), (1000, 6)])
  func `after a kill the file of a queue is opened once and read in few pieces`(count: Int, reads: Int) throws {
    let directory = try TemporaryDirectory()
    let disk = WatchedDisk()
    var settings = settings(directory)
    settings.queueFileBytes = 20 * 2000
    let harness = try StoreHarness(on: disk, settings: settings)
    try fill(harness, 4 * count, "settled")
    harness.settle()
    try fill(harness, 4, "new")
    disk.opened.withLock { $0 = [:] }
    disk.reads.withLock { $0 = [:] }
    try harness.reopen()
    let isQueueFile = { (path: String, _: Int) in path.contains("/consumequeue/") }
    #expect(disk.opened.withLock { $0.filter(isQueueFile).map(\.value) } == [1, 1, 1, 1])
    #expect(disk.reads.withLock { $0.filter(isQueueFile).map(\.value).allSatisfy { $0 <= reads } })
    #expect(try all(harness) == 4 * count + 4)
  }

  @Test func `a queue of which a file in the middle is lost begins where the log begins`() throws {
    let directory = try TemporaryDirectory()
    let disk = WatchedDisk()
    let harness = try StoreHarness(on: disk, settings: settings(directory))
    // Five messages to a log file, ten entries to a queue file.
    for _ in 0..<30 { try harness.send("T", 0, String(repeating: "x", count: 12_500)) }
    harness.settle()
    try disk.removeFile(directory.root + "/commitlog/00000000000000000000")
    try disk.removeFile(directory.root + "/consumequeue/T/0/00000000000000000200")
    // Neither says what is durable, so that everything is read.
    try disk.removeFile(directory.root + "/apus.mark")
    try disk.removeFile(directory.root + "/checkpoint")
    try harness.reopen()
    let queue = try harness.queue("T")
    #expect(queue.minOffset == QueueOffset(5))
    #expect(queue.maxOffset == QueueOffset(30))
    #expect(try harness.bodies("T").count == 25)
  }

  @Test func `a store that was closed is not written again, with a mark or without`() throws {
    for hasMark in [true, false] {
      let directory = try TemporaryDirectory()
      let disk = WatchedDisk()
      let harness = try StoreHarness(on: disk, settings: settings(directory))
      try fill(harness, 2000, "settled")
      try harness.store.close()
      if !hasMark { try disk.removeFile(directory.root + "/apus.mark") }
      disk.written.withLock { $0 = [:] }
      disk.synced.withLock { $0 = [] }
      try harness.reopen()
      #expect(disk.logBytes == 0)
      // Without a mark it may have been copied here a moment ago.
      let files = disk.synced.withLock { $0.filter { $0.contains("/commitlog/") }.count }
      #expect(files == (hasMark ? 0 : 3))
      #expect(try all(harness) == 2000)
    }
  }

  @Test func `without a mark what the checkpoint covers is not written again`() throws {
    let directory = try TemporaryDirectory()
    let disk = WatchedDisk()
    let harness = try StoreHarness(on: disk, settings: settings(directory))
    try fill(harness, 2000, "settled")
    harness.settle()
    let covered = harness.store.marks.appended
    try fill(harness, 100, "new")
    let new = harness.store.marks.appended - covered
    try disk.removeFile(directory.root + "/apus.mark")
    disk.written.withLock { $0 = [:] }
    try harness.reopen()
    // The last record of before has the checkpoint's own time and does not count as covered; blanks have no time.
    #expect(disk.logBytes >= new && disk.logBytes < new + 400)
    #expect(try all(harness) == 2100)
  }

  @Test func `holes stay holes`() throws {
    let directory = try TemporaryDirectory()
    let disk = PosixDisk()
    var settings = settings(directory)
    settings.logFileBytes = 64 << 20
    settings.populateStep = 4096
    settings.populateAhead = 4096
    let harness = try StoreHarness(on: disk, settings: settings)
    try fill(harness, 10, "old")
    try harness.store.close()
    // As Java leaves it: a sparse file of full length, no mark.
    try disk.removeFile(directory.root + "/apus.mark")
    let name = directory.root + "/commitlog/00000000000000000000"
    let bytes = try FileHandle(forReadingFrom: URL(fileURLWithPath: name)).read(upToCount: 4096) ?? Data()
    try disk.removeFile(name)
    let file = try disk.open(name, create: true)
    try disk.setLength(of: file, to: 64 << 20)
    try unsafe bytes.withUnsafeBytes { try unsafe disk.write(file, at: 0, from: $0) }
    #expect(try disk.data(of: file, from: 4096) == nil)
    try harness.reopen()
    #expect(try all(harness) == 10)
    // What was read ahead and made present for writing counts as data, nothing beyond it.
    #expect(try disk.data(of: file, from: 16 << 20) == nil)
    disk.close(file)
  }

  @Test func `what follows a hole in durable bytes is found`() throws {
    let directory = try TemporaryDirectory()
    let disk = PosixDisk()
    let harness = try StoreHarness(on: disk, settings: settings(directory))
    try fill(harness, 300, "body")
    harness.settle()
    try harness.store.close()
    try disk.removeFile(directory.root + "/apus.mark")
    let name = directory.root + "/commitlog/00000000000000000000"
    var bytes = try directory.bytes("commitlog/00000000000000000000")
    // Two pages were lost: with them the records in them, and those that begin or end there.
    for position in 8192..<16384 { bytes[position] = 0 }
    let file = try disk.open(name, create: false)
    try disk.setLength(of: file, to: 0)
    try disk.setLength(of: file, to: Int64(bytes.count))
    try unsafe bytes.withUnsafeBytes { all in
      try unsafe disk.write(file, at: 0, from: UnsafeRawBufferPointer(rebasing: all[..<8192]))
      try unsafe disk.write(file, at: 16384, from: UnsafeRawBufferPointer(rebasing: all[16384...]))
    }
    #expect(try disk.data(of: file, from: 8192)?.lowerBound == 16384)
    disk.close(file)
    try harness.reopen()
    let kept = try all(harness)
    #expect(kept < 300 && kept > 200)
    #expect(try (0..<4).map { try harness.queue("T", Int32($0)).maxOffset.rawValue } == [75, 75, 75, 75])
    #expect(harness.events.contains { if case .damageIsolated(name, _) = $0 { true } else { false } })
  }

  @Test func `progress is told for every 16 MiB`() throws {
    let directory = try TemporaryDirectory()
    let disk = PosixDisk()
    var settings = settings(directory)
    settings.logFileBytes = 64 << 20
    var harness: StoreHarness? = try StoreHarness(on: disk, settings: settings)
    let body = String(repeating: "x", count: 60_000)
    for _ in 0..<600 { try harness?.send("T", 0, body) }
    harness = nil
    var said: [RecoveryProgress] = []
    let store = try MessageStore.open(disk: disk, settings: settings, progress: { said.append($0) })
    #expect(store.marks.appended > PhysicalOffset(36_000_000))
    let path = directory.root + "/commitlog/00000000000000000000"
    #expect(said.filter { $0.phase == .reading(path: path) }.count == 2)
    #expect(said.filter { $0.phase == .writing(path: path) }.count == 2)
    #expect(said.allSatisfy { $0.done <= $0.total })
  }

  /// The machine stops at every call of a start, once or in each of two starts, and the next start finds everything.
  @Test(arguments: [CrashKind.kill, .powerLoss], [false, true])
  func `a start that is interrupted changes nothing for the next`(kind: CrashKind, isForeign: Bool) throws {
    var call = 1
    var isThrough = false
    while !isThrough {
      let disk = SimulatedDisk(seed: UInt64(call))
      var settings = StoreSettings(root: "/store")
      settings.logFileBytes = 4096
      settings.queueFileBytes = 200
      let harness = try StoreHarness(on: disk, settings: settings)
      try fill(harness, 60, "settled")
      harness.settle()
      if isForeign {
        // As Java leaves a store that it closed.
        try harness.store.close()
        disk.lose("/store/apus.mark")
      } else {
        try fill(harness, 20, "new")
        disk.crash(.kill)
        disk.restart()
      }
      for _ in 0..<2 {
        disk.plan = FaultPlan(crashAtCall: call, crashKind: kind)
        do {
          _ = try MessageStore.open(disk: disk, settings: settings)
          isThrough = true
        } catch {
          #expect(disk.hasCrashed)
          disk.restart()
        }
        if isThrough { break }
      }
      if isThrough { disk.crash(kind); disk.restart() }
      try harness.reopen()
      let kept = try all(harness)
      let promised = isForeign ? 60 : kind == .kill ? 80 : 60
      #expect(kept >= promised, "stopped at call \(call)")
      call += 1
    }
    #expect(call > 20)
  }
}
