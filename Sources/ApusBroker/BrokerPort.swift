package import ApusBase
package import ApusProtocol
package import ApusRemoting
package import ApusSystem

/// One listener of the broker: all codes, or all but pulls on the second port.
package final class BrokerPort: RemotingService {
  private let service: BrokerService
  private let servesPulls: Bool

  /// Serves a listener.
  package init(_ service: BrokerService, servesPulls: Bool) {
    self.service = service
    self.servesPulls = servesPulls
  }

  package func handle(_ request: borrowing Request, on connection: Connection) -> Disposition {
    service.handle(request, on: connection, servesPulls: servesPulls)
  }

  package func refused(_ request: CommandHeader, with reply: Reply, on connection: Connection) {
    service.refused(request, with: reply, from: connection.peer)
  }

  package func connectionClosed(_ connection: Connection) { service.connectionClosed(connection) }

  // Both ports share the loops: what a turn brought is published once, by the first port.
  package func turnEnded(on loop: EventLoop) { if servesPulls { service.turnEnded(on: loop) } }

  package func tick(on loop: EventLoop, now: MonotonicTime) {
    if servesPulls { service.tick(on: loop, now: now) }
  }
}
