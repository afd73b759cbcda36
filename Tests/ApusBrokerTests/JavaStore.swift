import ApusBase
import ApusModel
import Foundation

@testable import ApusBroker

/// The store that a Java broker wrote, copied so that a broker of ours can go on with it.
final class JavaStore {
  let path: String
  private let directory: String

  /// The settings that it was made with.
  static let settings = [
    ("mappedFileSizeCommitLog", "65536"), ("mappedFileSizeConsumeQueue", "2000"), ("fileReservedTime", "1000000"),
  ]

  init() throws {
    directory = ServedBroker.newDirectory()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "-xzf", root.appending(path: "Fixtures/store/store.tar.gz").path, "-C", directory]
    try tar.run()
    tar.waitUntilExit()
    guard tar.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
    path = directory + "/store"
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: directory) } catch { print("\(directory): \(error)") }
  }

  /// A message of the store.
  struct Message {
    let offset: Int64
    let topic: String
    let queue: Int32
    let queueOffset: Int64
    let keys: String
    let reconsumeTimes: Int32
    let storeTime: Int64
    let properties: [String: String]
  }

  /// All messages of a topic, by their place in the log.
  static func messages(of topic: String) throws -> [Message] {
    let rows = try Fixture.text("store/messages.tsv").split(separator: "\n").dropFirst()
    return try rows.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
      .filter { $0.count == 22 && $0[2] == topic }
      .map { row in
        let text = try JSONDecoder().decode(String.self, from: Data(row[21].utf8))
        return Message(
          offset: Int64(row[0]) ?? -1, topic: row[2], queue: Int32(row[3]) ?? -1, queueOffset: Int64(row[4]) ?? -1,
          keys: row[18], reconsumeTimes: Int32(row[11]) ?? -1, storeTime: Int64(row[9]) ?? -1,
          properties: MessageProperties(Array(text.utf8).rawSpan).dictionary)
      }
  }
}
