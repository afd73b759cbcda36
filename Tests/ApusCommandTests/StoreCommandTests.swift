import ApusBase
import ApusBroker
import ApusCommandLine
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation
import Testing

@testable import apus

/// `apus store` on the stores that Java 4.9.8 wrote.
@Suite struct StoreCommandTests {
  /// An unpacked copy of a recorded store, removed with it.
  final class RecordedStore {
    let path: String
    var root: String { path + "/store" }

    init(_ archive: String) throws {
      let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/store")
      path = NSTemporaryDirectory() + "apus-command-" + UUID().uuidString
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let tar = Process()
      tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      tar.arguments = ["tar", "-xzf", fixtures.appendingPathComponent(archive).path, "-C", path]
      try tar.run()
      tar.waitUntilExit()
      try #require(tar.terminationStatus == 0)
    }

    deinit {
      do { try FileManager.default.removeItem(atPath: path) } catch { print("\(path): \(error)") }
    }

    /// Changes bytes of a file.
    func write(_ bytes: [UInt8], to file: String, at offset: UInt64) throws {
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: root + "/" + file))
      try handle.seek(toOffset: offset)
      try handle.write(contentsOf: Data(bytes))
      try handle.close()
    }

    /// Every file with its content.
    func files() throws -> [String: Data] {
      var all: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
        let path = root + "/" + name
        let type = try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        guard type == .typeRegular else { continue }
        all[name] = try Data(contentsOf: URL(fileURLWithPath: path))
      }
      return all
    }
  }

  private func arguments(_ line: String) throws -> Arguments {
    try arguments(line.split(separator: " ").map(String.init))
  }

  private func arguments(_ words: [String]) throws -> Arguments {
    guard case .run(let arguments) = try Invocation(commandLine: words) else {
      throw CommandFailure(.failure, "not a command: \(words)")
    }
    return arguments
  }

  /// The index of the recorded stores has 500 slots.
  private func check(_ store: RecordedStore) throws -> (StoreCheckCommand.Outcome, [StoreFinding]) {
    var findings: [StoreFinding] = []
    let line = "apus store check \(store.root) --index-slots 500"
    let closed = try ClosedStore(at: store.root, .reading, arguments(line))
    let outcome = try StoreCheckCommand.inspect(closed) { findings.append($0) }
    return (outcome, findings)
  }

  @Test func `a store that Java closed has no problem, and nothing of it is changed`() throws {
    let store = try RecordedStore("store.tar.gz")
    let before = try store.files()
    let (outcome, findings) = try check(store)
    #expect(findings.isEmpty)
    #expect(outcome.totals.records == 639 && outcome.totals.logFiles == 3)
    #expect(outcome.totals.logEnd == PhysicalOffset(139184))
    #expect(outcome.totals.entries > 500 && outcome.totals.indexFiles == 3 && outcome.totals.keys == 1008)
    #expect(outcome.totals.wasClosed)
    #expect(try store.files() == before)
  }

  @Test(arguments: [
    ("06-bad-crc-middle", StoreFinding.Kind.logDamage), ("11-short-commitlog-file", .logFile),
    ("14-bad-crc-first-file", .logDamage), ("19-blank-record-zeroed", .logDamage),
  ])
  func `damage of a recorded crash is found`(variant: String, kind: StoreFinding.Kind) throws {
    let (outcome, _) = try check(RecordedStore("crashed/\(variant).tar.gz"))
    #expect(outcome.kinds.contains(kind), "\(variant): \(outcome)")
    #expect(!outcome.totals.wasClosed)
  }

  @Test func `what a crash leaves and the next start mends is a note`() throws {
    let (outcome, findings) = try check(RecordedStore("crashed/03-torn-record.tar.gz"))
    #expect(findings.contains { $0.kind == .tornTail && $0.severity == .note })
    #expect(!outcome.kinds.contains(.logDamage))
  }

  @Test func `a body that has changed is found at its place`() throws {
    let store = try RecordedStore("store.tar.gz")
    // The record at 392 of the recorded log has its body at 88.
    try store.write([0x7F], to: "commitlog/00000000000000000000", at: 392 + 90)
    let (_, findings) = try check(store)
    #expect(findings.contains { $0.kind == .logDamage && $0.offset == 392 && $0.severity == .problem })
  }

  @Test func `entries that are gone, wrong or too many are found`() throws {
    let store = try RecordedStore("store.tar.gz")
    let directory = "consumequeue/FxOne/0"
    // The sixth entry is zeroed, the seventh has another size, the eighth points into a record.
    try store.write([UInt8](repeating: 0, count: 20), to: directory + "/00000000000000000000", at: 100)
    try store.write([0, 0, 0, 99], to: directory + "/00000000000000000000", at: 128)
    try store.write([0x01], to: directory + "/00000000000000000000", at: 147)
    let (outcome, findings) = try check(store)
    let path = store.root + "/" + directory
    #expect(findings.contains { $0.kind == .entriesMissing && $0.path == path && $0.offset == 5 })
    #expect(findings.contains { $0.kind == .entryDiffers && $0.path == path && $0.offset == 6 })
    #expect(findings.contains { $0.kind == .entryDangling && $0.path == path })
    #expect(outcome.problems >= 3)
  }

  @Test func `an index that lost an entry is found`() throws {
    let store = try RecordedStore("store.tar.gz")
    let names = try FileManager.default.contentsOfDirectory(atPath: store.root + "/index").sorted()
    // The hash of the tenth entry.
    try store.write([0, 0, 0, 1], to: "index/" + names[0], at: UInt64(40 + 500 * 4 + 10 * 20))
    let (outcome, _) = try check(store)
    #expect(outcome.kinds.contains(.keyMissing) && outcome.kinds.contains(.keyDangling))
    #expect(outcome.kinds.contains(.indexFile))
  }

  @Test func `what is wrong with an index file that the next start makes anew is a note`() throws {
    let store = try RecordedStore("store.tar.gz")
    let names = try FileManager.default.contentsOfDirectory(atPath: store.root + "/index").sorted()
    let newest = try #require(names.last)
    try Data().write(to: URL(fileURLWithPath: store.root + "/abort"))
    // The hash of the tenth entry.
    try store.write([0, 0, 0, 1], to: "index/" + newest, at: UInt64(40 + 500 * 4 + 10 * 20))
    let (outcome, findings) = try check(store)
    let kinds: Set<StoreFinding.Kind> = [.indexFile, .keyMissing, .keyDangling]
    #expect(findings.contains { $0.kind == .indexFile && $0.severity == .note && $0.path.hasSuffix(newest) })
    #expect(findings.contains { $0.kind == .keyMissing && $0.severity == .note })
    #expect(outcome.kinds.isDisjoint(with: kinds))
  }

  @Test func `a damaged configuration file is found`() throws {
    let store = try RecordedStore("store.tar.gz")
    for name in ["topics.json", "topics.json.bak"] {
      let path = store.root + "/config/" + name
      if FileManager.default.fileExists(atPath: path) { try Data("{".utf8).write(to: URL(fileURLWithPath: path)) }
    }
    let (outcome, _) = try check(store)
    #expect(outcome.kinds.contains(.config))
  }

  @Test func `a store that is open is refused`() throws {
    let store = try RecordedStore("store.tar.gz")
    let disk = PosixDisk()
    let lock = try disk.lock(store.root + "/lock")
    defer { disk.close(lock) }
    #expect {
      _ = try ClosedStore(at: store.root, .reading, arguments("apus store check \(store.root) --index-slots 500"))
    } throws: { error in
      (error as? CommandFailure)?.status == .storeInUse
    }
  }

  @Test(arguments: ["check", "dump", "repair"])
  func `who only reads a store makes nothing in it, not even its lock`(action: String) throws {
    let store = try RecordedStore("store.tar.gz")
    // A copy of a store need not have one.
    try FileManager.default.removeItem(atPath: store.root + "/lock")
    let names = try FileManager.default.subpathsOfDirectory(atPath: store.root).sorted()
    let before = try store.files()
    try StoreCommand.run(arguments("apus store \(action) \(store.root) --index-slots 500"))
    #expect(try FileManager.default.subpathsOfDirectory(atPath: store.root).sorted() == names)
    #expect(try store.files() == before)
  }

  @Test func `two may read a store at once, and no broker starts meanwhile`() throws {
    let store = try RecordedStore("store.tar.gz")
    let line = "apus store check \(store.root) --index-slots 500"
    let first = try ClosedStore(at: store.root, .reading, arguments(line))
    let second = try ClosedStore(at: store.root, .reading, arguments(line))
    withExtendedLifetime((first, second)) {
      let path = first.settings.lockPath
      #expect(throws: DiskError(.locked, operation: "lock", path: path)) { try PosixDisk().lock(path) }
    }
  }

  @Test func `what is no store is refused and not made one`() throws {
    let path = NSTemporaryDirectory() + "apus-no-store-" + UUID().uuidString
    #expect {
      _ = try ClosedStore(at: path, .reading, arguments("apus store check \(path)"))
    } throws: { error in
      (error as? CommandFailure)?.status == .disk
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `repair changes nothing unless told, and then builds queues and index anew`() throws {
    let store = try RecordedStore("store.tar.gz")
    try FileManager.default.removeItem(atPath: store.root + "/consumequeue/FxOne")
    let names = try FileManager.default.contentsOfDirectory(atPath: store.root + "/index").sorted()
    try store.write([0, 0, 0, 1], to: "index/" + names[0], at: UInt64(40 + 500 * 4 + 10 * 20))
    let before = try store.files()
    #expect(try check(store).0.problems > 0)
    try StoreCommand.run(arguments("apus store repair \(store.root) --index-slots 500"))
    #expect(try store.files() == before)
    try StoreCommand.run(arguments("apus store repair \(store.root) --index-slots 500 --yes"))
    let (outcome, findings) = try check(store)
    #expect(outcome.problems == 0, "\(findings)")
    #expect(outcome.totals.records == 639 && outcome.totals.keys == 1008)
    // What was there before is kept.
    let names2 = try FileManager.default.contentsOfDirectory(atPath: store.root)
    #expect(names2.contains("consumequeue.before-repair-1") && names2.contains("index.before-repair-1"))
  }

  @Test(arguments: [true, false])
  func `repair asks for the levels before it makes times of delivery anew that may be others`(isKilled: Bool) throws {
    let store = try RecordedStore("store.tar.gz")
    if isKilled {
      try Data().write(to: URL(fileURLWithPath: store.root + "/abort"))
    } else {
      // The first message of level 1 is due a day later.
      var due = ByteWriter(capacity: 8)
      due.write(0x01A1_FB7C_72AF as Int64 + 86_400_000)
      try store.write(due.array, to: "consumequeue/SCHEDULE_TOPIC_XXXX/0/00000000000000000000", at: 12)
    }
    let before = try store.files()
    let words = ["apus", "store", "repair", store.root, "--index-slots", "500", "--yes"]
    #expect {
      try StoreCommand.run(arguments(words))
    } throws: { error in
      (error as? CommandFailure)?.status == .usage
    }
    #expect(try store.files() == before)
    try StoreCommand.run(arguments(words + ["--delay-levels", DelayLevels.standard]))
    #expect(try check(store).0.problems == 0)
  }

  @Test func `dumps show records, entries, keys and marks`() throws {
    let store = try RecordedStore("store.tar.gz")
    let closed = try ClosedStore(at: store.root, .reading, arguments("apus store dump \(store.root) --index-slots 500"))
    let dump = StoreDump(disk: closed.disk, settings: closed.settings)
    var lines: [StoreDump.Line] = []
    try dump.log(from: .zero, count: 1000, withBodies: true) { lines.append($0) }
    #expect(lines.filter { $0.text.contains("topic=") }.count == 639)
    #expect(lines.filter { $0.text.contains("blank=") }.count == 2)
    #expect(lines[0].text.hasPrefix("offset=0 size="))
    #expect(lines[0].json["offset"] == .integer(0))
    lines = []
    try dump.queue("FxOne", 0, from: QueueOffset(3), count: 2, withRecords: true, withBodies: false) {
      lines.append($0)
    }
    #expect(lines.count == 4 && lines[0].text.hasPrefix("queueOffset=3 offset="))
    #expect(lines[1].text.contains("queueOffset=3 "))
    lines = []
    try dump.index(#require(closed.index), from: 0, count: 5) { lines.append($0) }
    #expect(lines.count == 8)
    lines = []
    try dump.marks { lines.append($0) }
    #expect(lines.first?.text.hasPrefix("file=checkpoint log=") == true)
    #expect(lines.last?.text == "closedInOrder=true")
  }

  @Test(arguments: [
    ("--topic FxNone", "the store has no queue of the topic 'FxNone'"),
    ("--topic FxOne --queue 77", "the topic 'FxOne' has no queue 77, but 0"),
  ])
  func `a queue that is not there is no empty one`(options: String, reason: String) throws {
    let store = try RecordedStore("store.tar.gz")
    #expect {
      try StoreCommand.run(arguments("apus store dump \(store.root) queue --index-slots 500 \(options)"))
    } throws: { error in
      guard let failure = error as? CommandFailure else { return false }
      return failure.status == .failure && failure.message.hasPrefix(reason)
    }
  }

  @Test func `pending lists what waits in a store of Java's, and asks for the levels of one that was killed`() throws {
    let store = try RecordedStore("store.tar.gz")
    let line = "apus store pending \(store.root) --index-slots 500"
    let closed = try ClosedStore(at: store.root, .writing, arguments(line))
    var levels: [Int?] = []
    let counts = try StorePendingCommand.list(closed, arguments(line), now: WallTime(milliseconds: 0)) {
      levels.append($0.level)
    }
    #expect(counts.timed == 0)
    #expect(counts.delayed == levels.count)
    let crashed = try RecordedStore("store.tar.gz")
    try Data().write(to: URL(fileURLWithPath: crashed.root + "/abort"))
    let before = try crashed.files()
    #expect {
      try StoreCommand.run(arguments("apus store pending \(crashed.root) --index-slots 500"))
    } throws: { error in
      (error as? CommandFailure)?.status == .usage
    }
    #expect(try crashed.files() == before)
  }

  @Test(arguments: ["apus store", "apus store mend /x", "apus store check", "apus store check /x /y"])
  func `a wrong command line is said to be one`(line: String) throws {
    #expect {
      try StoreCommand.run(arguments(line))
    } throws: { error in
      (error as? CommandFailure)?.status == .usage
    }
  }
}
