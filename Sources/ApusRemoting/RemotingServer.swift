import ApusBase
package import ApusModel
package import ApusSystem
import Synchronization

/// Serves the remoting protocol: one or more ports, each with its service, on shared event loops.
///
/// The order of a life: `bind` (the ports are taken, so that a second process finds out at once), `start`, then
/// `quiesce` (nothing more is taken or read), the services finish what they have begun, `close`.
package final class RemotingServer: Sendable {
  private let loops: [RemotingLoop]
  private let settings: RemotingSettings
  private let tls: ServerTLS?
  private let log: Logger
  private let listeners = Locked<[Listener]>([])

  /// Makes a server on event loops, which may be running. Without `tls` its ports take plain frames, and TLS is not
  /// recognised.
  package init(
    loops: [EventLoop], settings: RemotingSettings = RemotingSettings(), tls: ServerTLS? = nil, log: Logger
  ) {
    self.tls = tls
    precondition(!loops.isEmpty, "a server needs a loop")
    self.settings = settings
    self.log = log
    let inbound = InboundBudget(limit: settings.inboundBudget, frameLimit: settings.effectiveFrameLimit)
    let outbound = OutboundBudget(limit: settings.outboundBudget)
    self.loops = loops.map { RemotingLoop($0, settings: settings, inbound: inbound, outbound: outbound, log: log) }
    for shared in self.loops { shared.loop.execute { shared.loop.observe(shared) } }
  }

  /// Takes a port for a service; connections wait until `start`. The result tells the port when 0 was asked for. Throws
  /// when the port is in use, naming it.
  @discardableResult
  package func bind(_ address: SocketAddress, service: any RemotingService) throws(SystemError) -> Listener {
    try bind(address, service: service, accept: Socket.accept)
  }

  func bind(
    _ address: SocketAddress, service: any RemotingService, accept: @escaping Listener.Accept
  ) throws(SystemError) -> Listener {
    let descriptor = try Socket.listen(on: address, backlog: settings.backlog)
    let bound: SocketAddress
    do throws(SystemError) {
      bound = try Socket.localAddress(descriptor)
    } catch {
      Socket.close(descriptor)
      throw error
    }
    let listener = Listener(
      descriptor, HostAddress(bound), service: service, loops: loops, settings: settings, tls: tls, log: log,
      accept: accept)
    listeners.withLock { $0.append(listener) }
    for shared in loops { shared.loop.execute { shared.serve(service) } }
    return listener
  }

  /// Serves a connection that needs no port: takes over the descriptor of a connected stream socket, as if `peer` had
  /// opened it.
  package func adopt(_ descriptor: Int32, peer: HostAddress, service: any RemotingService) {
    for shared in loops { shared.loop.execute { shared.serve(service) } }
    let (target, tls) = (loops.leastLoaded, tls)
    target.assigned.add(1, ordering: .relaxed)
    let isAccepted = target.loop.execute {
      target.open(descriptor, peer: peer, service: service, entrance: tls)
    }
    if !isAccepted { Socket.close(descriptor) }
  }

  /// Begins to take connections on all bound ports.
  package func start() {
    let listeners = listeners.withLock { $0 }
    loops[0].loop.execute { for listener in listeners { listener.start() } }
  }

  /// Frees the ports and reads no more requests; the loops must be running. Returns when that has happened; requests
  /// that were read are still with the services. Not to be called on a loop.
  package func quiesce() {
    let listeners = listeners.withLock { listeners in
      defer { listeners = [] }
      return listeners
    }
    loops[0].loop.executeAndWait { for listener in listeners { listener.close() } }
    for shared in loops { shared.loop.executeAndWait { shared.stopReading() } }
  }

  /// Sends what has been answered and closes all connections; after `limit` those that are left at once. Returns when
  /// none is left. Not to be called on a loop.
  package func close(within limit: Duration) {
    quiesce()
    var waits: [WakeUp] = []
    for shared in loops {
      let done = WakeUp()
      let isAccepted = shared.loop.execute { shared.closeAll(within: limit) { done.signal() } }
      if isAccepted { waits.append(done) }
    }
    for done in waits { done.wait(until: nil) }
  }

  /// Bytes of unfinished requests held at present.
  package var inboundBytes: Int { loops[0].inbound.usedBytes }
  /// Bytes of answers held at present because peers do not fetch them.
  package var outboundBytes: Int { loops[0].outbound.usedBytes }
  /// How many connections are open.
  package var connectionCount: Int { loops.connectionCount }
}
