import ApusModel
import ApusRemoting
import ApusSystem

/// A loop with a server on it, for services that tests play.
final class ServerLoop: Sendable {
  private let loop: EventLoop
  private let server: RemotingServer

  init(index: Int, name: String) throws {
    loop = try EventLoop(index: index, name: name)
    server = RemotingServer(loops: [loop], log: Logger(level: .error))
  }

  /// Serves on a free port of this machine; returns where, `host:port`.
  func start(_ service: any RemotingService) throws -> String {
    let port = try server.bind(.loopback(port: 0), service: service).address.port
    try loop.start()
    server.start()
    return "127.0.0.1:\(port)"
  }

  func stop() {
    server.quiesce()
    server.close(within: Patience.end)
    loop.stop()
    loop.join()
  }
}
