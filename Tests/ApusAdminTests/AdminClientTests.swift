import ApusClient
import ApusSystem
import Testing

@testable import ApusAdmin

@Suite(.timeLimit(.minutes(10))) struct AdminClientTests {
  @Test func `a server that gave no answer in time is not asked again so soon`() async throws {
    // The system takes connections for it, and nobody reads from them.
    let socket = try Socket.listen(on: .loopback(port: 0))
    defer { Socket.close(socket) }
    let server = "\(try Socket.localAddress(socket))"
    var configuration = ClientConfiguration(nameServers: [server])
    configuration.requestTimeout = .milliseconds(50)
    let client = try AdminClient(configuration)
    let refusal = AdminError("\(server) gave no answer in time before and is not asked again so soon")
    let first = await #expect(throws: AdminError.self) { try await client.settings(ofBroker: server) }
    #expect(first != refusal)
    await #expect(throws: refusal) { try await client.settings(ofBroker: server) }
  }
}
