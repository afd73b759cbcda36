import ApusClient
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct AdminSessionTests {
  private static func session(_ notes: Locked<String>) throws -> AdminSession {
    let configuration = ClientConfiguration(nameServers: ["127.0.0.1:1"])
    let console = Console(write: { _ in }, note: { text in notes.withLock { $0 += text } })
    return AdminSession(
      client: try AdminClient(configuration), configuration: configuration, console: console, isJSON: false,
      isConfirmed: false, command: "watch")
  }

  @Test func `a broker that does not know a group's members is not the last one that is asked`() async throws {
    let client = try AdminClient(.patient(["127.0.0.1:1"]))
    let refusals: [String: ResponseCode] = ["new": .consumerNotOnline, "newer": .systemError, "strict": .noPermission]
    func ask(_ names: [String]) async throws(AdminError) -> String? {
      let brokers = names.map { BrokerData(cluster: "c", brokerName: $0, addresses: [0: $0]) }
      return try await client.firstAnswer(of: brokers) { address throws(AdminError) -> String in
        if let code = refusals[address] { throw AdminError("refused by \(address)", code: code) }
        return address
      }
    }
    #expect(try await ask(["new", "newer", "old"]) == "old")
    #expect(try await ask([]) == nil)
    for names in [["newer", "new"], ["new", "strict", "old"]] {
      let last = names[1]
      await #expect(throws: AdminError("refused by \(last)", code: refusals[last])) { try await ask(names) }
    }
  }

  @Test func `a round that fails ends the first time, and later on only itself`() async throws {
    let (notes, rounds) = (Locked(""), Locked(0))
    let session = try Self.session(notes)
    await #expect(throws: AdminError("down")) {
      try await session.again(every: .milliseconds(1)) { () throws(AdminError) in throw AdminError("down") }
    }
    let watching = Task {
      try await session.again(every: .milliseconds(1)) { () throws(AdminError) in
        rounds.withLock { $0 += 1 }
        if rounds.withLock({ $0 }) == 2 { throw AdminError("down") }
      }
    }
    try await until { rounds.withLock { $0 } >= 3 }
    watching.cancel()
    try await watching.value
    #expect(notes.withLock { $0 } == "watch: down\n")
  }
}
