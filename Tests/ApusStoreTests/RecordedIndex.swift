import ApusBase
import ApusSimulator
import ApusStoreCore
import Foundation

@testable import ApusStore

/// The index files that Java 4.9.8 wrote, with the log that they index and what Java finds in them.
struct RecordedIndex {
  static let layout = IndexLayout(slotCount: 500, entryCount: 400)!
  /// The index time of the recorded checkpoint.
  static let checkpoint = WallTime(milliseconds: 1_795_220_598_436)

  /// A key and the offsets that Java finds for it, newest first; `file` is `*` for all files.
  struct Lookup {
    let file: String
    let topic: String
    let key: String
    let keyHash: Int32?
    let offsets: [PhysicalOffset]
  }

  /// Name and content of the files, oldest first.
  let files: [(name: String, bytes: [UInt8])]
  /// The log's files in order.
  let log: [[UInt8]]
  let lookups: [Lookup]

  init() throws {
    let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/store")
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("apus-index-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "-xzf", fixtures.appendingPathComponent("store.tar.gz").path, "-C", directory.path]
    try tar.run()
    tar.waitUntilExit()
    func content(_ part: String) throws -> [(name: String, bytes: [UInt8])] {
      let part = directory.appendingPathComponent("store").appendingPathComponent(part)
      return try FileManager.default.contentsOfDirectory(atPath: part.path).sorted().map {
        ($0, Array(try Data(contentsOf: part.appendingPathComponent($0))))
      }
    }
    files = try content("index")
    log = try content("commitlog").map(\.bytes)
    let rows = try String(contentsOf: fixtures.appendingPathComponent("index-lookups.tsv"), encoding: .utf8)
      .split(separator: "\n").dropFirst()
    lookups = rows.map { row in
      let columns = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let offsets = columns[6].split(separator: ",").compactMap { Int64($0) }.map { PhysicalOffset($0) }
      return Lookup(
        file: columns[0], topic: columns[1], key: columns[2], keyHash: Int32(columns[4]), offsets: offsets)
    }
  }

  /// Puts the files on a disk.
  func write(to disk: SimulatedDisk, directory: String) throws {
    try disk.createDirectory(directory)
    for (name, bytes) in files {
      let file = try disk.open(directory + "/" + name, create: true)
      try unsafe bytes.withUnsafeBytes { try unsafe disk.write(file, at: 0, from: $0) }
      try disk.sync(file)
      disk.close(file)
    }
    try disk.syncDirectory(directory)
  }
}

extension MessageIndex {
  /// All times.
  static let always = WallTime(milliseconds: 0)...WallTime(milliseconds: .max - 1_000_000)

  func query(_ topic: String, _ key: String, limit: Int = 64) -> [PhysicalOffset] {
    query(topic: Array(topic.utf8).rawSpan, key: Array(key.utf8).rawSpan, in: Self.always, limit: limit)
  }

  /// Puts a record in, doing all steps it needs; files get names from 1 on.
  func put(
    _ topic: String, uniqueKey: String = "", keys: String = "", at offset: Int64, time: Int64, on disk: SimulatedDisk
  ) throws {
    while true {
      let outcome = put(
        topic: Array(topic.utf8).rawSpan, uniqueKey: Array(uniqueKey.utf8).rawSpan, keys: Array(keys.utf8).rawSpan,
        offset: PhysicalOffset(offset), time: WallTime(milliseconds: time))
      if outcome == .done { return }
      try runSteps(on: disk)
    }
  }

  func runSteps(on disk: SimulatedDisk, names: (WallTime) -> String = { "\($0.milliseconds)" }) throws {
    while let step = planStep(now: disk.now, name: names) { finish(step, try step.run(on: disk)) }
  }
}
