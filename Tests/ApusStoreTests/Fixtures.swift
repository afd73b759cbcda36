import ApusBase
import ApusStore
import ApusStoreCore
import ApusSystem
import Foundation

/// Recorded stores in Fixtures/store.
enum Fixtures {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/store")

  /// The rows of a tab-separated file without its comments, split into columns.
  static func rows(_ path: String) throws -> [[String]] {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("# ") }
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  /// What Java made of a crashed variant: the rows whose first column begins with `prefix`, without it.
  static func expected(_ variant: String, _ key: String) throws -> [[String]] {
    try rows("crashed/\(variant).expected.tsv").filter { $0[0] == key }.map { Array($0.dropFirst()) }
  }
}

/// A directory of a test's own, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "apus-store-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// All recorded stores, unpacked once: a child process holds the parent's file locks until it runs its program, so
  /// none may be started while stores are open.
  private static let unpacked = Result { try unpackAll() }

  private static func unpackAll() throws -> TemporaryDirectory {
    let all = try TemporaryDirectory()
    let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.root.path + "/crashed").map {
      "crashed/" + $0
    }
    for archive in names + ["store.tar.gz"] where archive.hasSuffix(".tar.gz") {
      let target = all.path + "/" + archive
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      let tar = Process()
      tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      tar.arguments = ["tar", "-xzf", Fixtures.root.appendingPathComponent(archive).path, "-C", target]
      try tar.run()
      tar.waitUntilExit()
      guard tar.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
    }
    return all
  }

  /// A copy of a recorded store at `root`.
  convenience init(unpacking archive: String) throws {
    try self.init()
    let source = try Self.unpacked.get().path + "/" + archive + "/store"
    try FileManager.default.copyItem(atPath: source, toPath: root)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("\(path): \(error)") }
  }

  var root: String { path + "/store" }

  /// The settings that the recorded stores were made with.
  var settings: StoreSettings {
    var settings = StoreSettings(root: root)
    settings.logFileBytes = 65536
    settings.queueFileBytes = 2000
    return settings
  }

  func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: root + "/" + path))) }

  func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: root + "/" + path))
  }

  func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root + "/" + path).sorted()
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

  func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: root + "/" + path) }
}

extension MessageStore {
  /// Runs every step that is due, as a broker's threads would.
  func settle(on disk: any Disk) {
    while let plan = planPreparation() {
      guard finish(plan, plan.run(on: disk)) else { break }
    }
    _ = dispatch()
    if let plan = planFlush() { finish(plan, plan.run(on: disk)) }
    while let plan = planQueueWrites() { finish(plan, plan.run(on: disk)) }
    if let plan = planCheckpoint() { finish(plan, plan.run(on: disk)) }
  }

  /// A pull that waits for what is cold.
  func pull(
    _ queue: ConsumeQueue?, at offset: Int64, count: Int = 32, filter: EntryFilter = .all, on disk: any Disk
  ) -> Fetch {
    var result = Fetch()
    repeat {
      fetch(
        from: queue, at: QueueOffset(offset), limits: FetchLimits(maxMessages: count), filter: filter, into: &result)
      if let plan = result.cold { finish(plan, plan.run(on: disk)) }
    } while result.cold != nil
    return result
  }

  /// The bytes of every message of a queue, by queue offset.
  func allMessages(of queue: ConsumeQueue, on disk: any Disk) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    var offset = queue.minOffset.rawValue
    while offset < queue.maxOffset.rawValue {
      let result = pull(queue, at: offset, count: 1, on: disk)
      var writer = ByteWriter()
      result.copy(into: &writer)
      if result.status == .found { messages.append(writer.array) }
      offset = result.nextOffset.rawValue
    }
    return messages
  }
}
