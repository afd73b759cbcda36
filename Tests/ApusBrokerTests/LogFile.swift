import ApusSystem
import Foundation
import Testing

/// A log in a file of its own, which is removed at the end of the test.
final class LogFile {
  /// Writes to the file.
  let logger: Logger
  private let path = ServedBroker.newDirectory() + ".log"

  init(level: LogLevel = .info) throws { logger = try Logger(path: path, level: level) }

  deinit {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      Issue.record("the log cannot be removed: \(error)")
    }
  }

  /// The lines so far that hold a text, without their time.
  func lines(with text: String) throws -> [String] {
    logger.flushRepeats()
    let all = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    return all.split(separator: "\n").filter { $0.contains(text) }.map { line in
      line.split(separator: " ", maxSplits: 1).last.map(String.init) ?? ""
    }
  }
}
