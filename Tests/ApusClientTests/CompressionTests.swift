import ApusBase
import ApusModel
import Foundation
import Testing

@testable import ApusClient

@Suite(.timeLimit(.minutes(10))) struct CompressionTests {
  /// What the recorded bodies are when decompressed is known by its hash; each consists of repeated lines.
  private struct Recorded {
    let flag: SysFlag
    let body: [UInt8]

    static func all() throws -> [Recorded] {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let text = try String(
        contentsOf: root.appendingPathComponent("Fixtures/bodies/compressed.tsv"), encoding: .utf8)
      return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { row in
        let parts = row.split(separator: "\t")
        return Recorded(flag: SysFlag(rawValue: Int32(parts[0]) ?? 0), body: Self.bytes(parts[2]))
      }
    }

    private static func bytes(_ hex: Substring) -> [UInt8] {
      let digits = Array(hex.utf8)
      return stride(from: 0, to: digits.count, by: 2).map { index in
        UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
      }
    }
  }

  private func inflate(_ bytes: [UInt8], _ flag: SysFlag, limit: Int = 1 << 20) throws -> [UInt8] {
    try Compression.inflate(bytes.rawSpan, flag, limit: limit)
  }

  @Test func `bodies that Java compressed are read, and written again they come back`() throws {
    let recorded = try Recorded.all()
    #expect(Set(recorded.map(\.flag.compression)) == [.zlib, .lz4, .zstd])
    for item in recorded {
      let body = try inflate(item.body, item.flag)
      #expect(body.count >= 4096)
      #expect(throws: DecodeError.self) { try inflate(item.body, item.flag, limit: body.count - 1) }
      #expect(try inflate(item.body + [1, 2, 3], item.flag, limit: body.count) == body)
      let type: CompressionType = item.flag.compression == .lz4 ? .lz4 : item.flag.compression == .zstd ? .zstd : .zlib
      let again = try #require(Compression.deflate(body, type, level: 5))
      #expect(again.flag == item.flag)
      #expect(try inflate(again.body, again.flag) == body)
    }
  }

  @Test(arguments: CompressionType.allCases)
  func `what is cut off or damaged is refused and never too large`(type: CompressionType) throws {
    let body = Array(String(repeating: "some words that repeat ", count: 300).utf8)
    let packed = try #require(Compression.deflate(body, type, level: 5))
    for count in 0..<packed.body.count {
      #expect(throws: DecodeError.self) { try inflate(Array(packed.body[..<count]), packed.flag) }
    }
    var random = SeededGenerator(seed: 4)
    for _ in 0..<2_000 {
      var damaged = packed.body
      damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
      do {
        #expect(try inflate(damaged, packed.flag, limit: 10_000).count <= 10_000)
      } catch is DecodeError {
        continue
      }
    }
    let noise = (0..<5_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    #expect(Compression.deflate(noise, type, level: 5) == nil)
    let bomb = try #require(Compression.deflate([UInt8](repeating: 0, count: 8 << 20), type, level: 5))
    #expect(throws: DecodeError.self) { try inflate(bomb.body, bomb.flag, limit: 1 << 20) }
  }

  @Test func `what would become too large at once is left for the next answer`() throws {
    let packed = try #require(Compression.deflate([UInt8](repeating: 7, count: 10_000), .zlib, level: 5))
    struct Outcome: Equatable {
      var offsets: [Int64]
      var next: Int64?
      var damaged = 0
    }
    func read(_ bytes: [UInt8], budget: Int) -> Outcome {
      var damaged = 0
      let found = ReceivedMessage.read(bytes.rawSpan, broker: "b", budget: budget) { _ in damaged += 1 }
      return Outcome(offsets: found.messages.map { $0.queueOffset }, next: found.next, damaged: damaged)
    }
    func record(_ offset: Int64) -> [UInt8] {
      ReceivedMessage.record(queueOffset: offset, body: packed.body, flag: packed.flag)
    }
    let four = (10..<14).flatMap { record($0) }
    #expect(read(four, budget: 40_000) == Outcome(offsets: [10, 11, 12, 13]))
    #expect(read(four, budget: 20_000) == Outcome(offsets: [10, 11], next: 12))
    #expect(read(four, budget: 1) == Outcome(offsets: [10], next: 11))
    // What is not compressed is as large as it came.
    let mixed = record(10) + ReceivedMessage.record(queueOffset: 11) + record(12)
    #expect(read(mixed, budget: 1) == Outcome(offsets: [10, 11], next: 12))
    // One that is given up may have cost as much as any.
    let bad = ReceivedMessage.record(queueOffset: 9, body: [1, 2, 3], flag: packed.flag)
    let budget = ReceivedMessage.inflationBudget
    #expect(read(bad + four, budget: budget) == Outcome(offsets: [], next: 10, damaged: 1))
  }

  @Test func `an unknown type is refused`() {
    #expect(throws: DecodeError.self) { try inflate([1], SysFlag(rawValue: 0x401)) }
  }

  @Test(arguments: CompressionType.allCases)
  func `large bodies are compressed on the way, small ones and batches are not`(type: CompressionType) async throws {
    let cluster = try Cluster()
    let client = try await cluster.client()
    var configuration = ProducerConfiguration.patient
    configuration.compression = type
    let producer = try client.producer(group: "pg", configuration)
    let large = String(repeating: "large ", count: 2_000)
    let queue = try await producer.send(Message(topic: "Packed", text: large)).queue
    try await producer.send(Message(topic: "Packed", text: "small"), to: queue)
    let batch = try await producer.send([Message(topic: "Packed", text: large)])
    let stored = try await cluster.records(in: queue, by: client)
    let flag = SysFlag(rawValue: stored[0].systemFlag)
    #expect(flag.compression.map { "\($0)" } == type.rawValue)
    #expect(stored[0].text == large)
    #expect(stored[0].storeBytes < 1_000)
    #expect(stored[1].text == "small")
    #expect(!SysFlag(rawValue: stored[1].systemFlag).contains(.compressed))
    let plain = try await cluster.records(in: batch[0].queue, by: client).last
    #expect(plain?.text == large)
    #expect(plain.map { SysFlag(rawValue: $0.systemFlag).contains(.compressed) } == false)
  }

  @Test(arguments: [(CompressionType.zlib, 10), (.zlib, -1), (.zstd, 0), (.zstd, 23)])
  func `a level that there is not is refused`(type: CompressionType, level: Int) throws {
    let client = try MessageClient(ClientConfiguration(nameServers: ["127.0.0.1:1"]))
    var configuration = ProducerConfiguration.patient
    configuration.compression = type
    configuration.compressionLevel = level
    #expect(throws: ClientError(.invalidArgument, "")) { try client.producer(group: "pg", configuration) }
  }
}
