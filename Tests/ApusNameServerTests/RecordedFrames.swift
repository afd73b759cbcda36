import ApusBase
import ApusProtocol
import Foundation

/// Frames recorded between Java brokers, clients, tools and a name server.
enum RecordedFrames {
  /// One request and what answered it.
  struct Sample {
    var title: String
    var request: [UInt8] = []
    var response: [UInt8] = []

    /// The session it was recorded in: `json`, `binary`, `acl` or `synthetic`.
    func isOf(_ session: String) -> Bool { title.contains("session \(session);") }
  }

  private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures/frames")

  /// The samples of a code that a name server answered, of one session or of all.
  static func samples(_ code: RequestCode, session: String? = nil) throws -> [Sample] {
    let digits = String(code.rawValue)
    let prefix = String(repeating: "0", count: 4 - digits.count) + digits + "-"
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    guard let name = names.first(where: { $0.hasPrefix(prefix) }) else { throw CocoaError(.fileNoSuchFile) }
    var samples: [Sample] = []
    for line in try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("# sample ") {
        samples.append(Sample(title: String(line.dropFirst(2))))
      } else if line.hasPrefix("> ") {
        samples[samples.count - 1].request += bytes(hex: line.dropFirst(2))
      } else if line.hasPrefix("< ") {
        samples[samples.count - 1].response += bytes(hex: line.dropFirst(2))
      }
    }
    return samples.filter { $0.title.contains("-> namesrv") && (session.map($0.isOf) ?? true) }
  }

  private static func bytes(hex: Substring) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
