import ApusBase
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Foundation
import Testing

@testable import ApusClient

/// Frames recorded between Java's clients, name server and broker.
enum RecordedFrames {
  /// One request of a client and what answered it.
  struct Sample {
    var title: String
    var request: [UInt8] = []
    var response: [UInt8] = []
  }

  private static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/frames")

  /// The samples with JSON headers that clients sent by themselves.
  static func samples(_ code: RequestCode) throws -> [(request: Command, response: Command?)] {
    let digits = String(code.rawValue)
    let prefix = String(repeating: "0", count: 4 - digits.count) + digits + "-"
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    let name = try #require(names.first { $0.hasPrefix(prefix) })
    var samples: [Sample] = []
    for line in try String(contentsOf: directory.appending(path: name), encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("# sample ") {
        samples.append(Sample(title: String(line)))
      } else if line.hasPrefix("> ") {
        samples[samples.count - 1].request += bytes(hex: line.dropFirst(2))
      } else if line.hasPrefix("< ") {
        samples[samples.count - 1].response += bytes(hex: line.dropFirst(2))
      }
    }
    return try samples.filter { $0.title.contains("client -> ") && $0.title.contains("session json") }.map {
      (
        try Command(frame: $0.request.rawSpan),
        $0.response.isEmpty ? nil : try Command(frame: $0.response.rawSpan)
      )
    }
  }

  private static func bytes(hex: Substring) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}

/// Plays a name server and a broker with the answers that Java's gave, and keeps what it is asked. Its routes lead to
/// itself; pulls after the first one wait for ever.
final class RecordedServer: RemotingService {
  /// The place of the first message that a pull brings.
  let firstOffset: Int64
  private let answers: [Int32: Command]
  private let seen = Locked<[Command]>([])
  private let pulls = Locked(0)
  private let route = Locked<[UInt8]>([])
  private let loop: ServerLoop
  private let bound = Locked("")

  init() throws {
    var answers: [Int32: Command] = [:]
    for code in [310, 320, 325, 11, 34, 14, 15, 36, 38, 41, 42, 35, 46, 30, 31, 29] as [Int32] {
      let found = try RecordedFrames.samples(RequestCode(code)).compactMap(\.response)
      answers[code] = found.first { $0.responseCode == .success && (code != 11 || !$0.body.isEmpty) }
    }
    // Where the recorded pull begins, so that a consumer that begins there wants its messages.
    let pulled = try #require(answers[11]).body
    firstOffset = try StoredRecord(pulled.rawSpan).queueOffset.rawValue
    answers[14]?.fields = [ReplyField("offset", firstOffset)]
    self.answers = answers
    loop = try ServerLoop(index: 3, name: "test-recorded")
    let address = try loop.start(self)
    bound.withLock { $0 = address }
    let routes = try RecordedFrames.samples(.getRouteInfoByTopic).filter { $0.request["topic"] == "FxTopic" }
    let body = try #require(routes.compactMap(\.response).first { $0.responseCode == .success }).body
    var data = try TopicRouteData(bytes: body)
    for index in data.brokers.indices { data.brokers[index].addresses = [0: address] }
    route.withLock { $0 = data.bytes(.standard) }
  }

  /// Where it listens.
  var address: String { bound.withLock { $0 } }

  func stop() { loop.stop() }

  /// What it was asked with a code.
  func requests(_ code: RequestCode) -> [Command] {
    seen.withLock { $0 }.filter { $0.header.code == code.rawValue }
  }

  func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    let command = Command(copying: request)
    seen.withLock { $0.append(command) }
    if request.code == .getRouteInfoByTopic {
      connection.send(Reply(body: route.withLock { $0 }), to: request.header)
    } else if request.code == .pullMessage,
      pulls.withLock({
        $0 += 1; return $0
      }) > 1
    {
      return .done
    } else if let answer = answers[request.header.code] {
      let reply = Reply(
        answer.responseCode, remark: answer.remark, fields: answer.fields ?? [], body: answer.body)
      connection.send(reply, to: request.header)
    }
    return .done
  }
}
