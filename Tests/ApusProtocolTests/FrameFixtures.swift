import ApusBase
import ApusProtocol
import Foundation
import Testing

/// Frames recorded between a Java broker, its clients, tools and name server.
enum FrameFixtures {
  /// One request and what answered it.
  struct Sample: Sendable, CustomTestStringConvertible {
    var file: String
    /// The line that says who sent it and when.
    var title: String
    /// The whole frame of the request; empty when the sample has only an answer.
    var request: [UInt8]
    /// The whole frame of the answer; empty for none.
    var response: [UInt8]

    var testDescription: String { "\(file): \(title)" }
  }

  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/frames")

  /// The names of all recorded files.
  static let files: [String] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { $0.hasSuffix(".txt") }.sorted()
  }()

  /// The samples of one request code.
  static func samples(_ code: RequestCode) throws -> [Sample] {
    let number = String(code.rawValue)
    let prefix = String(repeating: "0", count: max(0, 4 - number.count)) + number + "-"
    guard let file = files.first(where: { $0.hasPrefix(prefix) }) else { throw CocoaError(.fileNoSuchFile) }
    return try samples(in: file)
  }

  /// The samples of one file, in the order recorded.
  static func samples(in file: String) throws -> [Sample] {
    let text = try String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8)
    var samples: [Sample] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# sample ") {
        samples.append(Sample(file: file, title: String(line.dropFirst(2)), request: [], response: []))
      } else if line.hasPrefix("> ") {
        samples[samples.count - 1].request += hexadecimal(line.dropFirst(2))
      } else if line.hasPrefix("< ") {
        samples[samples.count - 1].response += hexadecimal(line.dropFirst(2))
      }
    }
    return samples
  }

  /// The bytes of lines of digits; lines that start with `#` are comments.
  static func hexadecimalLines(_ text: String) -> [UInt8] {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") }.flatMap(hexadecimal)
  }

  private static func hexadecimal(_ text: Substring) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
