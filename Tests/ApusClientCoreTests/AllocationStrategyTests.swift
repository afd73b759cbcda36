import ApusModel
import Foundation
import Testing

@testable import ApusClientCore

@Suite struct AllocationStrategyTests {
  /// strategy, virtual nodes, topic, queues, clients, client, result
  private func strategy(_ row: [String]) throws -> AllocationStrategy {
    switch row[0] {
    case "AVG": return .average
    case "AVG_BY_CIRCLE": return .averageByCircle
    case "CONSISTENT_HASH": return .consistentHash(virtualNodes: try #require(Int(row[1])))
    case "MACHINE_ROOM": return .machineRoom(["idc1", "idc2"])
    case "MACHINE_ROOM_NEARBY-AVG": return nearby(.average)
    case "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE": return nearby(.averageByCircle)
    default: throw CocoaError(.featureUnsupported)
    }
  }

  private func nearby(_ inner: AllocationStrategy) -> AllocationStrategy {
    let room: @Sendable (String) -> String = { String($0.prefix { $0 != "-" }) }
    return .nearby(inner, brokerRoom: room, clientRoom: room)
  }

  private func queues(_ topic: String, _ text: String) throws -> [MessageQueue] {
    guard text != "-", !text.isEmpty else { return [] }
    return try text.split(separator: ",").map { part in
      let pair = part.split(separator: ":")
      return MessageQueue(topic: topic, brokerName: String(pair[0]), queueID: try #require(Int32(pair[1])))
    }
  }

  @Test func `shares are those that Java works out`() throws {
    for row in try RecordedRows.of("allocate") {
      let strategy = try strategy(row)
      let clients = row[4].split(separator: ",").map(String.init)
      let share = strategy.allocate(try queues(row[2], row[3]), among: clients, to: row[5])
      #expect(share == (try queues(row[2], row[6])), "\(row)")
      #expect(strategy.name == row[0])
    }
  }

  @Test func `hashes of the ring are Java's`() throws {
    for row in try RecordedRows.of("consistentHashKey") {
      let key = try JSONDecoder().decode(String.self, from: Data(row[0].utf8))
      #expect(MD5.prefix(key) == UInt32(row[1]))
    }
  }

  private static let shared: [AllocationStrategy] = [.average, .averageByCircle, .consistentHash()]

  @Test(arguments: 0..<3, [1, 2, 3, 7])
  func `every queue belongs to exactly one client`(strategy: Int, clientCount: Int) {
    let queues = (0..<17).map { MessageQueue(topic: "T", brokerName: "b\($0 / 8)", queueID: Int32($0 % 8)) }.sorted()
    let clients = (0..<clientCount).map { "10.0.0.\($0)@1" }.sorted()
    let shares = clients.map { Self.shared[strategy].allocate(queues, among: clients, to: $0) }
    #expect(shares.flatMap { $0 }.sorted() == queues)
  }

  @Test func `a client that is not in the list gets nothing`() {
    let queues = [MessageQueue(topic: "T", brokerName: "b", queueID: 0)]
    for strategy in Self.shared { #expect(strategy.allocate(queues, among: ["a", "b"], to: "c").isEmpty) }
    #expect(AllocationStrategy.average.allocate([], among: ["a"], to: "a").isEmpty)
  }
}
