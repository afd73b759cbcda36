import ApusBase
import ApusProtocol
import Foundation

/// Commands recorded between Java clients, tools and brokers, decoded.
enum RecordedFrames {
  /// One request and what a Java broker answered.
  struct Sample {
    let title: String
    let request: Command
    let response: Command?
  }

  /// The samples of a file below `Fixtures/frames` that a broker answered; those about access control lists left out.
  static func samples(_ file: String) throws -> [Sample] {
    try samples(file) { !$0.contains("session acl") && !$0.contains("-> namesrv") }
  }

  /// The samples of a file that a broker with access control answered.
  static func accessSamples(_ file: String) throws -> [Sample] {
    try samples(file) { $0.contains("session acl") && $0.contains("-> broker") }
  }

  private static func samples(_ file: String, where isWanted: (Substring) -> Bool) throws -> [Sample] {
    var samples: [Sample] = []
    for block in try Fixture.text("frames/\(file).txt").components(separatedBy: "# sample ").dropFirst() {
      let lines = block.split(separator: "\n")
      guard let title = lines.first, isWanted(title) else { continue }
      let request = bytes(lines, ">")
      let response = bytes(lines, "<")
      samples.append(
        Sample(
          title: String(title), request: try Command(frame: request.rawSpan),
          response: response.isEmpty ? nil : try Command(frame: response.rawSpan)))
    }
    guard !samples.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
    return samples
  }

  private static func bytes(_ lines: [Substring], _ mark: Character) -> [UInt8] {
    let digits = lines.filter { $0.first == mark }.flatMap { $0.dropFirst(2).compactMap(\.hexDigitValue) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
