import ApusBase
import ApusModel
import ApusNameServer
import ApusProtocol
import ApusRemoting
import ApusSimulator
import ApusSystem

/// A running name server and a client of it.
final class RunningNameServer: Sendable {
  let loop: EventLoop
  let server: RemotingServer
  let nameServer: NameServer
  let client: RemotingClient
  let address: SocketAddress

  init(disk: SimulatedDisk = SimulatedDisk(seed: 1), loopIndex: Int = 0) throws {
    let log = Logger(level: .error)
    loop = try EventLoop(index: loopIndex)
    nameServer = try NameServer(
      settings: NameServerSettings(home: "home"), ownAddresses: [], disk: disk, log: log)
    server = RemotingServer(loops: [loop], log: log)
    let port = try server.bind(.loopback(port: 0), service: nameServer).address.port
    address = .loopback(port: UInt16(truncatingIfNeeded: port))
    client = RemotingClient(loop: loop, connectTimeout: Patience.limit, log: log)
    server.start()
    nameServer.start(on: [loop])
    try loop.start()
  }

  func call(_ request: some OutgoingRequest) async throws -> Command {
    try await withCheckedThrowingContinuation { continuation in
      client.call(
        address, type(of: request).code, fields: request.fields, body: request.body, timeout: Patience.limit
      ) {
        continuation.resume(with: $0)
      }
    }
  }

  /// Asks until the answer is as wanted; every question is a round trip, so that this is no busy loop. False when it
  /// never is.
  func eventually(
    _ request: some OutgoingRequest, _ isWanted: (Command) throws -> Bool
  ) async throws -> Bool {
    let deadline = SystemClock.monotonic() + Patience.limit
    while SystemClock.monotonic() < deadline {
      if try isWanted(try await call(request)) { return true }
    }
    return false
  }

  func stop() {
    client.close()
    server.quiesce()
    nameServer.stop()
    server.close(within: .seconds(30))
    loop.stop()
    loop.join()
  }
}
